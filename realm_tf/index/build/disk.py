"""Checks the free room on a disk, and reports a full one in one line."""

import contextlib
import shutil
from collections.abc import Iterator

import tensorflow as tf

from realm_tf import errors
from realm_tf import files

_SLACK_BYTES = 1 << 20


def has_room(folder: str, needed_bytes: int) -> bool:
  """Returns whether a folder's disk has room.

  Args:
    folder: Where will be written; it exists.
    needed_bytes: How much.
  """
  return shutil.disk_usage(folder).free >= needed_bytes + _SLACK_BYTES


def check_free(folder: str, needed_bytes: int) -> None:
  """Raises if a folder's disk lacks room.

  Args:
    folder: Where will be written; it exists.
    needed_bytes: How much.

  Raises:
    errors.UserError: If the disk has less.
  """
  if not has_room(folder, needed_bytes):
    free = shutil.disk_usage(folder).free
    raise _full(folder, needed_bytes, f"has {free} bytes free")


@contextlib.contextmanager
def reported(folder: str, needed_bytes: int) -> Iterator[None]:
  """Reports the failures of a full disk in one line.

  Args:
    folder: Where the context writes.
    needed_bytes: How much it writes in all.

  Raises:
    errors.UserError: If the disk was full.
  """
  try:
    yield
  except (OSError, tf.errors.OpError) as e:
    if files.full_disk(e):
      raise _full(folder, needed_bytes, "is full") from e
    raise


def _full(folder: str, needed_bytes: int, what: str) -> errors.UserError:
  return errors.UserError(
    f"The disk of {folder} {what}; the index version needs {needed_bytes} "
    "bytes. Make room and start the command again: finished shards are kept."
  )
