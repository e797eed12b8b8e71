"""Runs single attacks: damages a copy of a reader's files, and has it read.

python -m tests.chaos.worker GOOD_FILES WORKING_FOLDER

Prints a line once it is ready. Then takes a line of {"reader", "case"} from
stdin for each attack, and prints two: the damage, and what came of it, as the
fields of `Attack` in `verdicts.py`. A process of its own: it may hang, or be
ended by what it reads.
"""

import json
import os
import pathlib
import random
import resource
import shutil
import sys
from typing import Any

from tests.chaos import mutations
from tests.chaos import readers
from tests.chaos import verdicts

_TWO_DAMAGES = 0.15


def damage(
  reader: readers.Reader, case: str, good: pathlib.Path, folder: pathlib.Path
) -> str:
  """Damages a copy of a reader's files; returns how.

  Args:
    reader: The reader.
    case: Names the random choices.
    good: Its files.
    folder: Where the copy goes; it must not exist.
  """
  rng = random.Random(f"{reader.name}/{case}")
  shutil.copytree(good, folder, symlinks=True)
  damaged = [
    path
    for pattern in reader.damaged
    for path in sorted(folder.glob(pattern))
    if path.is_file()
  ]
  told = []
  for _ in range(2 if rng.random() < _TWO_DAMAGES else 1):
    path = rng.choice(damaged)
    if path.is_file() and os.access(path, os.R_OK) and path.stat().st_size:
      name = str(path.relative_to(folder))
      told.append(f"{name}: {mutations.damage(path, rng)}")
  return "; ".join(told)


_known: dict[str, str] = {}


def _expected(reader: readers.Reader, good: pathlib.Path) -> str:
  """Returns the digest of what the reader makes of its good files."""
  if reader.name not in _known:
    _known[reader.name] = readers.digest(reader.read(good))
  return _known[reader.name]


def _peak_bytes() -> int:
  return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
  """Attacks as stdin says."""
  from realm_tf import environment

  environment.configure()
  good, working = map(pathlib.Path, sys.argv[1:])
  # What libraries print is not for the line of replies.
  replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
  os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
  os.dup2(1, 2)
  by_name = {reader.name: reader for reader in readers.READERS}

  def reply(value: Any) -> None:
    replies.write(json.dumps(value) + "\n")
    replies.flush()

  reply("ready")
  for number, line in enumerate(sys.stdin):
    order: dict[str, Any] = json.loads(line)
    folder = working / f"{os.getpid()}-{number}" / "files"
    folder.parent.mkdir()
    reader = by_name[order["reader"]]
    expected = _expected(reader, good / reader.name)
    before = _peak_bytes()
    case = order["case"]
    told = damage(reader, case, good / reader.name, folder)
    reply({"damage": told})
    found = verdicts.judge(reader, case, told, folder, expected)
    found = verdicts.with_memory(found, _peak_bytes() - before)
    shutil.rmtree(folder.parent, ignore_errors=True)
    reply(found._asdict())


if __name__ == "__main__":
  main()
