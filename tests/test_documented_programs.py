import json

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests import documented_programs
from tests import people
from tests.checkpoints import formats


def test_each_program_is_run_by_a_test():
  assert documented_programs.files() == {
    "README.md",  # the client's by tests/serving/client
    "docs/api.md",  # the client's by tests/serving/client
    "docs/warm_starts.md",
    "docs/fine_tuning.md",  # by tests/training/test_finetuning.py
  }


def test_datasets_in_tfds(shared_data, tmp_path, monkeypatch):
  monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path))
  (tmp_path / "downloads").mkdir()
  manual = tmp_path / "downloads" / "manual"  # where TFDS looks by default
  manual.symlink_to(shared_data)
  defined = documented_programs.run(
    "README.md", tmp_path, monkeypatch, with_text="tfds.load"
  )
  assert len(defined["dev"]) == 361


def test_warm_starts_in_code(tmp_path, monkeypatch):
  (tmp_path / "BERT").symlink_to(formats.TINY_BERT)
  defined = documented_programs.run(
    "docs/warm_starts.md", tmp_path, monkeypatch
  )
  assert defined["report"].missing == []
  assert defined["tokenizer"].vocabulary == tuple(formats.VOCABULARY)


@pytest.fixture
def demo(world, overfitted, tmp_path):
  """A folder in which runs/demo has other runs."""
  (tmp_path / "runs" / "demo").mkdir(parents=True)
  (tmp_path / "runs" / "demo" / "qa").symlink_to(overfitted)
  (tmp_path / "runs" / "demo" / "realm").symlink_to(world / "realm")
  return tmp_path


def run_api(folder, monkeypatch, with_text):
  return documented_programs.run(
    "docs/api.md", folder, monkeypatch, with_text=with_text
  )


def test_a_run_is_asked_in_code(demo, monkeypatch):
  defined = run_api(demo, monkeypatch, "OpenQA")
  assert defined["reply"].answer in defined["reply"].evidence.passage.text
  assert [len(reply.further) for reply in defined["replies"]] == [2, 2]


def test_passages_are_retrieved_in_code(demo, monkeypatch):
  defined = run_api(demo, monkeypatch, "Retriever")
  assert len(defined["hits"]) == 5
  assert defined["vectors"].shape == (2, 8)


def test_vectors_are_searched_in_code(tmp_path, monkeypatch):
  defined = run_api(tmp_path, monkeypatch, "Searcher")
  # Vectors of about one length are nearest to themselves.
  assert defined["found"][:, 0].numpy().tolist() == [b"vector 0", b"vector 1"]
  scores, found = defined["others"]
  assert scores.shape == found.shape == (2, 10)
  np.testing.assert_array_equal(found[:, 0], defined["found"][:, 1])


def test_a_model_is_trained_in_code(tmp_path, monkeypatch):
  defined = run_api(tmp_path, monkeypatch, "RealmModel")
  first, second = defined["history"].history["loss"]
  assert second < first
  assert defined["marginal"].log_likelihood.shape == (24,)
  assert defined["logits"].shape == (24, 4, 1, 1000)


def test_the_objective_is_computed_in_code(tmp_path, monkeypatch):
  marginal = run_api(tmp_path, monkeypatch, "marginalize")["marginal"]
  prior = np.exp([0.0, 2.0]) / np.exp([0.0, 2.0]).sum()
  np.testing.assert_allclose(
    marginal.log_likelihood, [np.log(prior @ [0.1, 0.8])], rtol=1e-5
  )
  assert marginal.retrieval_log_probs[0, 2] == -np.inf


def test_the_notebook_runs_from_top_to_bottom(demo, monkeypatch, capsys):
  path = documented_programs.ROOT / "notebooks" / "quickstart.ipynb"
  notebook = json.loads(path.read_text())
  assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
  cells = [c for c in notebook["cells"] if c["cell_type"] == "code"]
  (demo / "notebooks").mkdir()
  monkeypatch.chdir(demo / "notebooks")
  namespace = {}
  for cell in cells:
    assert cell["outputs"] == [] and cell["execution_count"] is None
    exec("".join(cell["source"]), namespace)  # noqa: S102
  assert namespace["reply"].answer in people.PLACES
  masses = [
    sum(getattr(read, name) for read in namespace["filled"].passages)
    for name in ("prior", "posterior")
  ]
  np.testing.assert_allclose(masses, [1, 1], rtol=1e-4)
  printed = capsys.readouterr().out
  assert "dense" in printed
  assert "(null passage)" in printed and " -> " in printed
