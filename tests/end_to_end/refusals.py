"""Commands that are to refuse what they are given, all run from one process."""

from tests import forked_commands
from tests.end_to_end import tiny_runs


def outcomes(root, commands):
  """Runs commands, each in a fork of a process that has loaded TensorFlow.

  Args:
    root: Below which they may have written.
    commands: Names, each with its flags.

  Returns:
    For each, its `status`, its `stderr`, and what it has `written`.
  """
  environment = tiny_runs.environment()
  return [
    forked_commands.run(command, flags, environment, root)
    for command, flags in commands
  ]


def check(outcome, words):
  """Asserts status 2, one line with all words, and nothing written."""
  assert outcome["status"] == 2, outcome
  assert outcome["stderr"].startswith("error: "), outcome
  assert outcome["stderr"].count("\n") == 1, outcome
  for word in words:
    assert word in outcome["stderr"]
  assert outcome["written"] == []
