"""From a step's program to XLA's HLO, by TensorFlow, on any machine.

TensorFlow's pip package has no TPU compiler. It lowers for the CPU, which is
the same HLO but for what it asks of the CPU's own library: custom calls, which
`compiler` then finds.
"""

import re
from typing import NamedTuple

import tensorflow as tf

from realm_tf.models import length_groups
from realm_tf.tpu import step_programs

# "Detected unsupported operations ...: EagerPyFunc (No registered ...)".
_LACKING = re.compile(r"(\w+) \(No registered '")
_DYNAMIC = re.compile(r"= \(?[^=(]*\[[\d,]*<=")
_OP = re.compile(r'op_type="([^"]*)" op_name="([^"]*)"')
_CUSTOM = re.compile(r'custom_call_target="([^"]*)"')


class Refused(Exception):
  """A program that does not become static HLO; the message names the op."""


class Hlo(NamedTuple):
  """A lowered program.

  Attributes:
    serialized: XLA's HloModuleProto.
    custom_calls: The TensorFlow operation of each target of a custom call.
  """

  serialized: bytes
  custom_calls: dict[str, str]


def lower(program: step_programs.Program) -> Hlo:
  """Lowers a program.

  Args:
    program: What to lower.

  Raises:
    Refused: If an operation has no HLO, or a shape is not known.
  """
  function = tf.function(program.function, jit_compile=True, autograph=False)
  # The values mean nothing; specs are not taken within a dict.
  features = {
    name: tf.zeros(spec.shape, spec.dtype)
    for name, spec in program.features.items()
  }
  try:
    with length_groups.static_shapes():
      stages = function.experimental_get_compiler_ir(features)
      serialized, text = stages(stage="hlo_serialized"), stages(stage="hlo")
  except (tf.errors.OpError, ValueError, TypeError) as e:
    raise Refused(refusal(str(e))) from e
  if dynamic := dynamic_op(text):
    raise Refused(f"{dynamic} has a dynamic shape")
  return Hlo(serialized, custom_calls(text))


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


def _named(line: str) -> str:
  """Returns the type and the name of a line's TensorFlow operation."""
  match = _OP.search(line)
  if match:
    return f"{match[1]} ({match[2]})"
  return line.split("=", maxsplit=1)[0].strip()
