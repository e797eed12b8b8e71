"""Holds the commands that are printed as "Next" against their own flags."""

import re
import shlex

from tests.launch import light_commands

_COMMAND = re.compile(r"\S+ -m realm_tf\.launch\.(\w+)(.*)")


def commands(text):
  """Returns the commands in a text: (name, flags) of each."""
  assert "..." not in text[text.rindex("Next") :]
  found = _COMMAND.findall(text[text.rindex("Next") :])
  return [(name, shlex.split(flags)) for name, flags in found]


def check(text, *names):
  """Asserts which commands a text suggests, and that each of them starts.

  That is: its flags are known and go together, and the paths are there. What
  an earlier one of the commands writes may be missing.

  Args:
    text: What was printed.
    *names: The commands, in order.

  Returns:
    The flags of the last.
  """
  found = commands(text)
  assert [name for name, _ in found] == list(names)
  made = []
  outcomes = light_commands.outcomes(found)
  for (_, flags), outcome in zip(found, outcomes, strict=True):
    awaited = any(path in outcome["stderr"] for path in made)
    assert awaited or outcome["status"] == light_commands.REACHED, outcome
    made += [f[9:] for f in flags if f.startswith("--output=")]
  return found[-1][1]
