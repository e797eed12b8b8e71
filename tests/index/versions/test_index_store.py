import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from realm_tf import errors
from realm_tf import files
from realm_tf.index.search import searcher_settings
from realm_tf.index.versions import index_store
from realm_tf.index.versions import index_version
from realm_tf.index.versions import index_watcher
from realm_tf.runs import locks
from realm_tf.runs import run_state


def publish(store, step, fingerprint="z", rows=7, export_id="a"):
  folder = pathlib.Path(store.path(step))
  folder.mkdir(parents=True)
  (folder / "embeddings-00000-of-00001.npy").write_bytes(b"vectors")
  manifest = index_version.IndexManifest(
    step=step,
    corpus_fingerprint=fingerprint,
    rows=rows,
    dim=2,
    dtype="float16",
    files=index_version.sums_below(str(folder)),
    searcher=searcher_settings.SearcherSettings(exact=True),
    recall=1.0,
    recall_k=1,
    created_unix_secs=0,
    export_id=export_id,
  )
  files.write_json(str(folder / "manifest.json"), manifest.to_json())
  export(store, step)


def export(store, step, export_id="a"):
  folder = pathlib.Path(store.folder).parent / "exports/embedder" / str(step)
  folder.mkdir(parents=True, exist_ok=True)
  files.write_json(str(folder / "manifest.json"), {"export_id": export_id})


@pytest.fixture
def store(tmp_path):
  return index_store.IndexStore(str(tmp_path))


def test_a_version_exists_when_its_manifest_does(store):
  assert store.versions() == []
  assert store.latest() is None
  publish(store, 100)
  publish(store, 1000)
  publish(store, 20)
  pathlib.Path(store.path(3000)).mkdir()
  assert store.versions() == [20, 100, 1000]
  assert store.latest() == 1000
  with pytest.raises(errors.UserError, match="3000"):
    store.open(3000, "z", 7)


@pytest.mark.parametrize(
  "fingerprint, rows, match",
  [("y", 7, "another corpus"), ("z", 8, "7 rows.* 8 passages")],
)
def test_a_version_of_another_corpus_is_refused(
  store, fingerprint, rows, match
):
  publish(store, 100)
  with pytest.raises(errors.UserError, match=match):
    store.open(100, fingerprint, rows)


def test_verifying_finds_a_changed_and_a_missing_file(store):
  publish(store, 100)
  store.open(100, "z", 7, verify=True)
  path = pathlib.Path(store.path(100), "embeddings-00000-of-00001.npy")
  path.write_bytes(b"Vectors")
  store.open(100, "z", 7)
  with pytest.raises(errors.UserError, match="was changed"):
    store.open(100, "z", 7, verify=True)
  path.unlink()
  with pytest.raises(errors.UserError, match="is missing"):
    store.open(100, "z", 7, verify=True)


@pytest.mark.parametrize(
  "vectors, words",
  [
    (np.zeros([7, 3], np.float16), r"\[7, 3\], not embeddings of 2 dimensions"),
    (np.zeros([7], np.float16), r"\[7\], not embeddings of 2 dimensions"),
    (np.full([7, 2], np.nan, np.float16), "values that are not finite"),
    (np.full([7, 2], -np.inf, np.float16), "values that are not finite"),
  ],
)
def test_vectors_that_cannot_be_searched_are_refused(store, vectors, words):
  publish(store, 100)
  path = pathlib.Path(store.path(100), "embeddings-00000-of-00001.npy")
  index_version.write_embeddings(str(path), vectors)
  with pytest.raises(errors.UserError, match=f"{path} is damaged: .*{words}"):
    store.open(100, "z", 7).load_matrix()


def test_a_damaged_manifest_is_named(store):
  publish(store, 100)
  pathlib.Path(store.path(100), "manifest.json").write_text("{")
  with pytest.raises(errors.UserError, match=r"100/manifest.json is damaged"):
    store.open(100, "z", 7)


def test_the_newest_and_those_in_use_stay(store):
  for step in (1, 2, 3, 4, 5, 6):
    publish(store, step)
  store.announce("trainer", [2])
  assert store.prune(keep=3, in_use=[1]) == [3]
  assert store.versions() == [1, 2, 4, 5, 6]
  store.announce("trainer", [6])
  assert store.prune(keep=2) == [1, 2, 4]
  assert store.versions() == [5, 6]


def test_what_was_overtaken_is_deleted_unless_someone_builds_it(store):
  for step in (1, 2, 9):
    pathlib.Path(store.path(step)).mkdir(parents=True)
  publish(store, 5)
  with store.active_lock(2, shared=True):
    assert store.prune() == [1]
  assert store.prune() == [2]
  assert pathlib.Path(store.path(9)).exists()


def test_a_version_stays_while_someone_loads_it(store):
  for step in (1, 2, 3):
    publish(store, step)
  with store.loading(1), store.loading(1):
    assert store.is_held(1)
    assert store.prune(keep=1) == [2]
  assert not store.is_held(1)
  assert store.prune(keep=1) == [1]


def test_a_run_that_is_read_only_is_loaded_with_a_warning(
  store, monkeypatch, capsys
):
  publish(store, 1)

  def refuse(path, **kwargs):
    raise OSError(30, "Read-only file system", path)

  monkeypatch.setattr(locks.os, "makedirs", refuse)
  with store.loading(1):
    assert store.open(1, "z", 7).step == 1
  printed = capsys.readouterr().out
  assert f"warning: {store.path(1)} is not kept" in printed
  assert "Read-only file system" in printed


