"""Hands vectors to a searcher's builder as one tensor that takes no memory."""

import contextlib
import os
from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

_BLOCK_ROWS = 1 << 16


@contextlib.contextmanager
def mapped(parts: Sequence[np.ndarray], path: str) -> Iterator[tf.Tensor]:
  """Gives vectors as a tensor whose memory is a file.

  The kernel reads the file as the tensor is read, and takes the memory back as
  it needs it. (A tensor of a NumPy array costs two copies.)

  Args:
    parts: <floating>[n, D] each; one row at least in all.
    path: A file on this machine's disks, which is there as long as the context
      is; 4 bytes a number.

  Yields:
    <float32>[N, D], the parts one after the other.

  Raises:
    OSError: If the file cannot be written.
    tf.errors.OpError: If it cannot be mapped.
  """
  try:
    rows = 0
    with open(path, "wb") as f:
      for part in parts:
        rows, dim = rows + len(part), part.shape[1]
        for start in range(0, len(part), _BLOCK_ROWS):
          block = part[start : start + _BLOCK_ROWS]
          f.write(np.ascontiguousarray(block, np.float32).data)
    with tf.device("/cpu:0"):
      yield tf.raw_ops.ImmutableConst(
        dtype=tf.float32, shape=[rows, dim], memory_region_name=path
      )
  finally:
    if os.path.exists(path):
      os.remove(path)
