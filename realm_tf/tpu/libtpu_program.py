"""Compiles HLO by libtpu; runs in a Python that has jax and libtpu.

It imports nothing of realm_tf, whose Python has other versions of NumPy. Called
with a file of HLO and a topology, it prints one line of JSON.
"""

import json
import os
import sys
from typing import Any

_TYPES = {"v4": "v4-8", "v5e": "v5litepod-4"}


def compile_hlo(serialized: bytes, topology_name: str) -> dict[str, Any]:
  """Compiles a module for one core.

  Args:
    serialized: XLA's HloModuleProto.
    topology_name: As `jax.experimental.topologies` names them.

  Returns:
    Bytes of memory by kind, `flops` and `bytes`, or the compiler's `error`.
  """
  import numpy as np
  from jax._src.interpreters import mlir
  from jax._src.lib import _jax
  from jax._src.lib import xla_client
  from jax.experimental import topologies
  from jaxlib.mlir import ir

  topology = topologies.get_topology_desc(
    platform="tpu", topology_name=topology_name
  )
  device = topology.devices[0]
  options = xla_client.CompileOptions()
  options.device_assignment = xla_client.DeviceAssignment.create(
    np.array([[device.id]])
  )
  with mlir.make_ir_context():
    module = ir.Module.parse(_jax.mlir.hlo_to_stablehlo(serialized))
    _replace_copies(module)
    devices = xla_client.DeviceList((device,))
    try:
      executable = device.client.compile(module, devices, options)
    except Exception as e:  # noqa: BLE001 - whatever the compiler says
      return {"error": str(e)}
  memory = executable.get_compiled_memory_stats()
  costs = executable.cost_analysis()
  costs = costs[0] if isinstance(costs, list) else costs
  return {
    "arguments": memory.argument_size_in_bytes,
    # Without the weights, which are updated in place.
    "outputs": memory.output_size_in_bytes - memory.alias_size_in_bytes,
    "temporaries": memory.temp_size_in_bytes,
    "code": memory.generated_code_size_in_bytes,
    "flops": costs["flops"],
    "bytes": costs["bytes accessed"],
  }


def _replace_copies(module: Any) -> None:
  """Replaces mhlo.copy, which the TPU compiler does not take.

  TensorFlow puts it where a value must not be joined with others. Barriers say
  the same.
  """
  from jaxlib.mlir import ir
  from jaxlib.mlir.dialects import stablehlo

  copies = []

  def visit(operation: Any) -> Any:
    if operation.name == "mhlo.copy":
      copies.append(operation)
    return ir.WalkResult.ADVANCE

  module.operation.walk(visit)
  for copy in copies:
    with ir.InsertionPoint(copy), copy.location:
      barrier = stablehlo.OptimizationBarrierOp([copy.operands[0]])
    copy.results[0].replace_all_uses_with(barrier.results[0])
    copy.erase()


def main() -> None:
  """Compiles what the arguments name."""
  hlo_file, topology = sys.argv[1:]
  # libtpu would ask the network which TPU this is.
  os.environ |= {
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # No TPU is held, so none is fought for.
    "JAX_PLATFORMS": "cpu",
    "TPU_ACCELERATOR_TYPE": _TYPES[topology.partition(":")[0]],
    "TPU_LOG_DIR": "disabled",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_WORKER_HOSTNAMES": "localhost",
  }
  with open(hlo_file, "rb") as f:
    result = compile_hlo(f.read(), topology)
  print(json.dumps(result))


if __name__ == "__main__":
  main()
