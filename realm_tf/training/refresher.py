"""The refresher that a trainer on one machine starts beside itself."""

import subprocess
import sys

import tensorflow as tf

from realm_tf import errors

LOG = "refresher.log"


class Refresher:
  """A `refresh_index` process of this run."""

  def __init__(self, model_dir: str, *, watch: bool, step: int | None = None):
    """Starts the process; its output goes to `refresher.log` in the run.

    Args:
      model_dir: The run.
      watch: Whether it follows the run to its end, or builds one version.
      step: The export that the one version is of; None for the newest.
    """
    self._log_path = tf.io.gfile.join(model_dir, LOG)
    command = [
      sys.executable,
      "-m",
      "realm_tf.launch.refresh_index",
      f"--model_dir={model_dir}",
    ]
    if watch:
      command.append("--watch")
    if step is not None:
      command.append(f"--step={step}")
    with open(self._log_path, "a", encoding="utf-8") as log:
      self._process = subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT
      )

  def is_alive(self) -> bool:
    """Whether it still runs."""
    return self._process.poll() is None

  def wait(self) -> None:
    """Waits for its end.

    Raises:
      errors.UserError: If it failed; with its last line.
    """
    if self._process.wait() != 0:
      with open(self._log_path, encoding="utf-8", errors="replace") as log:
        lines = [line.strip() for line in log if line.strip()]
      last = lines[-1] if lines else "no output"
      raise errors.UserError(
        f"The index refresher failed (exit status "
        f"{self._process.returncode}): {last} See {self._log_path}."
      )

  def terminate(self) -> None:
    """Ends it, if it still runs."""
    if self.is_alive():
      self._process.terminate()
      self._process.wait()
