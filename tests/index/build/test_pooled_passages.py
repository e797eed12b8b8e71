"""Versions of a run whose encoder is frozen."""

import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.index.build import batching
from realm_tf.index.versions import index_store
from tests.index import fake_run

HIDDEN = 128  # Of `tiny`.
TABLE = np.random.default_rng(7).normal(size=(100, HIDDEN)).astype(np.float32)


def projection_of(step):
  rng = np.random.default_rng(step)
  return rng.normal(size=(HIDDEN, fake_run.DIM), scale=0.1).astype(np.float32)


def pooled_in_numpy(corpus):
  """Returns the sum of each passage's rows of TABLE: <float32>[n, HIDDEN]."""
  rows = [
    TABLE[row[row != 0]].sum(axis=0)
    for shard in range(len(corpus.shard_paths))
    for row in batching.shard_inputs(corpus, shard, fake_run.PASSAGE_LENGTH)
  ]
  return np.array(rows, np.float32)


class _Towers(tf.Module):
  """An encoder that sums rows of a table, and a projection."""

  def __init__(self, step, table):
    super().__init__()
    self.table = tf.Variable(table)
    self.kernel = tf.Variable(projection_of(step))

  @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
  def pooled_passage(self, token_ids):
    weights = tf.cast(token_ids != 0, tf.float32)[..., None]
    pooled = tf.reduce_sum(weights * tf.gather(self.table, token_ids), axis=1)
    return {"embedding": pooled}

  @tf.function(input_signature=[tf.TensorSpec([None, HIDDEN], tf.float32)])
  def projection(self, pooled):
    return {"embedding": pooled @ self.kernel}

  @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
  def embed(self, token_ids):
    return self.projection(self.pooled_passage(token_ids)["embedding"])


def write_export(model_dir, step, *, encoder_id="frozen", table=TABLE):
  towers = _Towers(step, table)
  path = pathlib.Path(model_dir) / "exports" / "embedder" / str(step)
  tf.saved_model.save(
    towers,
    str(path),
    signatures={
      "query": towers.embed,
      "passage": towers.embed,
      "pooled_passage": towers.pooled_passage,
      "projection": towers.projection,
    },
  )
  (path / "manifest.json").write_text(
    json.dumps(
      {"step": step, "dim": fake_run.DIM, "frozen_encoder_id": encoder_id}
    )
  )


def embeddings_of(model_dir, corpus, step):
  store = index_store.IndexStore(model_dir)
  version = store.open(step, corpus.fingerprint, corpus.num_passages)
  return version.load_matrix()


@pytest.fixture
def model_dir(tmp_path, corpus):
  """A run with version 100, and an export of step 200 that cannot embed.

  Its projection can.
  """
  path = fake_run.write_run(
    tmp_path / "run",
    corpus,
    train_retriever_encoder=False,
    index_dtype="float32",
  )
  write_export(path, 100)
  assert fake_run.refresh(path) == 0
  write_export(path, 200, table=np.full_like(TABLE, np.nan))
  return path


def pooled_files(model_dir):
  return sorted(pathlib.Path(model_dir, "index", "pooled").glob("*/*"))


def test_later_versions_project_what_the_first_has_embedded(model_dir, corpus):
  assert fake_run.refresh(model_dir) == 0
  for step in (100, 200):
    np.testing.assert_allclose(
      embeddings_of(model_dir, corpus, step),
      pooled_in_numpy(corpus) @ projection_of(step),
      rtol=1e-4,
      atol=1e-4,
    )
  assert [path.name for path in pooled_files(model_dir)] == [
    f"embeddings-{shard:05d}-of-00003.npy" for shard in range(3)
  ]


def test_a_shard_that_is_missing_is_embedded(model_dir, corpus):
  shutil.rmtree(pathlib.Path(model_dir, "exports", "embedder", "200"))
  write_export(model_dir, 200)
  pooled_files(model_dir)[1].unlink()
  assert fake_run.refresh(model_dir) == 0
  np.testing.assert_allclose(
    embeddings_of(model_dir, corpus, 200),
    pooled_in_numpy(corpus) @ projection_of(200),
    rtol=1e-4,
    atol=1e-4,
  )
  assert len(pooled_files(model_dir)) == 3


def test_a_version_is_the_same_whether_it_was_the_first(tmp_path, corpus):
  """Its inputs are rounded to float16, be they read or just made."""
  found = []
  for name, steps in (("first", [200]), ("later", [100, 200])):
    model_dir = fake_run.write_run(
      tmp_path / name,
      corpus,
      train_retriever_encoder=False,
      index_dtype="float16",
    )
    for step in steps:
      write_export(model_dir, step)
      assert fake_run.refresh(model_dir) == 0
    found.append(embeddings_of(model_dir, corpus, 200))
  np.testing.assert_array_equal(*found)


def test_what_another_encoder_gave_is_not_read(model_dir):
  write_export(
    model_dir, 300, encoder_id="another", table=np.full_like(TABLE, np.nan)
  )
  with pytest.raises(errors.UserError, match="not finite"):
    fake_run.refresh(model_dir)
  assert len(pooled_files(model_dir)) == 3  # Nothing that is not finite.


def test_without_room_versions_are_built_all_the_same(
  tmp_path, corpus, monkeypatch
):
  model_dir = fake_run.write_run(
    tmp_path / "full", corpus, train_retriever_encoder=False
  )
  write_export(model_dir, 100)
  usage = shutil.disk_usage(tmp_path)._replace(free=(1 << 20) + 6_000)
  monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
  lines = []
  assert fake_run.refresh(model_dir, lines.append) == 0
  assert not pooled_files(model_dir)
  said = [line for line in lines if "no room" in line]
  assert len(said) == 1
  assert model_dir in said[0]


def test_a_damaged_file_is_named(model_dir):
  path = pooled_files(model_dir)[0]
  path.write_bytes(path.read_bytes()[:-40])
  with pytest.raises(errors.UserError, match=str(path)):
    fake_run.refresh(model_dir)


def test_a_file_of_another_shape_is_named(model_dir):
  path = pooled_files(model_dir)[2]
  np.save(path, np.zeros([20, 3], np.float32))
  with pytest.raises(errors.UserError, match=rf"{path}.*\(20, 128\)"):
    fake_run.refresh(model_dir)
