"""Shows the library's log and errors on the terminal, in a command's words.

Below `launch`, messages speak of arguments as Python does: corpus=PATH,
`corpus`, build_corpus(overwrite=True). The user of a command reads
--corpus=PATH, --corpus and build_corpus --overwrite.
"""

import logging
import re
from collections.abc import Container

_LIBRARY = "realm_tf"
_COMMANDS = (
  "annotate_spans|build_corpus|edit_corpus|evaluate|finetune|pretrain|"
  "refresh_index|train_tagger"
)
_CALL = re.compile(rf"\b({_COMMANDS})\(((?:[a-z_.]+=[^,()]*(?:, )?)+)\)")
_ARGUMENT = re.compile(
  r"(?<![\w./`'\"-])([a-z_]+(?:\.[a-z_]+)?)=|`([a-z_]+(?:\.[a-z_]+)?)`"
)
_TRUTH = re.compile(r"(True|False)\b")


class _Console(logging.Handler):
  """Prints log messages, with a prefix for warnings."""

  def __init__(self, names: Container[str]):
    """Takes the command's flags; see `in_flags`."""
    super().__init__()
    self._names = names

  def emit(self, record: logging.LogRecord) -> None:
    """Prints a message to standard output."""
    text = in_flags(record.getMessage(), self._names)
    prefix = "warning: " if record.levelno >= logging.WARNING else ""
    print(f"{prefix}{text}", flush=True)


def show_log(names: Container[str]) -> None:
  """Prints what the library logs, from now on.

  Args:
    names: The command's flags; see `in_flags`.
  """
  logger = logging.getLogger(_LIBRARY)
  logger.propagate = False
  logger.setLevel(logging.INFO)
  logger.handlers = [_Console(names)]


def in_flags(message: str, names: Container[str]) -> str:
  """Returns a message of the library's with flags for arguments.

  Args:
    message: The message.
    names: The command's flags; other words stay as they are.
  """

  def call(match: re.Match[str]) -> str:
    arguments = match[2].split(", ")
    return " ".join([match[1], *(_flag(*a.split("=", 1)) for a in arguments)])

  message = _CALL.sub(call, message)
  parts = []
  end = 0
  for match in _ARGUMENT.finditer(message):
    name = match[1] or match[2]
    if name not in names:
      continue
    parts.append(message[end : match.start()])
    end = match.end()
    if match[2]:
      parts.append(f"--{name}")
    elif truth := _TRUTH.match(message, end):
      parts.append(_flag(name, truth[1]))
      end = truth.end()
    else:
      parts.append(f"--{name}=")
  return "".join([*parts, message[end:]])


def _flag(name: str, value: str) -> str:
  """Returns an argument in the form of a flag."""
  switches = {"True": f"--{name}", "False": f"--no{name}"}
  return switches.get(value, f"--{name}={value}")
