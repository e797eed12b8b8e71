"""Converts TensorProtos, also malformed ones, to NumPy arrays and back.

`tf.make_ndarray` trusts a proto's shape: four bytes can ask it for terabytes.
"""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from realm_tf.serving.server import codes

_MAX_RANK = 32  # NumPy's
_STRING_BYTES = 24  # of TensorFlow's tstring, without what it points to

_INT_TYPES = (tf.int8, tf.int16, tf.int32, tf.uint8, tf.uint16)
# The field of a TensorProto that holds a dtype's values one by one.
_FIELDS = {
  tf.bool: "bool_val",
  tf.float32: "float_val",
  tf.float64: "double_val",
  tf.int64: "int64_val",
  tf.uint32: "uint32_val",
  tf.uint64: "uint64_val",
  tf.string: "string_val",
} | dict.fromkeys(_INT_TYPES, "int_val")
# Their values are the 16 bits.
_HALVES = (tf.float16, tf.bfloat16)


def to_array(
  proto: tensor_pb2.TensorProto, name: str, most_bytes: int
) -> np.ndarray:
  """Returns a tensor as an array; strings are bytes.

  As in TensorFlow, the last value of a proto that has too few stands for the
  rest.

  Args:
    proto: Of any origin.
    name: Of the input, for messages.
    most_bytes: The most that the array may take.

  Raises:
    codes.RequestError: It is malformed, too large, or of a dtype that is
      not supported.
  """
  dtype = _dtype(proto, name)
  shape = _shape(proto, name)
  count = math.prod(shape)
  size = _STRING_BYTES if dtype is tf.string else dtype.size
  if count * size > most_bytes:
    raise codes.invalid(
      f"input {name!r}: a tensor of shape {shape} has more than {most_bytes} "
      "bytes"
    )
  content = proto.tensor_content
  if content and dtype is not tf.string:
    if len(content) != count * dtype.size:
      raise codes.invalid(
        f"input {name!r}: tensor_content has {len(content)} bytes, but shape "
        f"{shape} of {dtype.name} needs {count * dtype.size}"
      )
    flat = np.frombuffer(content, dtype.as_numpy_dtype)
    if dtype is tf.bool and flat.size and flat.view(np.uint8).max() > 1:
      raise codes.invalid(f"input {name!r}: a bool is neither 0 nor 1")
    return flat.reshape(shape)
  return _values(proto, dtype, name, count).reshape(shape)


def to_proto(array: np.ndarray) -> tensor_pb2.TensorProto:
  """Returns an array as TensorFlow Serving sends it: its values one by one."""
  dtype = tf.as_dtype(array.dtype)
  proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
  for size in array.shape:
    proto.tensor_shape.dim.add(size=size)
  if dtype in _HALVES:
    proto.half_val.extend(array.ravel().view(np.uint16).tolist())
  elif dtype in _FIELDS:
    getattr(proto, _FIELDS[dtype]).extend(array.ravel().tolist())
  else:
    proto.tensor_content = array.tobytes()
  return proto


def narrowed(values: np.ndarray, dtype: type[np.integer]) -> np.ndarray:
  """Returns integers as others of fewer bits.

  Raises:
    OverflowError: One does not fit.
  """
  limits = np.iinfo(dtype)
  if values.size and not (
    limits.min <= values.min() and values.max() <= limits.max
  ):
    raise OverflowError(f"a value does not fit {np.dtype(dtype).name}")
  return values.astype(dtype)


def _dtype(proto: tensor_pb2.TensorProto, name: str) -> tf.DType:
  try:
    dtype = tf.as_dtype(proto.dtype)
  except TypeError as e:
    raise codes.invalid(
      f"input {name!r}: there is no dtype {proto.dtype}"
    ) from e
  if dtype not in _FIELDS and dtype not in _HALVES:
    raise codes.invalid(f"input {name!r}: {dtype.name} is not supported")
  return dtype


def _shape(proto: tensor_pb2.TensorProto, name: str) -> tuple[int, ...]:
  if proto.tensor_shape.unknown_rank:
    raise codes.invalid(f"input {name!r}: its shape is unknown")
  shape = tuple(dim.size for dim in proto.tensor_shape.dim)
  if len(shape) > _MAX_RANK or not all(0 <= d < 1 << 31 for d in shape):
    raise codes.invalid(f"input {name!r}: a shape of {shape} cannot be")
  return shape


def _values(
  proto: tensor_pb2.TensorProto, dtype: tf.DType, name: str, count: int
) -> np.ndarray:
  field = "half_val" if dtype in _HALVES else _FIELDS[dtype]
  values = getattr(proto, field)
  if len(values) > count or (count and not values):
    raise codes.invalid(
      f"input {name!r}: its shape holds {count} values, but {field} has "
      f"{len(values)}"
    )
  numpy_dtype = dtype.as_numpy_dtype
  try:
    if dtype in _HALVES:
      array = np.array(values, np.uint16).view(numpy_dtype)
    elif dtype in _INT_TYPES:  # Wider in the proto.
      array = narrowed(np.array(values, np.int64), numpy_dtype)
    else:
      array = np.array(values, numpy_dtype)
  except OverflowError as e:
    raise codes.invalid(
      f"input {name!r}: a value does not fit {dtype.name}"
    ) from e
  if len(array) < count:
    array = np.concatenate([array, np.repeat(array[-1:], count - len(array))])
  return array
