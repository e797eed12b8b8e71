"""The state of a run, and which of its processes are alive.

Coupled by files under the run's folder alone: each holds a lock for its life,
so that the other knows at once when it was killed, and the trainer leaves a
word on how its run ended.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.runs import locks
from realm_tf.runs import run_folder

RUNNING = "running"
DONE = "done"
FAILED = "failed"
INTERRUPTED = "interrupted"  # by a signal, and ready to go on

# A probe by the refresher holds the trainer's lock for microseconds.
_PROBE_SECS = 2.0


class RunState:
  """The state of a run: who is alive, and how it ended."""

  def __init__(self, model_dir: str):
    """Takes the run's folder."""
    self.model_dir = model_dir
    folder = run_folder.RunFolder(model_dir)
    self._file = folder.state
    self._trainer_lock = folder.trainer_lock
    self._refresher_lock = folder.refresher_lock
    self._refresher_end = folder.refresher_end

  @contextlib.contextmanager
  def hold(self) -> Iterator[None]:
    """Marks the run as running, and at the end how it ended.

    Everything that training does belongs into this context.

    Raises:
      errors.UserError: If another trainer runs in the folder.
    """
    lock = locks.FileLock(self._trainer_lock)
    pause, waited = threading.Event(), 0.0
    while not lock.acquire(blocking=False):
      if waited >= _PROBE_SECS:
        raise errors.UserError(
          f"model_dir={self.model_dir} is being trained by another process. "
          "Wait for its end, or give another `model_dir`."
        )
      pause.wait(0.1)
      waited += 0.1
    try:
      self._write(RUNNING)
      ended = FAILED
      try:
        yield
        ended = DONE
      except KeyboardInterrupt:
        ended = INTERRUPTED
        raise
      finally:
        if not lock.is_lost():  # With the run's folder.
          self._write(ended)
    finally:
      lock.release()

  @contextlib.contextmanager
  def hold_refresher(self) -> Iterator[None]:
    """Marks a refresher as running; there may be several.

    Leaves word of an error that ends it, for its trainer.
    """
    with locks.FileLock(self._refresher_lock, shared=True):
      with contextlib.suppress(FileNotFoundError):
        os.remove(self._refresher_end)
      try:
        yield
      except Exception as e:
        # A disk that is full may refuse this, too: the error itself is raised.
        with contextlib.suppress(OSError, tf.errors.OpError):
          files.write_bytes(self._refresher_end, f"{e}\n".encode())
        raise

  def state(self) -> str | None:
    """Returns the state of the run; None before its first start.

    "running", "done", "failed" or "interrupted". A trainer that was killed left
    "running": see `is_alive`.
    """
    return self._read().get("state")

  def has_checkpoint(self) -> bool:
    """Returns whether the run has ever saved a checkpoint.

    A run that is killed before its first may start over; one that had some
    and has none now may not.
    """
    found = self._read()
    # Where an older version wrote the file, "done" says it: the last step is
    # always saved.
    return found.get("has_checkpoint", found.get("state") == DONE)

  def note_checkpoint(self) -> None:
    """Records, for good, that a checkpoint was saved.

    Called by the trainer, which holds the run.
    """
    if not self.has_checkpoint():
      self._update(has_checkpoint=True)

  def evaluated_step(self) -> int | None:
    """Returns the step of the last evaluation; None if none was recorded."""
    return self._read().get("evaluated_step")

  def note_evaluation(self, step: int) -> None:
    """Records the step of an evaluation; only the trainer calls it."""
    self._update(evaluated_step=step)

  def is_alive(self) -> bool:
    """Returns whether a trainer holds the run now."""
    return locks.is_held(self._trainer_lock)

  def refresher_is_alive(self) -> bool:
    """Returns whether a refresher serves the run now."""
    return locks.is_held(self._refresher_lock)

  def refresher_error(self) -> str | None:
    """Returns what ended the last refresher; None if it left no word."""
    try:
      return files.read_text(self._refresher_end).strip()
    except tf.errors.NotFoundError:
      return None

  def _write(self, state: str) -> None:
    self._update(
      state=state,
      pid=os.getpid(),
      host=socket.gethostname(),
      has_checkpoint=self.has_checkpoint(),
    )

  def _update(self, **fields: Any) -> None:
    os.makedirs(self.model_dir, exist_ok=True)
    files.write_json(self._file, self._read() | fields)

  def _read(self) -> dict[str, Any]:
    """Returns the file's fields; none if there is no file.

    Raises:
      errors.UserError: If it is damaged.
    """
    try:
      found = files.read_json(self._file)
    except tf.errors.NotFoundError:
      return {}
    except errors.UserError:
      raise
    except ValueError as e:
      raise errors.UserError(
        f"{self._file} is damaged: {e}. Remove it, if the run's checkpoints "
        "are there."
      ) from e
    if not isinstance(found, dict):
      raise errors.UserError(f"{self._file} is damaged: it holds no object.")
    return found
