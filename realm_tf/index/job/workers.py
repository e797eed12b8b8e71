"""Several processes of the refresh job on one machine, and their supervisor."""

import os
import selectors
import signal
import subprocess
from collections.abc import Sequence

from realm_tf.index.build import refresh_plan
from realm_tf.index.versions import index_store

# A worker that is killed this often for one version is killed by its work,
# such as by the kernel for its memory.
_MOST_RESTARTS = 20
_GRACE_SECS = 10


class WorkerPool:
  """Keeps local workers running until all are done or one has failed.

  A worker that a signal ended is replaced; one that failed ends the job. The
  workers end with this process, however that ends.
  """

  def __init__(
    self,
    commands: Sequence[Sequence[str]],
    store: index_store.IndexStore,
    report: refresh_plan.Report,
  ):
    """Takes the workers' commands; starts none yet.

    Args:
      commands: Of each worker; it calls `interruption.end_with_parent` at
        once.
      store: Of the run's versions, for the bound on restarts.
      report: Prints a line.
    """
    self._commands = [list(command) for command in commands]
    self._store = store
    self._report = report
    self._selector = selectors.DefaultSelector()
    self._restarts = 0
    self._latest = store.latest()

  def run(self) -> int:
    """Runs the workers; returns the exit status of the job."""
    try:
      for command in self._commands:
        self._start(command)
      while self._selector.get_map():
        for key, _ in self._selector.select():
          status = self._ended(key)
          if status:
            return status
      return 0
    finally:
      self._stop_all()

  def _start(self, command: Sequence[str]) -> None:
    process = subprocess.Popen(
      command,
      stdin=subprocess.PIPE,
      start_new_session=True,  # Ctrl-C is for the supervisor.
    )
    descriptor = os.pidfd_open(process.pid)
    self._selector.register(descriptor, selectors.EVENT_READ, process)

  def _ended(self, key: selectors.SelectorKey) -> int:
    """Takes note of a worker's end; returns the status to end the job with."""
    process = key.data
    status = process.wait()
    self._forget(key)
    if status == 0:
      return 0
    if status > 0:
      return status  # It has said why.
    latest = self._store.latest()
    if latest != self._latest:
      self._latest, self._restarts = latest, 0
    self._restarts += 1
    name = signal.Signals(-status).name
    if self._restarts > _MOST_RESTARTS:
      self._report(
        f"refresh_index: workers were ended by signals {self._restarts} times "
        f"for one version, last by {name}. If that is the kernel's doing, give "
        "fewer workers or a smaller `embed_batch_size`."
      )
      return 1
    self._report(
      f"refresh_index: worker {process.pid} was ended by {name}; another one "
      "takes over its shard."
    )
    self._start(process.args)
    return 0

  def _stop_all(self) -> None:
    keys = list(self._selector.get_map().values())
    for key in keys:
      key.data.terminate()
    for key in keys:
      try:
        key.data.wait(_GRACE_SECS)
      except subprocess.TimeoutExpired:
        key.data.kill()
        key.data.wait()
      self._forget(key)
    self._selector.close()

  def _forget(self, key: selectors.SelectorKey) -> None:
    self._selector.unregister(key.fileobj)
    os.close(key.fd)
    key.data.stdin.close()


def threads_of_worker(num_workers: int) -> int:
  """Returns this machine's cores, divided among the workers."""
  return max(1, len(os.sched_getaffinity(0)) // num_workers)
