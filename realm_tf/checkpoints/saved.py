"""The checkpoints in a folder: which are complete, which is newest.

The folder is listed: TensorFlow's own note of what is there, the file
`checkpoint`, may be gone or wrong while the checkpoints are not.
"""

import functools
import logging
import os
import re
import time
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from realm_tf import errors
from realm_tf import files

_log = logging.getLogger(__name__)

# What TensorFlow's readers raise for checkpoints and SavedModels that are
# damaged, or of which a part is missing.
DAMAGE = (tf.errors.OpError, IndexError, ValueError, RuntimeError)

NAME = "ckpt"  # of a run's checkpoints, before -STEP

_FILE = re.compile(r"(.+)\.(index|data-\d{5}-of-\d{5})")
_STEP = re.compile(rf"{NAME}-(\d+)")


class Saved(NamedTuple):
  """A checkpoint.

  Attributes:
    prefix: The common prefix of its files' paths.
    step: Of the trainer, when it was saved.
  """

  prefix: str
  step: int


def steps(folder: str) -> list[int]:
  """Returns the steps of all checkpoints, whole or not, ascending."""
  matches = map(_STEP.fullmatch, _files(folder))
  return sorted(int(match[1]) for match in matches if match)


def prefix(folder: str, step: int) -> str:
  """Returns the prefix of a step's checkpoint."""
  return os.path.join(folder, f"{NAME}-{step}")


def newest(folder: str) -> Saved | None:
  """Returns the newest checkpoint that can be read; None if there is none.

  Warns of each checkpoint that it skips.

  Args:
    folder: Where checkpoints are.

  Raises:
    errors.UserError: If there are whole checkpoints, of which none can be read.
  """
  damaged: list[str] = []
  for step in reversed(steps(folder)):
    path = prefix(folder, step)
    found = problem(path)
    if found is None:
      if damaged:
        warn(f"{'; '.join(damaged)}: taking {path}.")
      return Saved(path, step)
    damaged.append(f"{path} {found}")
  if any(map(is_whole, _files(folder).values())):
    raise errors.UserError(
      f"No checkpoint in {folder} can be read: {'; '.join(damaged)}. Put a "
      "copy back, or remove the folder of the run and start anew."
    )
  return None


@functools.cache
def warn(line: str) -> None:
  """Prints a warning, once in a process: weights are looked for often."""
  _log.warning(f"{line}")


def problem(path: str) -> str | None:
  """Returns what is wrong with a checkpoint; None if it is complete.

  Every value is read, which compares its sum.

  Args:
    path: The checkpoint's prefix.
  """
  folder, name = os.path.split(path)
  endings = _files(folder).get(name, [])
  if not is_whole(endings):
    return "lacks a file"
  stamps = []
  for ending in endings:
    try:
      stat = tf.io.gfile.stat(f"{path}.{ending}")
    except tf.errors.NotFoundError:  # Its run goes on, and removes old ones.
      return "lacks a file"
    except tf.errors.OpError as e:
      return _damaged_by(e)
    stamps.append((ending, stat.length, stat.mtime_nsec))
  return _damage(path, tuple(stamps))


def check_written(path: str) -> None:
  """Reads a checkpoint that was just written: a full disk may cut it short.

  Args:
    path: The checkpoint's prefix.

  Raises:
    errors.UserError: If it is not whole.
  """
  if found := _read(path):
    raise errors.UserError(
      f"{path} {found}, although it was just written. Is the disk full? The "
      "same command goes on from the checkpoint before."
    )


def is_whole(endings: list[str]) -> bool:
  """Returns whether all files of a checkpoint are there, index and data.

  Args:
    endings: The part of each file's name after the prefix's dot.
  """
  data = [ending for ending in endings if ending != "index"]
  counts = {int(ending.rpartition("-")[2]) for ending in data}
  return "index" in endings and counts == {len(data)}


@functools.cache
def _damage(path: str, stamps: tuple[tuple[str, int, int], ...]) -> str | None:
  """Reads a checkpoint to find damage; cached until its files change."""
  del stamps
  return _read(path)


def _read(path: str) -> str | None:
  """Reads every value of a checkpoint; returns what is wrong with it."""
  try:
    files.check_all_readable(path)
    reader = tf.train.load_checkpoint(path)
    for name in reader.get_variable_to_shape_map():
      reader.get_tensor(name)
  except DAMAGE as e:
    return _damaged_by(e)
  return None


def _damaged_by(error: Exception) -> str:
  """Returns the words of `problem` for an error."""
  return f"is damaged ({' '.join(str(error).split())})"


def _files(folder: str) -> Mapping[str, list[str]]:
  """Returns the endings of the files of each checkpoint, by its name."""
  found: dict[str, list[str]] = {}
  if tf.io.gfile.isdir(folder):
    for name in tf.io.gfile.listdir(folder):
      if match := _FILE.fullmatch(name):
        found.setdefault(match[1], []).append(match[2])
  return found


def write_state(folder: str, current: Saved) -> None:
  """Writes TensorFlow's list of checkpoints, so that old ones are removed.

  Args:
    folder: Where checkpoints are.
    current: The newest that can be read. Newer ones cannot, and
      is removed first.
  """
  found = steps(folder)
  newer = [step for step in found if step > current.step]
  older = [step for step in found if step <= current.step]
  tf.compat.v1.train.update_checkpoint_state(
    folder,
    current.prefix,
    all_model_checkpoint_paths=[prefix(folder, s) for s in newer + older],
    # What is not younger than the last that is kept for good stays for good.
    all_model_checkpoint_timestamps=[time.time()] * len(found),
    last_preserved_timestamp=0.0,
  )
