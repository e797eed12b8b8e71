"""Runs commands as processes; without TensorFlow."""

import subprocess
import sys
from collections.abc import Callable
from collections.abc import Sequence

# From a module with its flags to the exit status of its process.
RunFunction = Callable[[Sequence[str]], int]


def run(argv: Sequence[str]) -> int:
  """Runs a command to its end; a signal for this process is handed on.

  Args:
    argv: A module and its flags.

  Returns:
    The exit status.
  """
  process = subprocess.Popen([sys.executable, "-m", *argv])
  try:
    return process.wait()
  except BaseException:
    process.terminate()
    process.wait()  # It may save a checkpoint first.
    raise
