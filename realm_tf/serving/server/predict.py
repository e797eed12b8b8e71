"""Checks a request against its signature and runs it.

What TensorFlow Serving leaves to the graph, dtypes and shapes, is checked
first, so that the message names the input.
"""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence

import grpc
import numpy as np
import tensorflow as tf

from realm_tf.serving.server import codes
from realm_tf.serving.server import servables
from realm_tf.serving.server import tensors


def signature(servable: servables.Servable, name: str) -> servables.Signature:
  """Returns the signature of a request; the default one for the empty name.

  Raises:
    codes.RequestError: FAILED_PRECONDITION, there is none of this name.
  """
  found = servable.signature(name)
  if found is None:
    raise codes.RequestError(
      grpc.StatusCode.FAILED_PRECONDITION,
      f'Serving signature key "{name or servables.DEFAULT_SIGNATURE}" not '
      f"found. There are: {_listed(servable.signatures)}.",
    )
  return found


def check_inputs(
  of: servables.Signature, inputs: Mapping[str, np.ndarray], most_rows: int
) -> servables.Arrays:
  """Returns the inputs, those with defaults filled in.

  Args:
    of: The signature.
    inputs: By name.
    most_rows: The longest axis 0 that is taken.

  Raises:
    codes.RequestError: INVALID_ARGUMENT. Names, dtypes, shapes or rows are not
      what the signature takes.
  """
  defaults = of.proto.defaults
  given = {
    name: tensors.to_array(defaults[name], name, defaults[name].ByteSize() + 1)
    for name in defaults
    if name not in inputs
  } | dict(inputs)
  extra = given.keys() - of.inputs.keys()
  missing = of.inputs.keys() - given.keys()
  if extra or missing:
    raise codes.invalid(
      f"inputs do not match signature {of.name!r}: sent extra "
      f"{_listed(extra)}, missing but required {_listed(missing)}"
    )
  for name, array in given.items():
    _check_input(name, array, of.inputs[name])
    if array.ndim and array.shape[0] > most_rows:
      raise codes.invalid(
        f"input {name!r} has {array.shape[0]} rows; this server takes "
        f"{most_rows} a request"
      )
  return given


def check_outputs(
  of: servables.Signature, asked: Sequence[str]
) -> tuple[str, ...]:
  """Returns the outputs to compute: those asked for, or all.

  Raises:
    codes.RequestError: INVALID_ARGUMENT. A name is unknown or comes twice.
  """
  for name in asked:
    if name not in of.outputs:
      raise codes.invalid(
        f"output tensor alias not found in signature: {name}. There are: "
        f"{_listed(of.outputs)}."
      )
  if len(set(asked)) < len(asked):
    raise codes.invalid("duplicate output tensor alias in output_filter")
  return tuple(asked) or tuple(of.outputs)


def _check_input(name: str, array: np.ndarray, wanted: servables.Input) -> None:
  dtype = tf.as_dtype(array.dtype)
  if dtype != wanted.dtype:
    raise codes.invalid(
      f"input {name!r} is {dtype.name}, but the signature takes "
      f"{wanted.dtype.name}"
    )
  if not wanted.shape.is_compatible_with(array.shape):
    raise codes.invalid(
      f"input {name!r} has shape {list(array.shape)}, but the signature takes "
      f"{wanted.shape}"
    )


def _listed(names: Collection[str]) -> str:
  return "{" + ",".join(sorted(names)) + "}"
