"""Starts a refresher beside a trainer, on the same machine."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable

from realm_tf import errors
from realm_tf import tf_config
from realm_tf.runs import run_folder

_log = logging.getLogger(__name__)


_POLL_SECS = 0.5

# What is ended this often is ended by its work, such as by the kernel for its
# memory.
_MOST_RESTARTS = 5


class Refresher:
  """A `refresh_index` process of this run, which ends with this process."""

  def __init__(
    self,
    model_dir: str,
    *,
    watch: bool,
    step: int | None = None,
    corpus: str = "",
  ):
    """Starts the process; its output goes to `refresher.log` in the run.

    Args:
      model_dir: The run.
      watch: Whether it follows the run to its end, or builds one version.
      step: The export that the one version is of; None for the newest.
      corpus: Folder of the corpus; empty for the run's.
    """
    self._log_path = run_folder.RunFolder(model_dir).refresher_log
    self._command = [
      sys.executable,
      "-m",
      "realm_tf.launch.refresh_index",
      f"--model_dir={model_dir}",
      "--end_with_parent",
    ]
    if watch:
      self._command.append("--watch")
    if step is not None:
      self._command.append(f"--step={step}")
    if corpus:
      self._command.append(f"--corpus={corpus}")
    # It works for the chief alone: it is no worker of a cluster.
    self._environment = {
      name: value
      for name, value in os.environ.items()
      if name != tf_config.NAME
    }
    self._restarts = 0
    self._told = False
    self._start()

  def end(self) -> str | None:
    """Starts it again if a signal has ended it.

    Returns:
      How it ended, in a sentence; None while it runs.
    """
    status = self._process.poll()
    if status is None:
      return None
    if status < 0 and self._restarts < _MOST_RESTARTS:
      self._restarts += 1
      name = signal.Signals(-status).name
      _log.info(
        f"The index refresher was ended by {name}; it is started again."
      )
      self._start()
      return None
    if status == 0:
      return f"The index refresher has ended. See {self._log_path}."
    return self._failure()

  def look_after(self) -> None:
    """Starts it again if a signal has ended it.

    Says once that it has failed, if it has: training goes on for as long as
    the index may age.
    """
    end = self.end()
    if end is not None and self._process.returncode != 0 and not self._told:
      self._told = True
      _log.warning(f"{end}")

  def wait(self, look: Callable[[], None] = lambda: None) -> None:
    """Waits for its end.

    Args:
      look: Called now and then, and at the end.

    Raises:
      errors.UserError: If it failed; with its last line.
    """
    while (end := self.end()) is None:
      with contextlib.suppress(subprocess.TimeoutExpired):
        self._process.wait(_POLL_SECS)
      look()
    if self._process.returncode != 0:
      raise errors.UserError(end)

  def terminate(self) -> None:
    """Ends the process if it still runs."""
    if self._process.poll() is None:
      self._process.terminate()
      self._process.wait()

  def _start(self) -> None:
    with open(self._log_path, "ab") as log:
      self._log_start = log.tell()
      self._process = subprocess.Popen(
        self._command,
        env=self._environment,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the trainer.
      )

  def _failure(self) -> str:
    with open(self._log_path, "rb") as log:
      log.seek(self._log_start)
      lines = log.read().decode("utf-8", errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return (
      f"The index refresher failed (exit status {self._process.returncode}): "
      f"{said[-1] if said else 'no output.'} See {self._log_path}."
    )
