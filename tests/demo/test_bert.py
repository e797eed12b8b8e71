"""The BERT that comes with the package is whole, and fits the demo's corpus."""

import json
import os

import numpy as np
import pytest

from realm_tf import files
from realm_tf.checkpoints.formats import hugging_face
from realm_tf.checkpoints.formats import imported
from realm_tf.configs import loading
from realm_tf.data.corpus import corpora
from realm_tf.data.ingest import build
from realm_tf.demo import bert
from realm_tf.demo import settings
from tests.checkpoints import formats


def test_its_files_are_those_that_the_recipe_made():
  with open(os.path.join(bert.FOLDER, bert.RECIPE), encoding="utf-8") as f:
    recipe = json.load(f)
  names = sorted(
    name for name in os.listdir(bert.FOLDER) if name != bert.RECIPE
  )
  assert recipe["sha256"] == {
    name: files.sha256(os.path.join(bert.FOLDER, name)) for name in names
  }
  assert recipe["command"].split()[2] == "realm_tf.launch.pretrain_mlm"


def test_it_is_small():
  sizes = [
    os.path.getsize(os.path.join(bert.FOLDER, name))
    for name in os.listdir(bert.FOLDER)
  ]
  assert sum(sizes) < 6e6


def test_it_has_the_vocabulary_of_the_demos_corpus(tmp_path):
  # Who edits the encyclopedia trains it anew: demo --rebuild_bert.
  build.build(
    build.BuildOptions(
      inputs=[f"encyclopedia:{settings.KINDS}"],
      output=str(tmp_path / "corpus"),
      vocab_size=settings.VOCAB_SIZE,
    )
  )
  corpus = corpora.Corpus.open(str(tmp_path / "corpus"))
  found = imported.read(bert.FOLDER)
  assert list(found.vocabulary) == list(corpus.tokenizer.vocabulary)


def test_it_has_the_shape_of_the_demos_models():
  found = imported.read(bert.FOLDER).config
  for task in ("pretrain_ict", "pretrain"):
    config = loading.load(task, "tiny", {})
    for field in ("num_layers", "hidden_size", "num_heads", "max_positions"):
      assert getattr(found, field) == getattr(config, field)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_weights_survive_in_half_the_bytes(tmp_path, dtype):
  source = hugging_face.read(str(formats.hugging_face(tmp_path / "source")))
  folder = str(tmp_path / "imported")
  imported.write(source, folder, dtype)
  found = imported.read(folder)
  for name, array in source.variables.items():
    assert found.variables[name].dtype == np.float32
    np.testing.assert_array_equal(found.variables[name], array.astype(dtype))
