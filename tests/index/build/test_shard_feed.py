import numpy as np
import pytest
import tensorflow as tf

from realm_tf.index.build import shard_feed

_BATCH, _LENGTH = 4, 3
_IDLE = [-1] * _BATCH


@pytest.fixture(params=["plain", "wi[ld] *"])
def folder(tmp_path, request):
  path = tmp_path / request.param
  path.mkdir()
  return str(path)


def rows(batch):
  return batch["rows"].numpy().tolist()


def following(batches):
  """The next batch with a passage, past those that were read ahead."""
  for _ in range(4):
    batch = next(batches)
    if rows(batch) != _IDLE:
      return batch
  raise AssertionError("Only padding comes.")


def test_the_pipeline_never_waits_and_the_last_batch_is_filled_up(folder):
  feed = shard_feed.ShardFeed(folder, _BATCH, _LENGTH)
  batches = iter(shard_feed.dataset(folder, _BATCH, _LENGTH))
  assert [rows(next(batches)) for _ in range(3)] == [_IDLE] * 3
  token_ids = np.arange(6 * _LENGTH, dtype=np.int32).reshape(6, _LENGTH)
  feed.put(token_ids)
  first, second = following(batches), next(batches)
  assert rows(first) == [0, 1, 2, 3]
  assert rows(second) == [4, 5, -1, -1]
  np.testing.assert_array_equal(first["token_ids"], token_ids[:4])
  np.testing.assert_array_equal(second["token_ids"][:2], token_ids[4:])
  np.testing.assert_array_equal(second["token_ids"][2:], 0)
  assert rows(next(batches)) == _IDLE
  feed.put(token_ids[:1])
  assert rows(following(batches)) == [0, -1, -1, -1]
  feed.end()
  assert {*map(str, map(rows, batches))} <= {str(_IDLE)}


def test_a_second_pass_after_the_end_has_one_batch(folder):
  # TPUEstimator takes the batch that says stop from one.
  feed = shard_feed.ShardFeed(folder, _BATCH, _LENGTH)
  batches = shard_feed.dataset(folder, _BATCH, _LENGTH)
  feed.put(np.ones([2, _LENGTH], np.int32))
  feed.end()
  assert [*map(rows, batches)] == [_IDLE, [0, 1, -1, -1]]
  feed.put(np.ones([2, _LENGTH], np.int32))  # Removes what was read.
  feed.end()
  assert [*map(rows, batches.take(1))] == [_IDLE]


def test_shapes_are_static(folder):
  batches = shard_feed.dataset(folder, _BATCH, _LENGTH)
  assert batches.element_spec == {
    "token_ids": tf.TensorSpec([_BATCH, _LENGTH], tf.int32),
    "rows": tf.TensorSpec([_BATCH], tf.int32),
  }
