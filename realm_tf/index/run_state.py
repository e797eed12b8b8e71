"""Who is alive in a run: what trainer and refresher know of each other.

Coupled by files under the run's folder alone: each holds a lock for its life,
so that the other knows at once when it was killed, and the trainer leaves a
word on how its run ended.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.index import locks

RUNNING = "running"
DONE = "done"
FAILED = "failed"

# A probe by the refresher holds the trainer's lock for microseconds.
_PROBE_SECS = 2.0


class RunState:
  """Whether a run's trainer and refresher live, and how the run ended."""

  def __init__(self, model_dir: str):
    """Names the run."""
    self.model_dir = model_dir
    self._file = os.path.join(model_dir, "run_state.json")
    self._trainer_lock = os.path.join(model_dir, ".trainer.lock")
    self._refresher_lock = os.path.join(model_dir, ".refresher.lock")

  @contextlib.contextmanager
  def hold(self) -> Iterator[None]:
    """Says that the trainer runs, and at the end whether it failed.

    Everything that training does belongs into this context.

    Raises:
      errors.UserError: If another trainer runs in the folder.
    """
    lock = locks.FileLock(self._trainer_lock)
    pause, waited = threading.Event(), 0.0
    while not lock.acquire(blocking=False):
      if waited >= _PROBE_SECS:
        raise errors.UserError(
          f"--model_dir={self.model_dir} is being trained by another process. "
          "Wait for its end, or give another --model_dir."
        )
      pause.wait(0.1)
      waited += 0.1
    try:
      self._write(RUNNING)
      try:
        yield
      except BaseException:
        self._write(FAILED)
        raise
      self._write(DONE)
    finally:
      lock.release()

  @contextlib.contextmanager
  def hold_refresher(self) -> Iterator[None]:
    """Says that a refresher runs; there may be several."""
    with locks.FileLock(self._refresher_lock, shared=True):
      yield

  def state(self) -> str | None:
    """Returns "running", "done" or "failed"; None before the first start.

    A trainer that was killed left "running": see `is_alive`.
    """
    try:
      return files.read_json(self._file)["state"]
    except tf.errors.NotFoundError:
      return None

  def is_alive(self) -> bool:
    """Returns whether a trainer holds the run now."""
    return locks.is_held(self._trainer_lock)

  def refresher_is_alive(self) -> bool:
    """Returns whether a refresher serves the run now."""
    return locks.is_held(self._refresher_lock)

  def _write(self, state: str) -> None:
    os.makedirs(self.model_dir, exist_ok=True)
    files.write_json(
      self._file,
      {"state": state, "pid": os.getpid(), "host": socket.gethostname()},
    )
