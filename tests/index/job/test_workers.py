import os
import signal
import subprocess
import sys

import pytest

from realm_tf.index.job import workers
from realm_tf.index.versions import index_store


def run_pool(tmp_path, script, num_workers=2):
  """Runs shell scripts as workers; returns the status and what was said."""
  lines = []
  pool = workers.WorkerPool(
    [["sh", "-c", script]] * num_workers,
    index_store.IndexStore(str(tmp_path)),
    lines.append,
  )
  return pool.run(), lines


def test_all_done_is_done(tmp_path):
  assert run_pool(tmp_path, "exit 0") == (0, [])


def test_a_failure_ends_the_job_with_its_status(tmp_path):
  # The first to come fails; the other one would never end by itself.
  script = f"mkdir {tmp_path}/first && exit 2; exec tail -f /dev/null"
  assert run_pool(tmp_path, script) == (2, [])


def test_a_worker_is_replaced_by_its_own_command(tmp_path):
  store = index_store.IndexStore(str(tmp_path))
  script = (
    f'echo "$0" >> {tmp_path}/begun; '
    f'if [ "$0" = two ] && mkdir {tmp_path}/first; then kill -9 $$; fi'
  )
  pool = workers.WorkerPool(
    [["sh", "-c", script, name] for name in ("one", "two")],
    store,
    lambda line: None,
  )
  assert pool.run() == 0
  begun = sorted((tmp_path / "begun").read_text().split())
  assert begun == ["one", "two", "two"]


def test_a_killed_worker_is_replaced(tmp_path):
  status, lines = run_pool(
    tmp_path, f"mkdir {tmp_path}/first && kill -9 $$; exit 0"
  )
  assert status == 0
  assert len(lines) == 1
  assert "SIGKILL" in lines[0]


def test_workers_that_always_die_are_given_up(tmp_path):
  status, lines = run_pool(tmp_path, "kill -9 $$", num_workers=1)
  assert status == 1
  assert "smaller `embed_batch_size`" in lines[-1]


_SUPERVISOR = """
import sys
from realm_tf.index.job import workers
from realm_tf.index.versions import index_store
pool = workers.WorkerPool(
  [[sys.executable, "-c", sys.argv[1]]] * 2,
  index_store.IndexStore("none"),
  print,
)
sys.exit(pool.run())
"""

_WORKER = """
import os, threading
from realm_tf import interruption
interruption.end_with_parent()
os.write(1, f"{os.getpid()}\\n".encode())
threading.Event().wait()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_their_supervisor(number):
  supervisor = subprocess.Popen(
    [sys.executable, "-c", _SUPERVISOR, _WORKER],
    stdout=subprocess.PIPE,
    text=True,
  )
  pids = [int(supervisor.stdout.readline()) for _ in range(2)]
  assert all(os.path.exists(f"/proc/{pid}") for pid in pids)

  supervisor.send_signal(number)

  # The output ends when nobody is left who could write to it.
  assert supervisor.communicate(timeout=60)[0] == ""
  assert supervisor.returncode == -number
