"""Embedding of a real corpus, next to sentence-transformers' `encode`.

python -m benchmarks.embed_corpus --model_dir=RUN --corpus=CORPUS \
  --source=MINILM --peer_python=.venv-peer/bin/python

RUN is what `import_checkpoint --source=MINILM` wrote. Both embed the same
passages, in turn.
"""

import argparse
import concurrent.futures
import itertools
import json
import pathlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Generator

import numpy as np

from benchmarks import timing
from realm_tf import devices
from realm_tf.data.corpus import corpora
from realm_tf.index.build import batching
from realm_tf.index.build import embedding_engine
from realm_tf.index.build import refresh_config
from realm_tf.runs import exports
from realm_tf.runs import run_config

_PEER = pathlib.Path(__file__).with_name("embed_corpus_peer.py")
_PRECISIONS = ("float32", "bfloat16")


def main() -> None:
  """Prints passages a second of both."""
  parser = argparse.ArgumentParser(description=__doc__)
  for name in ("model_dir", "corpus", "source", "peer_python"):
    parser.add_argument(f"--{name}", required=True)
  parser.add_argument("--passages", type=int, default=1024)
  parser.add_argument("--rounds", type=int, default=3)
  args = parser.parse_args()
  corpus = corpora.Corpus.open(args.corpus)
  config = refresh_config.RefreshConfig.of(
    run_config.read(args.model_dir).config
  )
  rows = np.random.default_rng(0).choice(
    corpus.num_passages, args.passages, replace=False
  )
  inputs = _inputs(corpus, config.passage_length)[rows]
  export = exports.find(args.model_dir, None).path
  rates = [timing.matrix_rate()]
  # A thread each, as Estimator's graphs cannot take turns in one.
  ours = {
    name: (
      concurrent.futures.ThreadPoolExecutor(max_workers=1),
      _rounds(export, name, inputs, config.index.embed_batch_size),
    )
    for name in _PRECISIONS
  }
  seconds: dict[str, list[float]] = {name: [] for name in [*ours, "peer"]}
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "texts.json")
    titles, bodies = corpus.read_texts()
    path.write_text(json.dumps([f"{titles[i]} {bodies[i]}" for i in rows]))
    with subprocess.Popen(
      [args.peer_python, str(_PEER), args.source, str(path)],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
    ) as peer:
      assert peer.stdin and peer.stdout
      for _ in range(1 + args.rounds):
        for name, (thread, rounds) in ours.items():
          seconds[name].append(thread.submit(next, rounds).result())
        print(file=peer.stdin, flush=True)
        seconds["peer"].append(float(peer.stdout.readline()))
      peer.stdin.close()
  for thread, rounds in ours.values():
    thread.submit(rounds.close).result()
    thread.shutdown()
  rates.append(timing.matrix_rate())
  # The first of each warms up.
  medians = {
    name: statistics.median(all_[1:]) for name, all_ in seconds.items()
  }
  lengths = np.count_nonzero(inputs, axis=1)
  computed = sum(
    batch.token_ids.size
    for batch in batching.batches_by_length(
      inputs, config.index.embed_batch_size
    )
  )
  timing.print_table(
    f"Embedding {args.passages:,} passages of {corpus.path}",
    ["", "passages/s", "spread", "ratio"],
    [
      [
        "sentence-transformers" if name == "peer" else f"ours, {name}",
        f"{args.passages / median:.1f}",
        f"{args.passages / max(seconds[name][1:]):.1f} to "
        f"{args.passages / min(seconds[name][1:]):.1f}",
        f"{medians['peer'] / median:.2f}",
      ]
      for name, median in medians.items()
    ],
    [
      f"matrix rate: {statistics.mean(rates) / 1e9:.0f} GFLOP/s in float32",
      f"{lengths.mean():.0f} wordpieces a passage; ours computes "
      f"{computed / lengths.sum():.3f} positions for each",
      f"engine: {embedding_engine.name()}; medians of {args.rounds} rounds in "
      "turn; the peer also tokenizes",
    ],
  )


def _inputs(corpus: corpora.Corpus, length: int) -> np.ndarray:
  """Returns all passages as the embedder reads them, <int32>[P, length]."""
  return np.concatenate(
    [
      batching.shard_inputs(corpus, shard, length)
      for shard in range(len(corpus.shard_paths))
    ]
  )


def _rounds(
  export: str, precision: str, inputs: np.ndarray, batch_size: int
) -> Generator[float, None, None]:
  """Yields the seconds that all passages take, again and again."""
  engine = embedding_engine.make(export, batch_size=batch_size)
  embeddings = engine.embed(itertools.repeat(inputs))
  with devices.cpu_products(precision):
    # The engine takes the settings over when it is asked for its first.
    next(embeddings)
  while True:
    start = time.perf_counter()
    next(embeddings)
    yield time.perf_counter() - start


if __name__ == "__main__":
  main()
