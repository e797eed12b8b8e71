"""Programs of their own, for tests that set up devices."""

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

_ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(
  module: str, *arguments: str, timeout_secs: int = 300
) -> subprocess.CompletedProcess[str]:
  """Runs a module to its end, however that comes."""
  return subprocess.run(
    [sys.executable, "-m", module, *arguments],
    cwd=_ROOT,
    env=os.environ | {"PYTHONPATH": str(_ROOT)},
    capture_output=True,
    text=True,
    timeout=timeout_secs,
  )


def result_of(module: str, *arguments: str, timeout_secs: int = 300) -> Any:
  """Runs a module to its good end; returns the JSON of its last line."""
  done = run(module, *arguments, timeout_secs=timeout_secs)
  assert done.returncode == 0, done.stderr[-3000:]
  return json.loads(done.stdout.splitlines()[-1])
