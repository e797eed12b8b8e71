"""Judges what a reader makes of damaged files.

The rule: one line that names the file, or the right result. A file whose damage
no check sum tells may be read as what it now says.
"""

import pathlib
import traceback
from typing import NamedTuple

from realm_tf import errors
from realm_tf import files as realm_files
from tests.chaos import readers

REFUSED = "refused"  # in one line that names the file
SAME = "same"  # what the whole files say
CHANGED = "changed"  # what the damaged files say, without a check sum
GOOD = (REFUSED, SAME, CHANGED)
TRACEBACK = "traceback"
UNNAMED = "unnamed"  # a line that does not say which file
WRONG = "wrong"  # damage taken for right
HANG = "hang"
DIED = "died"  # the process ended
MEMORY = "memory"
LOST = "lost"  # files of the user's removed
LEFT = "left"  # files written that nobody asked for
BREACHES = (TRACEBACK, UNNAMED, WRONG, HANG, DIED, MEMORY, LOST, LEFT)

_UNSEEN = ("packed: ", "written twice")
_REMOVED = ": removed"
_MOST_MESSAGE = 2000  # characters
_MOST_BYTES = 1 << 30


class Attack(NamedTuple):
  """What came of an attack.

  Attributes:
    reader: Name of the reader.
    case: With the reader's name, what chose the damage.
    damage: What was done to which file.
    verdict: One of `GOOD` and `BREACHES`.
    message: The reader's message, or where it went wrong.
  """

  reader: str
  case: str
  damage: str
  verdict: str
  message: str = ""


def judge(
  reader: readers.Reader,
  case: str,
  damage: str,
  folder: pathlib.Path,
  expected: str,
) -> Attack:
  """Has a reader read damaged files, and judges what it does.

  Args:
    reader: The reader.
    case: See `Attack`.
    damage: See `Attack`.
    folder: The files.
    expected: Digest of what it reads of the whole files.
  """
  before = _names(folder)
  verdict, message = _read(reader, damage, folder, expected)
  if verdict in GOOD:
    after = _names(folder)
    if before - after:
      verdict, message = LOST, ", ".join(sorted(before - after))
    elif after - before:
      verdict, message = LEFT, ", ".join(sorted(after - before))
  return Attack(reader.name, case, damage, verdict, message)


def _read(
  reader: readers.Reader, damage: str, folder: pathlib.Path, expected: str
) -> tuple[str, str]:
  """Returns the verdict on a reading, and its message."""
  try:
    value = readers.digest(reader.read(folder))
  except errors.UserError as e:
    message = " ".join(str(e).split())
    if len(message) > _MOST_MESSAGE:
      return UNNAMED, f"{len(message)} characters: {message[:200]} ..."
    return (REFUSED if _is_named(message, folder) else UNNAMED), message
  except AssertionError as e:
    return WRONG, _last(e)
  except Exception as e:  # noqa: BLE001 - each kind is a breach
    if realm_files.full_disk(e) is not None:
      return REFUSED, str(e)
    return TRACEBACK, _last(e)
  if value == expected:
    return SAME, ""
  # Two compressed files in a row are one, and no check sum is wrong.
  unseen = _UNSEEN if reader.is_listed else (*_UNSEEN, _REMOVED)
  is_sealed = all(
    part.partition(": ")[0].endswith(reader.sealed)
    and not any(change in part for change in unseen)
    for part in damage.split("; ")
  )
  return (WRONG, "another value") if is_sealed else (CHANGED, "")


def with_memory(attack: Attack, more_bytes: int) -> Attack:
  """Returns an attack's outcome, a breach if it took too much memory."""
  if attack.verdict in GOOD and more_bytes > _MOST_BYTES:
    message = f"{more_bytes / 2**30:.1f} GB more"
    return attack._replace(verdict=MEMORY, message=message)
  return attack


def _is_named(message: str, folder: pathlib.Path) -> bool:
  """Whether a message names the folder, or what lies in it."""
  return str(folder) in message


def _names(folder: pathlib.Path) -> set[str]:
  """Returns the paths below a folder, without locks."""
  paths = {
    str(path.relative_to(folder))
    for path in folder.rglob("*")
    if not path.is_symlink()
  }
  return {p for p in paths if ".lock" not in p and "index_in_use" not in p}


def _last(error: BaseException) -> str:
  """Returns an error's text and the last places of its traceback."""
  frames = traceback.extract_tb(error.__traceback__)
  ours = [f for f in frames if "realm_tf" in f.filename] or frames
  places = [
    f"{pathlib.Path(f.filename).name}:{f.lineno} {f.name}" for f in ours[-3:]
  ]
  text = " ".join(str(error).split())[:300]
  return f"{type(error).__name__}: {text} [{' < '.join(reversed(places))}]"
