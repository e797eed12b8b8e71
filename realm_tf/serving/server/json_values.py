"""JSON of TensorFlow Serving's REST API to arrays and back."""

import base64
import binascii
import json
from typing import Any

import grpc
import numpy as np
import tensorflow as tf

from realm_tf.serving.server import codes
from realm_tf.serving.server import servables
from realm_tf.serving.server import tensors

_B64 = "b64"
# Such outputs hold bytes that need not be text.
_BYTES_SUFFIX = "_bytes"
_MAX_RANK = 32  # NumPy's
_SHOWN = 200  # characters of a value, in messages

_DECODER = json.JSONDecoder()


def parse(body: bytes) -> dict[str, Any]:
  """Reads the object at the start of a body; ignores what follows.

  NaN, Infinity and -Infinity are numbers.

  Raises:
    codes.RequestError: It is not UTF-8, not JSON or not an object.
  """
  try:
    value, _ = _DECODER.raw_decode(body.decode("utf-8").lstrip())
  except UnicodeDecodeError as e:
    raise codes.invalid(
      f"JSON Parse error: not UTF-8 at offset {e.start}; send bytes as "
      '{"b64": "..."}'
    ) from e
  except json.JSONDecodeError as e:
    raise codes.invalid(f"JSON Parse error: {e}") from e
  except RecursionError as e:
    raise codes.invalid("JSON Parse error: nested too deeply") from e
  except ValueError as e:  # An integer of more digits than Python reads.
    raise codes.invalid(f"JSON Parse error: {e}") from e
  if not isinstance(value, dict):
    raise codes.invalid(f"JSON Value: {_shown(value)} is not an object")
  return value


def signature_name(request: dict[str, Any]) -> str:
  """Returns the signature that a request names; "" for none.

  Raises:
    codes.RequestError: The name is not a string.
  """
  name = request.get("signature_name", "")
  if not isinstance(name, str):
    raise codes.invalid("'signature_name' must be a string")
  return name


def inputs(
  request: dict[str, Any], signature: servables.Signature
) -> servables.Arrays:
  """Returns the inputs of a request, in row or column form.

  Raises:
    codes.RequestError: They are not what the signature takes.
  """
  if ("instances" in request) == ("inputs" in request):
    raise codes.invalid("the request needs one of 'inputs' and 'instances'")
  if "instances" in request:
    return _from_rows(request["instances"], signature)
  return _from_columns(request["inputs"], signature)


def response(request: dict[str, Any], outputs: servables.Arrays) -> bytes:
  """Returns the body that answers a request, in the form that this has.

  Args:
    request: In row or column form.
    outputs: The arrays. If there is one alone, its name is left out.

  Raises:
    codes.RequestError: Row form, and the outputs differ in axis 0.
  """
  values = {name: _to_json(name, array) for name, array in outputs.items()}
  alone = next(iter(values.values())) if len(values) == 1 else None
  if "inputs" in request:
    return _dumped({"outputs": values if alone is None else alone})
  _check_rows(outputs)
  if alone is not None:
    return _dumped({"predictions": alone})
  rows = zip(*values.values(), strict=True)
  return _dumped(
    {"predictions": [dict(zip(values, row, strict=True)) for row in rows]}
  )


def error(message: str) -> bytes:
  """Returns the body of an error."""
  return _dumped({"error": message})


def _from_rows(rows: Any, signature: servables.Signature) -> servables.Arrays:
  if not isinstance(rows, list):
    raise codes.invalid("'instances' must be a list")
  if not rows:
    raise codes.invalid("'instances' is an empty list")
  names = list(signature.inputs)
  if not _is_object(rows[0]):
    if len(names) != 1:
      raise codes.invalid(
        f"each of 'instances' must be an object, as there are several inputs: "
        f"{', '.join(names)}"
      )
    for i, row in enumerate(rows):
      if _is_object(row):
        raise codes.invalid(f"'instances': item {i} is an object, not a value")
    return {names[0]: _array(rows, names[0], signature)}
  for i, row in enumerate(rows):
    if not _is_object(row):
      raise codes.invalid(f"'instances': item {i} is not an object")
    if row.keys() != set(names):
      raise codes.invalid(
        f"'instances': the keys of item {i} must be {', '.join(names)}, not "
        f"{_shown(sorted(row))}"
      )
  return {
    name: _array([row[name] for row in rows], name, signature) for name in names
  }


def _from_columns(
  columns: Any, signature: servables.Signature
) -> servables.Arrays:
  names = list(signature.inputs)
  if not _is_object(columns):
    if len(names) != 1:
      raise codes.invalid(
        f"'inputs' must be an object, as there are several: {', '.join(names)}"
      )
    return {names[0]: _array(columns, names[0], signature)}
  for name in names:
    if name not in columns:
      raise codes.invalid(f"'inputs' has no {name!r}")
  return {name: _array(columns[name], name, signature) for name in names}


