"""The bytes of a file of weights, mapped into memory where that can be."""

import mmap

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
