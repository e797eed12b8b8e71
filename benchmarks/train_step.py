"""Steps a second of `mini`, in float32 and with bfloat16 products.

python -m benchmarks.train_step [--peer]
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys

from realm_tf.configs import mini
from realm_tf.configs import schema

_VOCAB_SIZE = 30522
_PEER = "transformers, float32"
_VARIANTS = ("float32", "bfloat16", _PEER)
_PEER_PACKAGES = ("torch", "transformers")


def main() -> None:
  """Measures the variants in turn, each in a process of its own, and prints."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument(
    "--peer", action="store_true", help="measure transformers with torch too"
  )
  parser.add_argument(
    "--rounds", type=int, default=3, help="how often each is measured"
  )
  parser.add_argument("--only", choices=_VARIANTS, help="in a child")
  arguments = parser.parse_args()
  if arguments.only:
    print(json.dumps(_measure(arguments.only)))
    return
  missing = [n for n in _PEER_PACKAGES if importlib.util.find_spec(n) is None]
  variants = list(_VARIANTS)
  if missing or not arguments.peer:
    variants.remove(_PEER)
  results: dict[str, list[dict[str, float]]] = {name: [] for name in variants}
  for _ in range(arguments.rounds):
    for name in variants:
      results[name].append(_in_child(name))
  _print(results, missing if arguments.peer else [])


def _measure(variant: str) -> dict[str, float]:
  """Returns the seconds of a step, and the matrix rate where it is ours."""
  config = mini.pretrain()
  if variant == _PEER:
    from benchmarks import peer_step

    return {"seconds": peer_step.seconds(config, _VOCAB_SIZE)}
  from benchmarks import realm_step
  from benchmarks import timing
  from realm_tf import devices

  before = timing.matrix_rate()
  devices.set_precision(variant, on_cpu=True)
  seconds = realm_step.seconds(config, _VOCAB_SIZE)
  devices.set_precision("float32", on_cpu=True)
  return {
    "seconds": seconds,
    "matrix_rate": (before + timing.matrix_rate()) / 2,
  }


def _in_child(variant: str) -> dict[str, float]:
  """Measures in a new process, which shares no memory and no threads."""
  output = subprocess.run(
    [sys.executable, "-m", "benchmarks.train_step", f"--only={variant}"],
    stdout=subprocess.PIPE,
    check=True,
    text=True,
  ).stdout
  return json.loads(output.splitlines()[-1])


def _print(
  results: dict[str, list[dict[str, float]]], missing_packages: list[str]
) -> None:
  from benchmarks import flops
  from benchmarks import timing

  config: schema.RealmConfig = mini.pretrain()
  operations = flops.train_step(config, _VOCAB_SIZE)

  def median(name: str, figure: str) -> float:
    return statistics.median(r.get(figure, 0.0) for r in results[name])

  rows = []
  for name, rounds in results.items():
    seconds, peak = median(name, "seconds"), median(name, "matrix_rate")
    all_seconds = [r["seconds"] for r in rounds]
    rows.append(
      [
        name,
        f"{seconds:.2f}",
        f"{min(all_seconds):.2f} to {max(all_seconds):.2f}",
        f"{1 / seconds:.2f}",
        f"{median('float32', 'seconds') / seconds:.2f}",
        f"{operations / seconds / 1e9:.0f}" if peak else "-",
        f"{peak / 1e9:.0f}" if peak else "-",
        f"{operations / seconds / peak:.0%}" if peak else "-",
      ]
    )
  notes = [
    f"model: {operations / 1e9:.0f} GFLOP a step by formula "
    "(benchmarks/flops.py), three forward passes' worth",
    "GFLOP/s, matrix rate in float32 (same process, mean of before and "
    "after), and their quotient",
    "features are ready: neither the input pipeline nor the index is in it",
  ]
  if missing_packages:
    notes.append(f"peer left out: {', '.join(missing_packages)} not installed")
  timing.print_table(
    f"Training step of mini: batch {config.batch_size}, "
    f"{config.num_candidates} candidates, query {config.query_length}, "
    f"passage {config.passage_length}",
    ["", "s/step", "spread", "steps/s", "ratio", "GFLOP/s", "matrix", "share"],
    rows,
    notes,
  )


if __name__ == "__main__":
  main()
