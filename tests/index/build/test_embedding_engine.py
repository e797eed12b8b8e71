import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf import stack
from realm_tf.export import embedder_export
from realm_tf.index.build import embed_distributed
from realm_tf.index.build import embed_estimator
from realm_tf.index.build import embedding_engine
from realm_tf.index.versions import index_version
from realm_tf.models import embedders
from realm_tf.runs import exports
from tests import synthetic
from tests.index import fake_run

needs_estimator = pytest.mark.skipif(
  not stack.has_estimator(), reason="this TensorFlow has no Estimator"
)
_ESTIMATOR = embed_estimator.EmbedEstimator
ENGINES = {
  "Estimator": pytest.param(_ESTIMATOR, id="Estimator", marks=needs_estimator),
  "tf.distribute": pytest.param(
    embed_distributed.EmbedDistributed, id="tf.distribute"
  ),
}


@pytest.fixture(scope="module")
def retriever():
  tf.keras.utils.set_random_seed(0)
  config = synthetic.realm_config(num_layers=2)
  return embedders.TwoTowers(
    config, config, len(synthetic.VOCABULARY), synthetic.SEP
  )


@pytest.fixture(scope="module")
def export(retriever, tmp_path_factory):
  """Two towers of a BERT of two layers, with random weights."""
  model_dir = str(tmp_path_factory.mktemp("run"))
  config = synthetic.realm_config(num_layers=2)
  embedder_export.Exporter(retriever, config).save(model_dir, 7)
  return exports.path(model_dir, 7)


@pytest.fixture(scope="module")
def batches():
  """Batches of several shapes; some rows end in padding."""
  rng = np.random.default_rng(0)
  made = []
  for rows, width in ((8, 24), (8, 16), (3, 16), (1, 8)):
    ids = rng.integers(5, len(synthetic.VOCABULARY), (rows, width))
    ids[0, width // 2 :] = 0
    made.append(ids.astype(np.int32))
  return made


def embedded_by(tower, batches):
  return [
    tower(tf.constant(batch), training=False).numpy() for batch in batches
  ]


def check(found, wanted):
  assert [f.shape for f in found] == [w.shape for w in wanted]
  for one, other in zip(found, wanted, strict=True):
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
  "name", ["saved_model.pb", "variables/variables.index"]
)
@pytest.mark.parametrize("engine", ENGINES.values())
def test_a_damaged_export_is_named(
  engine, name, export, batches, tmp_path, monkeypatch
):
  damaged = pathlib.Path(shutil.copytree(export, tmp_path / "damaged"))
  (damaged / name).write_bytes(b"no graph, no table")
  monkeypatch.setattr(stack, "has_estimator", lambda: engine is _ESTIMATOR)
  with pytest.raises(errors.UserError, match=f"{damaged} is damaged") as error:
    list(embedding_engine.make(str(damaged)).predict(batches))
  assert "\n" not in str(error.value)


@pytest.mark.parametrize("engine", ENGINES.values())
@pytest.mark.parametrize("signature", ["passage", "query"])
def test_an_engine_gives_the_models_embeddings(
  engine, signature, retriever, export, batches
):
  tower = getattr(retriever, f"{signature}_embedder")
  check(
    list(engine(export, signature).predict(batches)),
    embedded_by(tower, batches),
  )


@pytest.mark.parametrize("engine", ENGINES.values())
def test_a_batch_is_embedded_before_the_next_is_asked_for(
  engine, export, batches
):
  events = []

  def asked():
    for number, batch in enumerate(batches):
      events.append(f"asked for {number}")
      yield batch

  for number, _ in enumerate(engine(export).predict(asked())):
    events.append(f"embedded {number}")
  assert events == [
    f"{what} {number}"
    for number in range(len(batches))
    for what in ("asked for", "embedded")
  ]


def test_replicas_share_the_rows_of_a_batch(
  retriever, export, batches, tmp_path
):
  np.savez(tmp_path / "batches.npz", *batches)
  command = [
    sys.executable,
    "-m",
    "tests.index.build.two_replicas",
    export,
    str(tmp_path / "batches.npz"),
    str(tmp_path / "output.npz"),
  ]
  subprocess.run(command, check=True)
  with np.load(tmp_path / "output.npz", allow_pickle=False) as output:
    check([*output.values()], embedded_by(retriever.passage_embedder, batches))


def test_the_stack_chooses_the_engine(export, monkeypatch):
  for has, kind, name in (
    (True, embed_estimator.EmbedEstimator, "Estimator"),
    (False, embed_distributed.EmbedDistributed, "tf.distribute"),
  ):
    monkeypatch.setattr(stack, "has_estimator", lambda has=has: has)
    assert isinstance(embedding_engine.make(export), kind)
    assert embedding_engine.name() == name


def _refresh(path, corpus):
  """Builds a version of a fake run; returns its embeddings, files and log."""
  model_dir = fake_run.write_run(path, corpus, index_dtype="float32")
  fake_run.write_export(model_dir, 100)
  lines = []
  assert fake_run.refresh(model_dir, lines.append) == 0
  folder = pathlib.Path(model_dir, "index", "100")
  manifest = json.loads((folder / "manifest.json").read_text())
  embeddings = [
    index_version.read_embeddings(str(file))
    for file in sorted(folder.glob("*.npy"))
  ]
  return embeddings, manifest, lines


@needs_estimator
def test_both_engines_build_the_same_version(tmp_path, corpus, monkeypatch):
  by_estimator, manifest, lines = _refresh(tmp_path / "estimator", corpus)
  monkeypatch.setattr(stack, "has_estimator", lambda: False)
  distributed, other, other_lines = _refresh(tmp_path / "other", corpus)

  check(by_estimator, distributed)
  assert manifest.pop("engine") == "Estimator"
  assert other.pop("engine") == "tf.distribute"
  for of_version in ("created_unix_secs", "files"):
    first, second = manifest.pop(of_version), other.pop(of_version)
    if of_version == "files":
      assert first.keys() == second.keys()
  assert manifest == other
  assert " by Estimator; " in lines[-1]
  assert " by tf.distribute; " in other_lines[-1]
  # One line a shard, and one for the version.
  assert len(lines) == len(other_lines) == 4
