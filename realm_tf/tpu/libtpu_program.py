"""Compiles HLO by libtpu; runs in a Python that has jax and libtpu.

It imports nothing of realm_tf, whose Python has other versions of NumPy. Called
with a file of HLO and a topology, it prints one line of JSON.
"""

import json
import os
import sys
from typing import Any

_TYPES = {"v4": "v4-8", "v5e": "v5litepod-4"}
_APPROXIMATE = "ApproxTopK"
_COMPARISON = "top_k_gt_comparator"


def compile_hlo(
  serialized: bytes,
  topology_name: str,
  replicas: int,
  recall: tuple[float, int] | None,
) -> dict[str, Any]:
  """Compiles a module for cores that run it together.

  Args:
    serialized: XLA's HloModuleProto.
    topology_name: As `jax.experimental.topologies` names them.
    replicas: 1, or all cores of the topology.
    recall: The target of approximate top-k, and the number of values; None if
      the module has none.

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
  cores = topology.devices[:replicas]
  options = xla_client.CompileOptions()
  options.num_replicas = replicas
  options.device_assignment = xla_client.DeviceAssignment.create(
    np.array([[core.id] for core in cores])
  )
  with mlir.make_ir_context():
    module = ir.Module.parse(_jax.mlir.hlo_to_stablehlo(serialized))
    _replace_copies(module)
    if recall:
      _replace_sorts(module, *recall)
    devices = xla_client.DeviceList(tuple(cores))
    try:
      executable = cores[0].client.compile(module, devices, options)
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


def _replace_sorts(module: Any, target: float, values: int) -> None:
  """Replaces what TensorFlow lowers approximate top-k to for CPUs.

  There it sorts all values, and cuts off the best; for TPUs it is an operation
  of XLA's own, with the comparison as a function.
  """
  from jaxlib.mlir import ir

  sorts = []

  def visit(operation: Any) -> Any:
    is_top_k = _APPROXIMATE in str(operation.location)
    if operation.name == "stablehlo.sort" and is_top_k:
      sorts.append(operation)
    return ir.WalkResult.ADVANCE

  module.operation.walk(visit)
  comparison = next(
    name
    for operation in module.body.operations
    if (name := operation.attributes["sym_name"].value).startswith(_COMPARISON)
  )
  for sort in sorts:
    # Each result is cut to the best by its one user.
    cuts = [next(iter(result.uses)).owner for result in sort.results]
    axis = sort.attributes["dimension"].value
    count = ir.RankedTensorType(cuts[0].results[0].type).shape[axis]
    attributes = {
      "call_target_name": f'"{_APPROXIMATE}"',
      "backend_config": '""',
      "called_computations": f"[@{comparison}]",
      "mhlo.backend_config": (
        f"{{aggregate_to_topk = true, recall_target = {target:e} : f32, "
        f"reduction_dim = {axis} : i64, reduction_input_size_override = "
        f"{values} : i64, top_k = {count} : i64}}"
      ),
    }
    with ir.InsertionPoint(sort), sort.location:
      first_values = [
        ir.Operation.create(
          "stablehlo.constant",
          results=[ir.Type.parse(f"tensor<{kind}>")],
          attributes={
            "value": ir.Attribute.parse(f"dense<{value}>: tensor<{kind}>")
          },
        ).results[0]
        for kind, value in (("f32", "0xFF800000"), ("i32", "-1"))
      ]
      call = ir.Operation.create(
        "stablehlo.custom_call",
        results=[cut.results[0].type for cut in cuts],
        operands=[*sort.operands, *first_values],
        attributes={k: ir.Attribute.parse(v) for k, v in attributes.items()},
      )
    for cut, result in zip(cuts, call.results, strict=True):
      cut.results[0].replace_all_uses_with(result)
      cut.operation.erase()
    sort.operation.erase()


def main() -> None:
  """Compiles what the arguments name."""
  hlo_file, topology, replicas, recall = sys.argv[1:]
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
    result = compile_hlo(f.read(), topology, int(replicas), json.loads(recall))
  print(json.dumps(result))


if __name__ == "__main__":
  main()
