"""Commands that are to refuse what they are given, all run from one process."""

import json
import pathlib
import subprocess
import sys

from tests.end_to_end import tiny_runs


def outcomes(root, commands):
  """Runs commands, each in a fork of a process that has loaded TensorFlow.

  Args:
    root: Below which they may have written.
    commands: Names, each with its flags.

  Returns:
    For each, its `status`, its `stderr`, and what it has `written`.
  """
  orders = [
    {"command": command, "flags": flags, "root": str(root)}
    for command, flags in commands
  ]
  done = subprocess.run(
    [sys.executable, "-m", "tests.end_to_end.forked_commands"],
    input=json.dumps(orders),
    env=tiny_runs.environment(),
    cwd=pathlib.Path(__file__).resolve().parents[2],
    capture_output=True,
    text=True,
    timeout=300,
  )
  assert done.returncode == 0, done.stderr
  return json.loads(done.stdout)


def check(outcome, words):
  """Asserts status 2, one line with all words, and nothing written."""
  assert outcome["status"] == 2, outcome
  assert outcome["stderr"].startswith("error: "), outcome
  assert outcome["stderr"].count("\n") == 1, outcome
  for word in words:
    assert word in outcome["stderr"]
  assert outcome["written"] == []