def _array(value: Any, name: str, signature: servables.Signature) -> np.ndarray:
  """Returns nested lists as an array of the input's dtype."""
  shape, inner = [], value
  while isinstance(inner, list):
    shape.append(len(inner))
    if len(shape) > _MAX_RANK:
      raise codes.invalid(f"input {name!r}: lists are nested too deeply")
    if not inner:
      break
    inner = inner[0]
  flat: list[Any] = []
  _flatten(value, shape, name, flat)
  dtype = signature.inputs[name].dtype
  convert = _converter(dtype)
  try:
    values = [convert(one) for one in flat]
    if dtype.is_integer and dtype.size < 8:
      array = tensors.narrowed(np.array(values, np.int64), dtype.as_numpy_dtype)
    else:
      array = np.array(values, dtype.as_numpy_dtype)
    return array.reshape(shape)
  except OverflowError as e:
    raise codes.invalid(
      f"input {name!r}: a number does not fit {dtype.name}"
    ) from e
  except (TypeError, ValueError) as e:
    raise codes.invalid(f"input {name!r}: {e}") from e


def _flatten(value: Any, shape: list[int], name: str, into: list[Any]) -> None:
  if not shape:
    if isinstance(value, list):
      raise codes.invalid(f"input {name!r}: a list where a value is expected")
    into.append(value)
    return
  if not isinstance(value, list) or len(value) != shape[0]:
    found = f"{len(value)}" if isinstance(value, list) else _shown(value)
    raise codes.invalid(
      f"input {name!r}: expected a list of {shape[0]}, found {found}"
    )
  for one in value:
    _flatten(one, shape[1:], name, into)


def _converter(dtype: tf.DType) -> Any:
  if dtype is tf.string:
    return _to_bytes
  if dtype is tf.bool:
    return lambda value: _of_type(value, (bool,), dtype)
  if dtype.is_integer:
    return lambda value: _of_type(value, (int,), dtype)
  if dtype.is_floating:
    return lambda value: float(_of_type(value, (int, float), dtype))
  raise codes.RequestError(
    grpc.StatusCode.UNIMPLEMENTED,
    f"JSON cannot be converted to {dtype.name}",
  )


def _of_type(value: Any, types: tuple[type, ...], dtype: tf.DType) -> Any:
  # A bool is an int for isinstance.
  if type(value) not in types:
    raise TypeError(f"JSON Value: {_shown(value)} is not {dtype.name}")
  return value


def _to_bytes(value: Any) -> bytes:
  if isinstance(value, str):
    try:
      return value.encode("utf-8")
    except UnicodeEncodeError as e:
      raise ValueError("a string has half of a surrogate pair") from e
  if not _is_base64(value):
    raise TypeError(f"JSON Value: {_shown(value)} is not string")
  text = value[_B64]
  try:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
  except (binascii.Error, ValueError) as e:
    raise ValueError("Unable to base64 decode") from e


def _is_base64(value: Any) -> bool:
  return (
    isinstance(value, dict)
    and value.keys() == {_B64}
    and isinstance(value[_B64], str)
  )


def _is_object(value: Any) -> bool:
  return isinstance(value, dict) and not _is_base64(value)


def _to_json(name: str, array: np.ndarray) -> Any:
  if array.dtype == object:
    to_text = _in_base64 if name.endswith(_BYTES_SUFFIX) else _as_text
    flat = np.array([None, *map(to_text, array.ravel())], object)[1:]
    return flat.reshape(array.shape).tolist()
  if array.dtype.kind in "biu" or array.dtype == np.float64:
    return array.tolist()
  # The shortest decimals that give the same number again, not those of its
  # float64: 0.2, not 0.20000000298.
  return array.astype(np.float32).astype(str).astype(np.float64).tolist()


def _as_text(value: bytes | str) -> str:
  return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _in_base64(value: bytes | str) -> dict[str, str]:
  raw = value.encode("utf-8") if isinstance(value, str) else value
  return {_B64: base64.b64encode(raw).decode("ascii")}


def _check_rows(outputs: servables.Arrays) -> None:
  sizes = {array.shape[:1] for array in outputs.values()}
  if () in sizes or len(sizes) > 1:
    shapes = {name: list(array.shape) for name, array in outputs.items()}
    raise codes.invalid(
      f"the outputs have no common axis 0 ({shapes}): ask in column form, with "
      "'inputs'"
    )


def _dumped(value: Any) -> bytes:
  return json.dumps(value, ensure_ascii=False).encode("utf-8")


def _shown(value: Any) -> str:
  try:
    text = json.dumps(value)
  except (RecursionError, ValueError):
    text = "..."
  return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
