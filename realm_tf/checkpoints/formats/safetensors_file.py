"""Hugging Face's safetensors files, as NumPy arrays."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import safetensors
import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints.formats import bfloat16
from realm_tf.checkpoints.formats import mapped_file

_BFLOAT16 = "BF16"
_DTYPES = {
  "F64": "<f8",
  "F32": "<f4",
  "F16": "<f2",
  _BFLOAT16: bfloat16.STORED,
  "I64": "<i8",
  "I32": "<i4",
  "I16": "<i2",
  "I8": "<i1",
  "U8": "<u1",
  "BOOL": "?",
}
_LENGTH = 8  # bytes of the header's length


def read(path: str) -> dict[str, np.ndarray]:
  """Reads a file.

  Args:
    path: The file.

  Returns:
    Arrays by name, mapped into memory where the file is on this machine's
    disk; bfloat16 as float32.

  Raises:
    errors.UserError: If it is no such file, or a part of one, or has a type
      that NumPy lacks.
  """
  try:
    content = mapped_file.read(path)
    if isinstance(content, bytes):
      found = safetensors.deserialize(content)
      return {
        name: _array(tensor["data"], tensor["dtype"], tensor["shape"])
        for name, tensor in found
      }
    with safetensors.safe_open(path, "np"):
      pass  # This checks the header, and that all bytes are there.
    start = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    header = json.loads(content[_LENGTH:start])
    return {
      name: _array(
        content,
        entry["dtype"],
        entry["shape"],
        start + entry["data_offsets"][0],
      )
      for name, entry in header.items()
      if name != "__metadata__"
    }
  except errors.UserError:
    raise
  except (
    OSError,
    tf.errors.OpError,
    safetensors.SafetensorError,
    KeyError,
    ValueError,
  ) as e:
    raise errors.UserError(
      f"{path} is no whole safetensors file ({type(e).__name__}): download it "
      "again."
    ) from e


def _array(
  content: Any, dtype: str, shape: Sequence[int], start: int = 0
) -> np.ndarray:
  count = int(np.prod(shape, dtype=np.int64))
  array = np.frombuffer(content, _DTYPES[dtype], count, start).reshape(shape)
  return bfloat16.widened(array) if dtype == _BFLOAT16 else array
