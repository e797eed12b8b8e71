"""Steps a second of `mini`, in float32 and with bfloat16 products.

python -m benchmarks.train_step [--peer]
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys

from realm_tf.configs import mini
from realm_tf.configs import schema

_VOCAB_SIZE = 30522
_BFLOAT16 = {"ONEDNN_DEFAULT_FPMATH_MODE": "BF16"}
_PEER_PACKAGES = ("torch", "transformers")


def main() -> None:
  """Measures each variant in a process of its own, and prints."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument(
    "--peer", action="store_true", help="measure transformers with torch too"
  )
  parser.add_argument("--only", choices=("ours", "peer"), help="in a child")
  arguments = parser.parse_args()
  if arguments.only:
    print(json.dumps(_measure(arguments.only)))
    return
  results = {
    "float32": _in_child("ours", {}),
    "bfloat16 products": _in_child("ours", _BFLOAT16),
  }
  missing = [n for n in _PEER_PACKAGES if importlib.util.find_spec(n) is None]
  if arguments.peer and not missing:
    results["transformers, float32"] = _in_child("peer", {})
  _print(results, missing if arguments.peer else [])


def _measure(what: str) -> dict[str, float]:
  """Returns the seconds of a step, and the matrix rate where it is ours."""
  config = mini.pretrain()
  if what == "peer":
    from benchmarks import peer_step

    return {"seconds": peer_step.seconds(config, _VOCAB_SIZE)}
  from benchmarks import realm_step
  from benchmarks import timing

  before = timing.matrix_rate()
  seconds = realm_step.seconds(config, _VOCAB_SIZE)
  return {
    "seconds": seconds,
    "matrix_rate": (before + timing.matrix_rate()) / 2,
  }


def _in_child(what: str, variables: dict[str, str]) -> dict[str, float]:
  """Measures in a new process: oneDNN reads its settings once."""
  inherited = {k: v for k, v in os.environ.items() if k not in _BFLOAT16}
  output = subprocess.run(
    [sys.executable, "-m", "benchmarks.train_step", f"--only={what}"],
    env=inherited | variables,
    stdout=subprocess.PIPE,
    check=True,
    text=True,
  ).stdout
  return json.loads(output.splitlines()[-1])


def _print(
  results: dict[str, dict[str, float]], missing_packages: list[str]
) -> None:
  from benchmarks import flops
  from benchmarks import timing

  config: schema.RealmConfig = mini.pretrain()
  operations = flops.train_step(config, _VOCAB_SIZE)
  first = results["float32"]["seconds"]
  rows = []
  for name, result in results.items():
    seconds, peak = result["seconds"], result.get("matrix_rate")
    rows.append(
      [
        name,
        f"{seconds:.2f}",
        f"{1 / seconds:.2f}",
        f"{first / seconds:.2f}",
        f"{operations / seconds / 1e9:.0f}" if peak else "-",
        f"{peak / 1e9:.0f}" if peak else "-",
        f"{operations / seconds / peak:.0%}" if peak else "-",
      ]
    )
  notes = [
    f"model: {operations / 1e9:.0f} GFLOP a step by formula "
    "(benchmarks/flops.py), three forward passes' worth",
    "GFLOP/s, matrix rate (same process, same products, mean of before and "
    "after), and their quotient",
    "features are ready: neither the input pipeline nor the index is in it",
  ]
  if missing_packages:
    notes.append(f"peer left out: {', '.join(missing_packages)} not installed")
  timing.print_table(
    f"Training step of mini: batch {config.batch_size}, "
    f"{config.num_candidates} candidates, query {config.query_length}, "
    f"passage {config.passage_length}",
    ["", "s/step", "steps/s", "ratio", "GFLOP/s", "matrix", "share"],
    rows,
    notes,
  )


if __name__ == "__main__":
  main()
