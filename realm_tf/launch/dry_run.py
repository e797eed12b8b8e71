"""The flag --dry_run: prints the plan of a command, and ends there.

Nothing that TensorFlow would do is done: it is not imported, so that no device
is touched and no TPU connected. Flags and configs are checked as always. Paths
that exist are checked, too; those that do not are named, as an earlier command
of a recipe may make them.
"""

import os
import sys
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping

from absl import flags

from realm_tf.launch import console

_DRY_RUN = flags.DEFINE_bool(
  "dry_run",
  False,
  "Check the flags, print the plan, and end: no device is touched, nothing is "
  "written. What is read and not there yet is named, and is no error.",
)
_MISSING = ": not there yet"
_WIDTH = 18

# Whether a path that a flag names is there, in the order of the checks.
_read: dict[tuple[str, str], bool] = {}


def is_wanted() -> bool:
  """Whether the flag is given."""
  return bool(_DRY_RUN.value)


def is_missing(flag: str, path: str, *, is_there: bool) -> bool:
  """Notes a path that the command reads.

  Args:
    flag: The flag that names it.
    path: A file or a folder.
    is_there: Whether it exists.

  Returns:
    Whether it does not, and need not: in a dry run.
  """
  _read[flag, path] = is_there
  return is_wanted() and not is_there


def shown(
  plan: Callable[[], Mapping[str, str]] = dict, writes: Iterable[str] = ()
) -> bool:
  """Prints the plan in a dry run; call it where a command would begin.

  Args:
    plan: Returns the lines on the work, by name.
    writes: Paths that the command writes; "" for none.

  Returns:
    Whether this is a dry run, so that the command must end.

  Raises:
    errors.UserError: As `plan`.
  """
  if not is_wanted():
    return False
  lines = [*plan().items()]
  for (flag, path), is_there in _read.items():
    lines.append(("reads", f"{path} (--{flag}){'' if is_there else _MISSING}"))
  lines += [("writes", path) for path in writes if path]
  lines.append(("settings", ", ".join(_settings())))
  print(f"{_command()}: a dry run, nothing is done")
  for name, line in lines:
    print(f"  {name:<{_WIDTH}} {console.in_flags(line, {*flags.FLAGS})}")
  return True


def _settings() -> list[str]:
  """Returns the values of the flags that name nothing that is read."""
  shown_already = {flag for flag, _ in _read} | {_DRY_RUN.name}
  return [
    f"{name}={flags.FLAGS[name].value}"
    for name in flags.FLAGS
    if name not in shown_already
    and flags.FLAGS[name].value not in (None, "", [])
    and not flags.FLAGS.find_module_defining_flag(name).startswith("absl.")
  ]


def _command() -> str:
  return os.path.basename(sys.argv[0]).removesuffix(".py").rpartition(".")[2]
