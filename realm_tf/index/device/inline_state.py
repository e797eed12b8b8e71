"""The vectors of an index that is refreshed inline, beside its checkpoints.

They were embedded with the weights of many steps, of which a checkpoint has
the last alone: to go on exactly as before, a resumed run needs them.
"""

import os
from collections.abc import Collection
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files

_ENDING = ".npy"


def save(folder: str, step: int, shares: Sequence[np.ndarray]) -> None:
  """Writes the vectors of a step, whole or not at all.

  Args:
    folder: Where those of all steps are.
    step: Of the checkpoint.
    shares: <dtype>[rows, D] of each replica, in order.
  """
  tf.io.gfile.makedirs(folder)
  path = _path(folder, step)
  temporary = f"{path}.{os.getpid()}.tmp"
  rows = sum(len(share) for share in shares)
  # NumPy's format has no name for bfloat16: bytes are kept as they are.
  header = {
    "descr": f"<u{shares[0].itemsize}",
    "fortran_order": False,
    "shape": (rows, shares[0].shape[1]),
  }
  try:
    with tf.io.gfile.GFile(temporary, "wb") as f:
      np.lib.format.write_array_header_1_0(f, header)
      for share in shares:
        f.write(share.tobytes())
    tf.io.gfile.rename(temporary, path, overwrite=True)
  except BaseException:
    if tf.io.gfile.exists(temporary):
      tf.io.gfile.remove(temporary)
    raise


def load(folder: str, step: int, dtype: tf.DType) -> np.ndarray | None:
  """Returns the vectors of a step, <dtype>[N, D]; None if there are none.

  Args:
    folder: Where those of all steps are.
    step: Of the checkpoint.
    dtype: That they were saved in.

  Raises:
    errors.UserError: If the file is damaged.
  """
  path = _path(folder, step)
  if not tf.io.gfile.exists(path):
    return None
  try:
    found = np.load(path, mmap_mode="r", allow_pickle=False)
    return found.view(dtype.as_numpy_dtype)
  except files.NO_ARRAY as e:
    raise errors.UserError(
      f"{path} cannot be read: {e} Remove it: all passages are then embedded "
      "anew, with the weights of the checkpoint."
    ) from e


def prune(folder: str, kept: Collection[int]) -> None:
  """Removes the vectors of other steps, and what was not finished.

  Args:
    folder: Where those of all steps are.
    kept: The steps whose vectors stay.
  """
  names = {os.path.basename(_path(folder, step)) for step in kept}
  for name in tf.io.gfile.listdir(folder):
    if name not in names:
      tf.io.gfile.remove(os.path.join(folder, name))


def _path(folder: str, step: int) -> str:
  return os.path.join(folder, f"vectors-{step}{_ENDING}")
