"""From a step's program to XLA's HLO, by TensorFlow, on any machine.

TensorFlow's pip package has no TPU compiler. It lowers for the CPU, which is
the same HLO but for what it asks of the CPU's own library: custom calls, which
`compiler` then finds.
"""

import math
import re
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import tensorflow as tf

from realm_tf.models import length_groups
from realm_tf.tpu import slice_replica
from realm_tf.tpu import step_programs

# "Detected unsupported operations ...: EagerPyFunc (No registered ...)".
_LACKING = re.compile(r"(\w+) \(No registered '")
_DYNAMIC = re.compile(r"= \(?[^=(]*\[[\d,]*<=")
_OP = re.compile(r'op_type="([^"]*)" op_name="([^"]*)"')
_CUSTOM = re.compile(r'custom_call_target="([^"]*)"')
# "%all-reduce.7 = f32[4,8]{1,0} all-reduce(".
_SUM = re.compile(r"= [a-z]+(\d+)\[([\d,]*)\]\S* all-reduce\(")
_APPROXIMATE = "ApproxTopK"


class Refused(Exception):
  """A program that does not become static HLO; the message names the op."""


class Hlo(NamedTuple):
  """A lowered program.

  Attributes:
    serialized: XLA's HloModuleProto.
    custom_calls: The TensorFlow operation of each target of a custom call.
    cores: Replicas that run it together.
    summed_bytes: Of what they add up over their links in a step.
    recall: What its approximate top-k is to find, and among how many values;
      None if it has none.
  """

  serialized: bytes
  custom_calls: dict[str, str]
  cores: int = 1
  summed_bytes: int = 0
  recall: tuple[float, int] | None = None


def lower(program: step_programs.Program, cores: int = 1) -> Hlo:
  """Lowers a program.

  Args:
    program: What to lower.
    cores: Replicas that run it together.

  Raises:
    Refused: If an operation has no HLO, or a shape is not known.
  """

  def of_replica(features: Mapping[str, tf.Tensor], number: tf.Tensor) -> Any:
    with slice_replica.SliceReplica(cores, number):
      return program.function(features)

  function = tf.function(
    of_replica if cores > 1 else program.function,
    jit_compile=True,
    autograph=False,
  )
  # The values mean nothing; specs are not taken within a dict.
  features = {
    name: tf.zeros(spec.shape, spec.dtype)
    for name, spec in program.features.items()
  }
  inputs = (features, tf.constant(0)) if cores > 1 else (features,)
  try:
    with length_groups.static_shapes():
      stages = function.experimental_get_compiler_ir(*inputs)
      serialized, text = stages(stage="hlo_serialized"), stages(stage="hlo")
      graph = function.get_concrete_function(*inputs).graph.as_graph_def()
  except (tf.errors.OpError, ValueError, TypeError) as e:
    raise Refused(refusal(str(e))) from e
  if dynamic := dynamic_op(text):
    raise Refused(f"{dynamic} has a dynamic shape")
  return Hlo(
    serialized, custom_calls(text), cores, summed_bytes(text), recall(graph)
  )


def refusal(message: str) -> str:
  """Returns what TensorFlow's error says, in a few words.

  Args:
    message: Of the error.
  """
  lacking = sorted(set(_LACKING.findall(message)))
  if lacking:
    return f"TPUs lack {', '.join(lacking)}"
  return message.strip().splitlines()[0] if message.strip() else "no reason"


def dynamic_op(text: str) -> str:
  """Returns the first TensorFlow operation with a dynamic shape, or "".

  Args:
    text: HLO as text.
  """
  for line in text.splitlines():
    if _DYNAMIC.search(line):
      return _named(line)
  return ""


def custom_calls(text: str) -> dict[str, str]:
  """Returns the TensorFlow operation behind each target of a custom call.

  Args:
    text: HLO as text.
  """
  return {
    match[1]: _named(line)
    for line in text.splitlines()
    if (match := _CUSTOM.search(line))
  }


def summed_bytes(text: str) -> int:
  """Returns the bytes of all that replicas add up.

  Args:
    text: HLO as text.
  """
  total = 0
  for bits, shape in _SUM.findall(text):
    sizes = [int(size) for size in shape.split(",") if size]
    total += math.prod(sizes) * int(bits) // 8
  return total


def recall(graph: tf.compat.v1.GraphDef) -> tuple[float, int] | None:
  """Returns the settings of a graph's approximate top-k.

  Args:
    graph: Whose operations have the same settings, if there are several.

  Returns:
    The recall target, and the number of values that it is of; None without
    such an operation.
  """
  functions = [function.node_def for function in graph.library.function]
  for node in (node for nodes in (graph.node, *functions) for node in nodes):
    if node.op == _APPROXIMATE:
      return (
        node.attr["recall_target"].f,
        node.attr["reduction_input_size_override"].i,
      )
  return None


def _named(line: str) -> str:
  """Returns the type and the name of a line's TensorFlow operation."""
  match = _OP.search(line)
  if match:
    return f"{match[1]} ({match[2]})"
  return line.split("=", maxsplit=1)[0].strip()
