"""The package on a machine that ScaNN is not made for."""

import json
import pathlib
import subprocess

import pytest

from realm_tf import errors
from realm_tf.answering import asking
from realm_tf.index.versions import index_store
from realm_tf.serving.export import export_run
from realm_tf.serving.server import servables
from tests import people
from tests.end_to_end import tiny_runs

_STUB = pathlib.Path(__file__).resolve().parents[1] / "without_scann"
_STEPS = 8


def test_pretraining_refreshes_and_searches_its_index(tmp_path):
  corpus = tiny_runs.build_corpus(tmp_path / "corpus", tiny_runs.articles(30))
  environment = tiny_runs.environment(_STUB)
  model_dir = tmp_path / "realm"
  command = tiny_runs.argv(
    "pretrain",
    "--config=tiny",
    f"--corpus={corpus}",
    f"--model_dir={model_dir}",
    *tiny_runs.config_flags(
      train_steps=_STEPS,
      evaluate_every_steps=_STEPS,
      export_every_steps=4,
      index_age_warning_steps=5,
      index_age_limit_steps=6,
      # A tree, which TensorFlow has partitions for.
      exact_search_below=1,
    ),
  )
  done = subprocess.run(
    command, env=environment, capture_output=True, text=True, check=False
  )
  assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]

  said = (done.stdout + done.stderr).splitlines()
  (line,) = [line for line in said if "ScaNN cannot be loaded" in line]
  assert "(ScaNN is not installed): TensorFlow searches in its place" in line
  assert tiny_runs.scalars(model_dir, "train")["loss"].keys() == {
    *range(1, _STEPS + 1)
  }
  store = index_store.IndexStore(str(model_dir))
  assert len(store.versions()) > 1
  path = pathlib.Path(store.path(store.latest()), "manifest.json")
  manifest = json.loads(path.read_text())
  assert manifest["searcher"]["library"] == "tensorflow"
  assert not manifest["searcher"]["exact"]
  assert manifest["recall"] > 0.9


@pytest.fixture(scope="module")
def answered(overfitted):
  """What a run answers where ScaNN is."""
  return _answers(overfitted)


def _answers(model_dir):
  asker = asking.load(str(model_dir), count=3)
  answers = asker([f"where was {person} born?" for person in people.PEOPLE])
  return [(answer.text, answer.evidence.passage.id) for answer in answers]


def test_a_run_with_scanns_index_answers_the_same(
  answered, overfitted, no_scann
):
  assert _answers(overfitted) == answered


def test_a_run_is_exported_and_served(overfitted, no_scann, tmp_path):
  options = {"model_dir": str(overfitted), "output": str(tmp_path / "qa")}
  with pytest.raises(errors.UserError, match="searcher=scann cannot be export"):
    export_run.run(export_run.ExportOptions(**options, searcher="scann"))
  folder = export_run.run(export_run.ExportOptions(**options))
  servable = servables.Servable("qa", 1, folder)
  assert "answer" in servable.signatures
  servable.close()
