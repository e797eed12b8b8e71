"""The bytes of a file of weights, mapped into memory where that can be."""

import mmap
from typing import Any

import numpy as np

from realm_tf import files


def read(path: str) -> mmap.mmap | bytes:
  """Returns a file's bytes.

  A file on this machine's disk is mapped: its arrays take no memory until they
  are used, and give it back. Any other is read.

  Args:
    path: The file.

  Raises:
    errors.UserError: If it is no file that may be read.
    ValueError: If it is empty.
    OSError, tf.errors.OpError: If it cannot be read.
  """
  if "://" in path:
    return files.read_bytes(path)
  files.check_readable(path)
  with open(path, "rb") as f:
    return mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)


def release(array: np.ndarray) -> None:
  """Gives back the memory of the file that an array is mapped from.

  The array stays as it is: what is read of it again is mapped again.

  Args:
    array: Of what `read` returned, or any other, which is left alone.
  """
  base: Any = array
  while isinstance(base, np.ndarray):
    base = base.base
  if isinstance(base, memoryview):
    base = base.obj
  if isinstance(base, mmap.mmap):
    base.madvise(mmap.MADV_DONTNEED)
