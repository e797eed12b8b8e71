"""Tensors of protocol buffers to and from NumPy, without TensorFlow.

`tf.make_tensor_proto` and `tf.make_ndarray` do more, for callers that can wait
seconds for TensorFlow's import.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

# Of tensorflow/core/framework/types.proto, with the field of their values.
_STRING = 7
_NUMBERS: dict[int, tuple[type, str]] = {
  1: (np.float32, "float_val"),
  2: (np.float64, "double_val"),
  3: (np.int32, "int_val"),
  9: (np.int64, "int64_val"),
  10: (np.bool_, "bool_val"),
}


def put_strings(proto: Any, values: Sequence[str]) -> None:
  """Writes <string>[N] into a TensorProto."""
  proto.dtype = _STRING
  proto.tensor_shape.dim.add(size=len(values))
  proto.string_val.extend(value.encode() for value in values)


def put_floats(proto: Any, values: Sequence[float]) -> None:
  """Writes <float32>[N] into a TensorProto."""
  proto.dtype = 1
  proto.tensor_shape.dim.add(size=len(values))
  proto.float_val.extend(values)


def to_array(proto: Any) -> np.ndarray:
  """Returns the array that a TensorProto holds.

  Args:
    proto: Of strings, booleans or numbers of 32 or 64 bits.

  Returns:
    Strings as an array of `str`; bytes that are not UTF-8 are replaced.

  Raises:
    ValueError: It is of another type, or does not fill its shape.
  """
  shape = [dim.size for dim in proto.tensor_shape.dim]
  if proto.dtype in _NUMBERS and proto.tensor_content:
    return np.frombuffer(
      proto.tensor_content, _NUMBERS[proto.dtype][0]
    ).reshape(shape)
  if proto.dtype == _STRING:
    flat = np.empty(len(proto.string_val), object)
    flat[:] = [value.decode(errors="replace") for value in proto.string_val]
  elif proto.dtype in _NUMBERS:
    dtype, field = _NUMBERS[proto.dtype]
    flat = np.array(getattr(proto, field), dtype)
  else:
    raise ValueError(f"a tensor has type {proto.dtype}, which is not known")
  missing = math.prod(shape) - flat.size
  if flat.size and missing > 0:  # the last value stands for those left out
    flat = np.pad(flat, (0, missing), mode="edge")
  return flat.reshape(shape)
