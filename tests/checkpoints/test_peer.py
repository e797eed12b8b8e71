"""Our models against transformers, live.

REALM_TF_PEER_PYTHON names a Python that has torch and transformers
(docs/warm_starts.md says which); REALM_TF_BERT names a Hugging Face folder to
compare besides the random ones.
"""

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

from realm_tf.checkpoints import comparison
from realm_tf.checkpoints import reading
from realm_tf.checkpoints import realm_comparison
from tests.checkpoints import realm_folders
from tests.checkpoints import sentence_folders

TOLERANCE = 1e-4
PICKLE = """
import sys, safetensors.torch, torch
weights = safetensors.torch.load_file(sys.argv[1] + "/model.safetensors")
torch.save(weights, sys.argv[1] + "/pytorch_model.bin")
"""
MAKE_GOLDEN = pathlib.Path(__file__).with_name("make_golden.py")


@pytest.fixture(scope="module")
def peer():
  """The Python that has torch and transformers."""
  path = os.environ.get("REALM_TF_PEER_PYTHON")
  if not path:
    pytest.skip("needs REALM_TF_PEER_PYTHON, a Python with transformers")
  return path


def make_golden(peer, folder, seed):
  subprocess.run([peer, MAKE_GOLDEN, folder, str(seed)], check=True)
  return folder


@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
def test_random_weights(tmp_path, peer, activation):
  folder = make_golden(peer, tmp_path / "bert", seed=1)
  config = json.loads((folder / "config.json").read_text())
  (folder / "config.json").write_text(
    json.dumps(config | {"hidden_act": activation})
  )
  compared = comparison.compare(reading.read(str(folder)), peer)
  assert "transformers" in compared.program
  assert compared.differences.keys() == {
    "hidden_states",
    "pooled_output",
    "logits",
  }
  assert max(compared.differences.values()) < TOLERANCE


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize(
  ("part", "output"),
  [
    ("embedder", "embeddings"),
    ("scorer", "embeddings"),
    ("encoder", "logits"),
    ("reader", "span_scores"),
  ],
)
def test_random_parts_of_realm(tmp_path, peer, part, output, pickled):
  arrays = getattr(realm_folders, part)()
  folder = realm_folders.write(tmp_path / part, arrays)
  if pickled:
    subprocess.run([peer, "-c", PICKLE, folder], check=True)
    (folder / "model.safetensors").unlink()
  found = reading.read(str(folder))
  compared = realm_comparison.compare(found, peer)
  assert "transformers" in compared.program
  assert compared.differences.keys() == {"hidden_states", output}
  assert max(compared.differences.values()) < TOLERANCE


@pytest.mark.parametrize(
  "shape",
  [
    {"prompts": {"query": "a: ", "document": "b "}},
    {
      "pooling": "cls_token",
      "dense": [sentence_folders.random_dense(1, 32, 8, sentence_folders.TANH)],
      "norm": False,
    },
  ],
)
def test_random_sentence_encoders(tmp_path, peer, shape):
  folder = sentence_folders.write(tmp_path / "st", **shape)
  for dense in folder.glob("*_Dense"):  # which older releases read alone
    subprocess.run([peer, "-c", PICKLE, dense], check=True)
  compared = comparison.compare_embeddings(reading.read(str(folder)), peer)
  if not compared.differences and "sentence_transformers" in compared.program:
    pytest.skip("needs sentence-transformers in REALM_TF_PEER_PYTHON")
  assert "sentence-transformers" in compared.program
  assert compared.differences.keys() == {
    "query_embeddings",
    "passage_embeddings",
  }
  assert max(compared.differences.values()) < 1e-5


def test_the_committed_outputs_are_what_transformers_gives(tmp_path, peer):
  folder = make_golden(peer, tmp_path / "bert", seed=0)
  committed = pathlib.Path(__file__).with_name("tiny_bert") / "outputs.npz"
  with np.load(folder / "outputs.npz") as new, np.load(committed) as old:
    assert set(new) == set(old)
    for name, value in new.items():
      np.testing.assert_allclose(value, old[name], atol=1e-5)


def test_real_weights(peer):
  folder = os.environ.get("REALM_TF_BERT")
  if not folder:
    pytest.skip("needs REALM_TF_BERT, a Hugging Face folder of a BERT")
  compared = comparison.compare(reading.read(folder), peer)
  assert "hidden_states" in compared.differences, compared.program
  assert max(compared.differences.values()) < TOLERANCE
  found = reading.read(folder)
  if found.encoder is not None:
    compared = comparison.compare_embeddings(found, peer)
    assert compared.differences, compared.program
    assert max(compared.differences.values()) < 1e-5
