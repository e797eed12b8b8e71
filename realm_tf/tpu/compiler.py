"""Compiles HLO for a TPU's core, by libtpu in a Python of its own."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
from typing import NamedTuple

from realm_tf import absent
from realm_tf.tpu import chips
from realm_tf.tpu import libtpu_program
from realm_tf.tpu import lowering

_CHECK = "import jax, libtpu; from jax.experimental import topologies"
# "Used 20.31G of 15.75G hbm", or "the total memory required for HLO temporaries
# (149.06G) exceeds available HBM (15.75G)".
_SIZE = r"\(?([\d.]+)([KMG])\)?"
_USED = re.compile(
  rf"{_SIZE} (?:of|exceeds available HBM) {_SIZE}", re.IGNORECASE
)
_OUT_OF_MEMORY = "RESOURCE_EXHAUSTED"
_UNIT = {"K": 2**10, "M": 2**20, "G": 2**30}


class Compiled(NamedTuple):
  """What the compiler says of a program that it compiles.

  Attributes:
    arguments: Bytes of weights, the optimizer's moments and features.
    outputs: Bytes of what is returned beside these.
    temporaries: Bytes.
    code: Bytes.
    flops: Operations a step.
    bytes_accessed: Of memory, a step, as the compiler counts them.
  """

  arguments: int
  outputs: int
  temporaries: int
  code: int
  flops: float
  bytes_accessed: float

  @property
  def memory(self) -> int:
    """Bytes of the core's memory in all."""
    return self.arguments + self.outputs + self.temporaries + self.code


class TooLarge(Exception):
  """A program that does not fit; the message has the compiler's figures."""


def check_python(python: str) -> None:
  """Raises if a Python has no TPU compiler.

  Args:
    python: Its path.

  Raises:
    errors.UserError: If it is not there, or lacks jax or libtpu.
  """
  try:
    found = subprocess.run(
      [python, "-c", _CHECK], capture_output=True, env=_environment()
    )
    is_there = found.returncode == 0
  except OSError:
    is_there = False
  if not is_there:
    raise absent.tpu_python(python)


def compile_program(
  hlo: lowering.Hlo, core: chips.Core, python: str
) -> Compiled:
  """Compiles a program for one core.

  Args:
    hlo: The program. What several replicas run together, all cores of the
      core's slice do: the operations of a core are the same however many.
    core: The core.
    python: A Python that `check_python` passes.

  Raises:
    TooLarge: If the core's memory does not hold it.
    lowering.Refused: If the compiler refuses it; the message names the op.
  """
  with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "step.hlo"
    file.write_bytes(hlo.serialized)
    replicas = core.slice_cores if hlo.cores > 1 else 1
    asked = [core.topology, str(replicas), json.dumps(hlo.recall)]
    done = subprocess.run(
      [python, libtpu_program.__file__, str(file), *asked],
      capture_output=True,
      text=True,
      env=_environment(),
    )
  if done.returncode:
    said = done.stderr.strip().splitlines() or ["nothing"]
    raise lowering.Refused(
      f"the compiler ended with status {done.returncode} and said: {said[-1]}"
    )
  result = json.loads(done.stdout.strip().splitlines()[-1])
  if "error" in result:
    raise failure(result["error"], hlo.custom_calls)
  result["bytes_accessed"] = result.pop("bytes")
  compiled = Compiled(**result)
  if compiled.memory > core.hbm_bytes:
    raise TooLarge(_too_large(compiled.memory, core.hbm_bytes))
  return compiled


def failure(message: str, custom_calls: dict[str, str]) -> Exception:
  """Returns what an error of the compiler means.

  Args:
    message: Of the compiler.
    custom_calls: From `lowering.Hlo`.
  """
  if message.startswith(_OUT_OF_MEMORY):
    used = _USED.search(message)
    if not used:
      return TooLarge(message.strip().splitlines()[0])
    need, has = (float(used[i]) * _UNIT[used[i + 1]] for i in (1, 3))
    return TooLarge(_too_large(need, has))
  for target, operation in custom_calls.items():
    if target in message:
      return lowering.Refused(f"TPUs lack {operation}")
  return lowering.Refused(message.strip().splitlines()[0])


def _too_large(need: float, has: float) -> str:
  return f"needs {need / 2**30:.1f} of {has / 2**30:.1f} GiB"


def _environment() -> dict[str, str]:
  """Returns the environment less what leads to this Python's packages."""
  leading_here = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
  return {k: v for k, v in os.environ.items() if k not in leading_here}
