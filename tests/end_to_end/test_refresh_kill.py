"""The refresh job survives kill -9 of its processes, at any time.

REALM_TF_KILLS=10 kills ten times; few kills keep the usual run short.
"""

import contextlib
import os
import pathlib
import random
import re
import signal
import threading
import time

import pytest

from realm_tf.index.versions import index_store
from realm_tf.runs import locks
from tests import forked_commands
from tests.index import fake_run

_KILLS = int(os.environ.get("REALM_TF_KILLS", "3"))
_SHARDS = 6 + 3 * _KILLS
# For each thing that is waited for: two cores may be shared with others.
_DEADLINE_SECS = 120


class Job:
  """The command with some workers, and what it has printed."""

  def __init__(self, model_dir, num_workers=2, *flags):
    self.process = forked_commands.Started(
      "refresh_index",
      [f"--model_dir={model_dir}", f"--num_workers={num_workers}", *flags],
    )
    self.lines = []
    self._reader = threading.Thread(target=self._read, daemon=True)
    self._reader.start()

  def _read(self):
    self.lines.extend(self.process.lines())

  def workers(self):
    """Returns the processes that the job has started."""
    pid = self.process.pid
    with contextlib.suppress(FileNotFoundError):
      children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
      return [int(child) for child in children.split()]
    return []

  def wait(self):
    """Waits until every process has closed the output; returns the status."""
    self._reader.join()
    return self.process.wait()


class Observer:
  """Looks at the index again and again, and sees no half-published version."""

  def __init__(self, model_dir, corpus):
    self._store = index_store.IndexStore(model_dir)
    self._corpus = corpus
    self._finished = {}

  def look(self):
    """Returns how many shards are finished; fails on anything half-done."""
    for path in pathlib.Path(self._store.path(100)).glob("embeddings-*.npy"):
      stat = path.stat()
      identity = stat.st_ino, stat.st_mtime_ns, stat.st_size
      # A finished shard is never embedded again.
      assert self._finished.setdefault(path.name, identity) == identity
    if self._store.is_usable(100):
      self._store.open(
        100, self._corpus.fingerprint, self._corpus.num_passages, verify=True
      )
      return None
    return len(self._finished)

  def someone_embeds(self):
    folder = self._store.lock_folder(100)
    return any(
      locks.is_held(os.path.join(folder, f"shard-{i:05d}"))
      for i in range(_SHARDS)
    )


def until(condition):
  """Waits for a condition, and fails where it does not come."""
  pause, deadline = threading.Event(), time.monotonic() + _DEADLINE_SECS
  while not condition():
    assert time.monotonic() < deadline, "The job hangs."
    pause.wait(0.02)


@pytest.fixture
def start():
  """Starts jobs, and leaves none behind if the test fails."""
  jobs = []

  def start_job(model_dir, *more):
    jobs.append(Job(model_dir, *more))
    return jobs[-1]

  yield start_job
  for job in jobs:
    job.process.kill()


@pytest.fixture
def run(tmp_path):
  corpus = fake_run.write_corpus(tmp_path / "corpus", num_shards=_SHARDS)
  model_dir = fake_run.write_run(tmp_path / "run", corpus, embed_batch_size=2)
  fake_run.write_export(model_dir, 100, work=1024)
  return model_dir, corpus


def test_killed_workers_and_jobs_lose_a_shard_at_most(run, start):
  model_dir, corpus = run
  rng = random.Random(0)
  observer = Observer(model_dir, corpus)
  jobs = [start(model_dir)]
  for kill in range(_KILLS):
    # Some new shard first, so that each kill hits a job under way.
    wanted = observer.look()
    assert wanted is not None, "The job was over before all kills."
    wanted += 1 if kill else 0

    def is_under_way(wanted=wanted):
      finished = observer.look()
      return finished is None or (
        finished >= wanted
        and observer.someone_embeds()
        and len(jobs[-1].workers()) == 2
      )

    until(is_under_way)
    workers = jobs[-1].workers()
    if kill % 3 == 2:  # The whole job, from its head.
      jobs[-1].process.kill()
      assert jobs[-1].wait() == -signal.SIGKILL
      until(lambda pids=workers: not any(map(alive, pids)))
      observer.look()
      jobs.append(start(model_dir))
    else:
      os.kill(rng.choice(workers), signal.SIGKILL)

  until(lambda: observer.look() is None)
  assert jobs[-1].wait() == 0
  lines = [line for job in jobs for line in job.lines]
  assert sum(" published: " in line for line in lines) == 1
  reported = re.findall(r"index 100: shard (\d+) of", "".join(lines))
  # Each shard was written once. One whose worker was killed in the moment
  # between writing and printing is not reported.
  assert len(reported) == len(set(reported))
  assert _SHARDS - _KILLS <= len(reported) <= _SHARDS


def test_four_workers_one_killed_one_stopped_one_late(run, start):
  model_dir, corpus = run
  observer = Observer(model_dir, corpus)
  takeover = "--takeover_secs=2"
  job = start(model_dir, 3, takeover)
  until(lambda: len(job.workers()) == 3 and observer.someone_embeds())
  stopped, killed, _ = job.workers()
  os.kill(stopped, signal.SIGSTOP)
  try:
    os.kill(killed, signal.SIGKILL)
    late = start(model_dir, 1, takeover)
    # Without the one that is stopped, whatever it holds.
    until(lambda: observer.look() is None)
    assert late.wait() == 0
  finally:
    os.kill(stopped, signal.SIGCONT)
  assert job.wait() == 0
  assert observer.look() is None
  lines = "".join(job.lines + late.lines)
  assert lines.count(" published: ") == 1
  # The stopped one's shard may be embedded twice; it is written once.
  reported = re.findall(r"index 100: shard (\d+) of", lines)
  assert len(reported) == len(set(reported))
  assert _SHARDS - 1 <= len(reported) <= _SHARDS
  assert "by all workers" in lines


def alive(pid):
  try:
    os.kill(pid, 0)
  except ProcessLookupError:
    return False
  return True
