"""Hugging Face's safetensors: a header in JSON, then raw arrays."""

import json
import os

import numpy as np
import tensorflow as tf

from realm_tf import errors

_LENGTH_BYTES = 8
_BFLOAT16 = "BF16"
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
  """Reads a file; a local one is mapped into memory, not loaded.

  Args:
    path: The file: 8 bytes for the header's length, little-endian; the header,
      `{name: {dtype, shape, data_offsets}}`; the arrays.

  Returns:
    Arrays by name, bfloat16 as float32.

  Raises:
    errors.UserError: If it is no such file, or a part of one.
  """
  try:
    content = _content(path)
    length = int(content[:_LENGTH_BYTES].view("<u8")[0])
    start = _LENGTH_BYTES + length
    header = json.loads(content[_LENGTH_BYTES:start].tobytes())
    header.pop("__metadata__", None)
    return {
      name: _array(content[start:], **entry) for name, entry in header.items()
    }
  except (
    tf.errors.OpError,
    OSError,
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
  ) as e:
    raise errors.UserError(
      f"{path} is no whole safetensors file ({type(e).__name__}): download it "
      "again."
    ) from e


def _content(path: str) -> np.ndarray:
  if os.path.exists(path):
    return np.memmap(path, np.uint8, mode="r")
  with tf.io.gfile.GFile(path, "rb") as f:
    return np.frombuffer(f.read(), np.uint8)


def _array(
  content: np.ndarray, dtype: str, shape: list[int], data_offsets: list[int]
) -> np.ndarray:
  start, limit = data_offsets
  array = content[start:limit].view(_DTYPES[dtype]).reshape(shape)
  if dtype == _BFLOAT16:  # the upper half of a float32
    array = (array.astype(np.uint32) << 16).view(np.float32)
  return array
