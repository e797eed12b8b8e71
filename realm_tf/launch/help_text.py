"""The help text of a command."""

import shutil
import signal
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from absl import flags

_WORDS = frozenset(
  dashes + word
  for word in ("h", "help", "helpshort", "?")
  for dashes in ("-", "--")
)
_CONFIG = "config."
_MIN_WIDTH = 40
_VALUES = {
  "int": "INT",
  "float": "NUMBER",
  "string": "TEXT",
  "multi string": "TEXT",
  "comma separated list of strings": "TEXT,TEXT",
}


def is_wanted(argv: Sequence[str]) -> bool:
  """Whether the arguments ask for help; argv[0] is the program."""
  return not _WORDS.isdisjoint(argv[1:])


def show(description: str) -> None:
  """Prints the help of the command whose flags are defined.

  Args:
    description: The docstring of the command's module.
  """
  # A reader such as `head` may close the pipe early.
  signal.signal(signal.SIGPIPE, signal.SIG_DFL)
  print(_text(description))


def _text(description: str) -> str:
  width = max(_MIN_WIDTH, shutil.get_terminal_size((80, 24)).columns)
  own: list[flags.Flag] = []
  fields: list[flags.Flag] = []
  for name in flags.FLAGS:
    if not flags.FLAGS.find_module_defining_flag(name).startswith("absl."):
      (fields if name.startswith(_CONFIG) else own).append(flags.FLAGS[name])
  own.sort(key=_place)
  lines = [description.strip(), "", "Flags:"]
  for flag in own:
    lines += _entry(flag, width)
  if fields:
    lines += ["", "Fields of the config:"]
    lines += textwrap.wrap(
      "Each overrides what --config sets. A preset sets the fields that have "
      "no default, and others.",
      width,
    )
    for flag in fields:
      lines += _entry(flag, width)
  lines += ["", "--helpfull lists the flags of logging and debugging too."]
  return "\n".join(lines)


def _place(flag: flags.Flag) -> tuple[bool, bool]:
  """Sort key: required flags first, then the command's own."""
  module = flags.FLAGS.find_module_defining_flag(flag.name)
  return not _is_required(flag), module != sys.argv[0]


def _entry(flag: flags.Flag, width: int) -> list[str]:
  """Returns the lines on one flag."""
  value = _value(flag)
  heading = f"--{flag.name}={value}" if value else f"--[no]{flag.name}"
  # What absl has added: the values of an enum, and a line on lists.
  text = flag.help.removeprefix(f"<{value}>: ").partition(";\n    repeat")[0]
  if _is_required(flag):
    heading += "  (required)"
  elif flag.default not in (None, "", []):
    default = flag.default
    text += f" (default: {str(default).lower() if flag.boolean else default})"
  indent = " " * 6
  return [
    f"  {heading}",
    *textwrap.wrap(
      text,
      width,
      initial_indent=indent,
      subsequent_indent=indent,
      break_on_hyphens=False,
    ),
  ]


def _value(flag: flags.Flag) -> str:
  """Returns the placeholder of the value; "" for a boolean flag."""
  if flag.boolean:
    return ""
  if isinstance(flag.parser, flags.EnumParser):
    return "|".join(flag.parser.enum_values)
  return _VALUES.get(flag.flag_type(), "VALUE")


def _is_required(flag: flags.Flag) -> bool:
  """Whether the flag is required."""
  return flag.default is None and any(map(_refuses_none, flag.validators))


def _refuses_none(validator: Any) -> bool:
  try:
    return not validator.checker(None)
  except flags.ValidationError:
    return True