def test_a_version_is_usable_while_the_export_that_made_it_is_there(store):
  publish(store, 1)
  publish(store, 2)
  assert store.latest() == 2
  export(store, 2, export_id="b")  # By a run that was killed and resumed.
  assert store.versions() == [1, 2]
  assert not store.is_usable(2)
  assert store.latest() == 1
  shutil.rmtree(pathlib.Path(store.folder).parent / "exports/embedder/1")
  assert store.latest() is None
  # Nobody can search what is older than the newest usable version.
  publish(store, 3)
  assert store.prune() == [1, 2]


def test_what_is_announced_while_pruning_stays(store, monkeypatch):
  for step in (1, 2, 3):
    publish(store, step)
  lock = store.active_lock

  def announce_first(step, *, shared):
    store.announce("evaluate", [1])
    return lock(step, shared=shared)

  monkeypatch.setattr(store, "active_lock", announce_first)
  assert store.prune(keep=1) == [2]
  assert store.versions() == [1, 3]


def test_a_lock_excludes_and_a_shared_one_does_not(tmp_path):
  path = str(tmp_path / "folder" / "lock")
  assert not locks.is_held(path)
  with locks.FileLock(path):
    assert locks.is_held(path)
    assert not locks.FileLock(path).acquire(blocking=False)
  with locks.FileLock(path, shared=True):
    second = locks.FileLock(path, shared=True)
    assert second.acquire(blocking=False)
    second.release()
    assert locks.is_held(path)
  assert not locks.is_held(path)


def test_a_killed_holder_holds_nothing(tmp_path):
  path = str(tmp_path / "lock")
  program = (
    "import sys\n"
    "from realm_tf.runs import locks\n"
    f"locks.FileLock({path!r}).acquire()\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
  )
  holder = subprocess.Popen(
    [sys.executable, "-c", program],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  assert holder.stdout.readline() == "held\n"
  assert locks.is_held(path)
  holder.kill()
  holder.wait()
  assert not locks.is_held(path)


def test_a_run_leaves_word_of_its_end(tmp_path):
  state = run_state.RunState(str(tmp_path))
  assert state.state() is None
  with state.hold():
    assert (state.state(), state.is_alive()) == (run_state.RUNNING, True)
  assert (state.state(), state.is_alive()) == (run_state.DONE, False)
  with pytest.raises(ZeroDivisionError), state.hold():
    raise ZeroDivisionError
  assert (state.state(), state.is_alive()) == (run_state.FAILED, False)


def test_a_refresher_leaves_word_of_its_error(tmp_path):
  state = run_state.RunState(str(tmp_path))
  assert state.refresher_error() is None
  full = errors.UserError("no space for embeddings-0.npy")
  with pytest.raises(errors.UserError), state.hold_refresher():
    raise full
  assert state.refresher_error() == str(full)
  with state.hold_refresher():
    assert state.refresher_error() is None
  assert state.refresher_error() is None


def test_a_second_trainer_is_refused(tmp_path):
  state = run_state.RunState(str(tmp_path))
  with (
    state.hold(),
    pytest.raises(errors.UserError, match="another process"),
    run_state.RunState(str(tmp_path)).hold(),
  ):
    pass


def test_the_watcher_tells_of_newer_versions(store):
  watch = index_watcher.IndexWatcher(store)
  assert watch.poll(None) is None
  publish(store, 5)
  assert watch.poll(None) == 5
  assert watch.poll(4) == 5
  assert watch.poll(5) is None


def test_the_watcher_keeps_versions_of_the_future_back(store):
  for step in (5, 9):
    publish(store, step)
  watch = index_watcher.IndexWatcher(store)
  assert watch.poll(None, not_after_step=4) is None
  assert watch.poll(None, not_after_step=8) == 5
  assert watch.poll(5, not_after_step=8) is None
  assert watch.poll(5, not_after_step=9) == 9


def test_passages_count_as_their_shards_are_written(store):
  assert store.rows_embedded(5) == 0
  folder = pathlib.Path(store.path(5))
  folder.mkdir(parents=True)
  (folder / index_version.shard_name(1, 3)).write_bytes(b"of a full disk")
  for shard, rows in ((0, 4), (2, 3)):
    index_version.write_embeddings(
      str(folder / index_version.shard_name(shard, 3)), np.zeros([rows, 2])
    )
  assert store.rows_embedded(5) == 7


def test_waiting_ends_with_a_version_death_or_the_deadline(store):
  watch = index_watcher.IndexWatcher(store)
  with pytest.raises(errors.UserError, match="It failed. Training needs"):
    watch.wait_for(5, 9, lambda: "It failed.", deadline_secs=60)
  with pytest.raises(errors.UserError, match="within 0 s"):
    watch.wait_for(5, 9, lambda: None, deadline_secs=0)

  def publish_then_die():
    if store.latest() is None:
      publish(store, 7)
      return None
    return "It ended."

  assert watch.wait_for(5, 9, publish_then_die, deadline_secs=60) == 7
  publish(store, 20)  # Of a future that is abandoned.
  assert watch.wait_for(5, 9, lambda: None, deadline_secs=60) == 7
