"""Hugging Face's safetensors files, as NumPy arrays."""

import numpy as np
import safetensors
import tensorflow as tf

from realm_tf import errors

_BFLOAT16 = "BF16"  # which NumPy does not have
_DTYPES = {
  "F64": "<f8",
  "F32": "<f4",
  "F16": "<f2",
  _BFLOAT16: "<u2",
  "I64": "<i8",
  "I32": "<i4",
  "I16": "<i2",
  "I8": "<i1",
  "U8": "<u1",
  "BOOL": "?",
}


def read(path: str) -> dict[str, np.ndarray]:
  """Reads a file.

  Args:
    path: The file.

  Returns:
    Arrays by name, bfloat16 as float32.

  Raises:
    errors.UserError: If it is no such file, or a part of one, or has a type
      that NumPy lacks.
  """
  try:
    with tf.io.gfile.GFile(path, "rb") as f:
      found = safetensors.deserialize(f.read())
    return {name: _array(**tensor) for name, tensor in found}
  except (
    tf.errors.OpError,
    safetensors.SafetensorError,
    KeyError,
    ValueError,
  ) as e:
    raise errors.UserError(
      f"{path} is no whole safetensors file ({type(e).__name__}): download it "
      "again."
    ) from e


def _array(data: bytearray, shape: list[int], dtype: str) -> np.ndarray:
  array = np.frombuffer(data, _DTYPES[dtype]).reshape(shape)
  if dtype == _BFLOAT16:  # the upper half of a float32
    array = (array.astype(np.uint32) << 16).view(np.float32)
  return array
