import os
import threading

import pytest

from realm_tf.index.build import claims
from realm_tf.index.build import index_builder
from realm_tf.index.job import follow
from realm_tf.runs import exports
from realm_tf.runs import locks
from tests.index import fake_run

_SECS = 0.4


def later(first, condition):
  """Returns whether a condition comes within ten times `_SECS`."""
  pause = threading.Event()
  for _ in range(100):
    with first.taken(3) as taken:
      if taken == condition:
        return True
    pause.wait(_SECS / 10)
  return False


def test_a_shard_has_one_worker(tmp_path):
  one, other = (claims.Claims(str(tmp_path), _SECS) for _ in range(2))
  with one.taken(3) as taken:
    assert taken
    for _ in range(20):  # The holder shows signs of life, for longer than that.
      with other.taken(3) as also:
        assert not also
      threading.Event().wait(_SECS / 10)
    with other.taken(4) as free:
      assert free
  with other.taken(3) as taken:
    assert taken


def test_the_shard_of_a_silent_worker_is_taken_over_once(tmp_path):
  with locks.FileLock(str(tmp_path / "shard-00003")):
    second, third = (claims.Claims(str(tmp_path), _SECS) for _ in range(2))
    with second.taken(3) as taken:
      assert not taken  # It may have shown one just now.
    assert later(second, True)
    assert later(third, True)  # The second has let go of it.
    with second.taken(3) as taken:
      assert taken
      with third.taken(3) as also:
        assert not also


@pytest.fixture
def context(tmp_path):
  corpus = fake_run.write_corpus(tmp_path / "corpus")
  model_dir = fake_run.write_run(tmp_path / "run", corpus)
  fake_run.write_export(model_dir, 100)
  options = follow.RefreshOptions(model_dir=model_dir, takeover_secs=_SECS)
  return follow.prepare(options, lambda line: None), model_dir


def test_a_version_is_finished_without_a_silent_worker(context):
  refresh, model_dir = context
  silent = os.path.join(refresh.store.lock_folder(100), "shard-00001")
  with locks.FileLock(silent):
    version = index_builder.VersionBuilder(
      refresh, exports.find(model_dir, 100)
    ).build()
  assert version is not None
  version.verify()


def test_a_worker_that_wakes_up_changes_nothing(context, monkeypatch):
  refresh, model_dir = context
  export = exports.find(model_dir, 100)
  published = []
  make_inputs = index_builder.batching.shard_inputs

  def sleep(*args):
    """Has another worker finish the version while this one is stopped."""
    monkeypatch.setattr(index_builder.batching, "shard_inputs", make_inputs)
    other = index_builder.VersionBuilder(refresh, export)
    published.append(other.build())
    return make_inputs(*args)

  monkeypatch.setattr(index_builder.batching, "shard_inputs", sleep)
  monkeypatch.setattr(os, "utime", lambda path: None)  # No sign of life.
  assert index_builder.VersionBuilder(refresh, export).build() is None
  published[0].verify()
