"""Seconds of a training step of `mini`: ours, and transformers'.

python -m benchmarks.train_step [--peer] [--corpus=CORPUS]

Without padding; with --corpus, on its sentences and passages, which are as long
as they are.
"""

import argparse
import dataclasses
import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence

from benchmarks import flops
from benchmarks import realm_step
from benchmarks import step_batches
from benchmarks import timing
from realm_tf import devices
from realm_tf.configs import mini
from realm_tf.data.corpus import corpora

_VOCAB_SIZE = 30522
_PEER = "transformers, float32"
_ALL_POSITIONS = "bfloat16, padding too"
_PRECISIONS = {
  "float32": "float32",
  "bfloat16": "bfloat16",
  _ALL_POSITIONS: "bfloat16",
}
_VARIANTS = (*_PRECISIONS, _PEER)
_PEER_PACKAGES = ("torch", "transformers")
_REAL_BATCHES = 4


@dataclasses.dataclass(frozen=True)
class _Data:
  """What all variants train on.

  Attributes:
    vocab_size: Wordpieces of the vocabulary.
    batches: Features, in turn.
  """

  vocab_size: int
  batches: Sequence[step_batches.Batch]


def main() -> None:
  """Measures the variants in turn, each in a process of its own, and prints."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument(
    "--peer", action="store_true", help="measure transformers with torch too"
  )
  parser.add_argument(
    "--corpus", default="", help="a corpus that annotate_spans has annotated"
  )
  parser.add_argument(
    "--rounds", type=int, default=3, help="how often each is measured"
  )
  parser.add_argument("--only", choices=_VARIANTS, help="in a child")
  arguments = parser.parse_args()
  data = _data(arguments.corpus)
  if arguments.only:
    print(json.dumps(_measure(arguments.only, data)))
    return
  missing = [n for n in _PEER_PACKAGES if importlib.util.find_spec(n) is None]
  variants = list(_VARIANTS)
  if missing or not arguments.peer:
    variants.remove(_PEER)
  if not arguments.corpus:
    variants.remove(_ALL_POSITIONS)
  results: dict[str, list[dict[str, float]]] = {name: [] for name in variants}
  for _ in range(arguments.rounds):
    for name in variants:
      results[name].append(_in_child(name, arguments.corpus))
  _print(results, data, missing if arguments.peer else [])


def _data(corpus_dir: str) -> _Data:
  """Returns batches of a corpus; without one, of random wordpieces."""
  config = mini.pretrain()
  if not corpus_dir:
    return _Data(_VOCAB_SIZE, [step_batches.full(config, _VOCAB_SIZE)])
  corpus = corpora.Corpus.open(corpus_dir)
  return _Data(
    corpus.tokenizer.vocab_size,
    step_batches.of_corpus(config, corpus, _REAL_BATCHES),
  )


def _measure(variant: str, data: _Data) -> dict[str, float]:
  """Returns the seconds of a step, and the matrix rate where it is ours."""
  config = mini.pretrain()
  if variant == _PEER:
    from benchmarks import peer_step

    return {"seconds": peer_step.seconds(config, data.vocab_size, data.batches)}
  before = timing.matrix_rate()
  devices.set_precision(_PRECISIONS[variant], on_cpu=True)
  seconds = realm_step.seconds(
    config,
    data.vocab_size,
    data.batches,
    all_positions=variant == _ALL_POSITIONS,
  )
  devices.set_precision("float32", on_cpu=True)
  return {
    "seconds": seconds,
    "matrix_rate": (before + timing.matrix_rate()) / 2,
  }


def _in_child(variant: str, corpus_dir: str) -> dict[str, float]:
  """Measures in a new process, which shares no memory and no threads."""
  output = subprocess.run(
    [
      sys.executable,
      "-m",
      "benchmarks.train_step",
      f"--only={variant}",
      f"--corpus={corpus_dir}",
    ],
    stdout=subprocess.PIPE,
    check=True,
    text=True,
  ).stdout
  return json.loads(output.splitlines()[-1])


def _print(
  results: dict[str, list[dict[str, float]]],
  data: _Data,
  missing_packages: list[str],
) -> None:
  config = mini.pretrain()
  operations = statistics.mean(
    flops.train_step(config, data.vocab_size, batch) for batch in data.batches
  )

  def median(name: str, figure: str) -> float:
    return statistics.median(r.get(figure, 0.0) for r in results[name])

  reference = _PEER if _PEER in results else "float32"
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
        f"{median(reference, 'seconds') / seconds:.2f}",
        f"{operations / seconds / 1e9:.0f}" if peak else "-",
        f"{peak / 1e9:.0f}" if peak else "-",
        f"{operations / seconds / peak:.0%}" if peak else "-",
      ]
    )
  notes = [
    f"model: {operations / 1e9:.0f} GFLOP a step by formula "
    "(benchmarks/flops.py), three forward passes' worth; padding is not in it",
    f"{step_batches.filled(data.batches):.0%} of the positions hold a "
    "wordpiece; transformers' batches are cut to their longest row",
    f"ratio: of steps/s to those of {reference}",
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
