"""Searchers over synthetic vectors: build time, memory, recall, queries/s.

python -m benchmarks.search [--rows=20000,1000000]
"""

import argparse
import concurrent.futures
import gc
import itertools
import multiprocessing
import pathlib
import statistics
import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from benchmarks import timing
from realm_tf.configs import schema
from realm_tf.index.search import exact
from realm_tf.index.search import partition_table
from realm_tf.index.search import partitioned
from realm_tf.index.search import search_recall
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import searchers as searcher_lib

_DIM = 128
_RESULTS = 5
_QUERIES = 256
_BATCH = 64
_REPEATS = 5
_WINDOW_SECONDS = 1.0
_DRAWN_AT_ONCE = 1 << 16


class Figures(NamedTuple):
  """What was measured of one searcher.

  Attributes:
    name: Of the searcher.
    settings: A few words.
    build_seconds: Without drawing the vectors.
    bytes: By which the process has grown.
    recall: Share of the five best that it finds.
    one: Queries/s, one at a time.
    batched: Queries/s, in batches.
  """

  name: str
  settings: str
  build_seconds: float
  bytes: int
  recall: float
  one: float
  batched: float


def main() -> None:
  """Measures each size in a process of its own, and prints one table."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument(
    "--rows", default="20000,1000000", help="sizes, by commas"
  )
  sizes = [int(size) for size in parser.parse_args().rows.split(",")]
  rows = []
  for size in sizes:
    with concurrent.futures.ProcessPoolExecutor(
      1, mp_context=multiprocessing.get_context("spawn")
    ) as process:
      figures = process.submit(measure, size).result()
    first = figures[0]
    rows += [
      [
        f"{size:,} {f.name}",
        f"{f.build_seconds:.1f}",
        f"{f.bytes / 1e9:.2f}",
        f"{f.recall:.3f}",
        f"{f.one:,.0f}",
        f"{f.one / first.one:.1f}",
        f"{f.batched:,.0f}",
        f"{f.batched / first.batched:.1f}",
        f.settings,
      ]
      for f in figures
    ]
  timing.print_table(
    f"Search: {_RESULTS} best by inner product, {_DIM} dimensions, float16",
    [
      "vectors",
      "build s",
      "GB",
      f"recall@{_RESULTS}",
      "queries/s",
      "ratio",
      f"batch {_BATCH}",
      "ratio",
      "settings",
    ],
    rows,
    [
      "vectors: around articles of 20 that are around sqrt(N) / 2 topics of "
      "different sizes; queries: a vector and noise as large as within an "
      "article",
      f"medians of {_REPEATS} turns, in which each searcher has a second of "
      "single queries and one of batches; ratios to exact",
      "GB: growth of the process; partitioned: its own beside the vectors, "
      "which it shares with exact",
    ],
  )


def measure(num_rows: int) -> list[Figures]:
  """Builds all searchers over the same vectors and measures them in turns."""
  vectors, queries = draw(num_rows)
  tf.constant(0)  # Starts TensorFlow, which takes memory once.
  chosen = searcher_settings.choose_settings(num_rows, schema.IndexConfig(), 8)
  parts = partition_table.choose_settings(num_rows)
  variable, *exact_cost = _cost(lambda: tf.Variable(vectors, trainable=False))
  own, *own_cost = _cost(
    lambda: partitioned.PartitionedSearcher.build(variable, parts)
  )
  scann, *scann_cost = _cost(
    lambda: searcher_lib.build_searcher(
      vectors.astype(np.float32), chosen, _RESULTS
    )
  )
  searchers: list[tuple[str, str, Any, list]] = [
    ("exact", "float16", exact.ExactSearcher(variable), exact_cost),
    (
      "partitioned",
      f"{parts.num_partitions} partitions, {parts.rows_scored} rows scored, "
      f"{parts.rows_rescored} again",
      own,
      own_cost,
    ),
    ("ScaNN", chosen.describe(), scann, scann_cost),
  ]
  rates = _rates([searcher for _, _, searcher, _ in searchers], queries)
  return [
    Figures(
      name,
      settings,
      *cost,
      search_recall.measure_recall(searcher, [vectors], queries, _RESULTS),
      *rate,
    )
    for (name, settings, searcher, cost), rate in zip(
      searchers, rates, strict=True
    )
  ]


def draw(num_rows: int) -> tuple[np.ndarray, np.ndarray]:
  """Draws vectors in clusters, and queries near some of the vectors.

  Topics have sizes of a power law, articles are around topics, passages around
  articles. Without clusters, no approximate search could be better than chance.

  Args:
    num_rows: Vectors wanted.

  Returns:
    <float16>[num_rows, dim] and <float32>[queries, dim].
  """
  rng = np.random.default_rng(0)

  def noise(rows: int) -> np.ndarray:
    size = rng.standard_normal((rows, _DIM), dtype=np.float32)
    return size / np.sqrt(_DIM).astype(np.float32)

  topics = noise(max(1, round(num_rows**0.5 / 2)))
  weights = np.arange(1, len(topics) + 1) ** -0.7
  articles = max(1, num_rows // 20)
  places = rng.choice(len(topics), articles, p=weights / weights.sum())
  centres = topics[places] + 0.7 * noise(articles)
  vectors = np.empty([num_rows, _DIM], np.float16)
  for start in range(0, num_rows, _DRAWN_AT_ONCE):
    block = vectors[start : start + _DRAWN_AT_ONCE]
    article = rng.integers(0, articles, len(block))
    block[:] = centres[article] + 0.5 * noise(len(block))
  near = vectors[rng.integers(0, num_rows, _QUERIES)].astype(np.float32)
  return vectors, near + 0.5 * noise(_QUERIES)


def _cost(build: Callable[[], Any]) -> tuple[Any, float, int]:
  """Returns what was built, the seconds, and the bytes that it keeps."""
  gc.collect()
  before, start = _resident_bytes(), time.perf_counter()
  built = build()
  seconds = time.perf_counter() - start
  gc.collect()
  return built, seconds, _resident_bytes() - before


def _resident_bytes() -> int:
  for line in pathlib.Path("/proc/self/status").read_text().splitlines():
    if line.startswith("VmRSS:"):
      return 1024 * int(line.split()[1])
  raise OSError("/proc/self/status has no VmRSS.")


def _rates(
  searchers: list[Any], queries: np.ndarray
) -> list[tuple[float, float]]:
  """Returns queries/s of each searcher, one at a time and batched."""
  single = [tf.constant(queries[i : i + 1]) for i in range(_QUERIES)]
  batches = [
    tf.constant(queries[i : i + _BATCH]) for i in range(0, _QUERIES, _BATCH)
  ]
  calls = [
    (_in_graph(searcher), itertools.cycle(of), len(of[0]))
    for searcher in searchers
    for of in (single, batches)
  ]
  for call in calls:
    _rate(*call)
  turns = [[_rate(*call) for call in calls] for _ in range(_REPEATS)]
  medians = [statistics.median(rates) for rates in zip(*turns, strict=True)]
  return list(zip(medians[::2], medians[1::2], strict=True))


def _in_graph(searcher: Any) -> Callable[[tf.Tensor], Any]:
  return tf.function(
    lambda queries: searcher.search(queries, _RESULTS),
    input_signature=[tf.TensorSpec([None, _DIM], tf.float32)],
  )


def _rate(
  search: Callable[[tf.Tensor], Any], batches: Iterator[tf.Tensor], size: int
) -> float:
  """Returns queries/s in a second, or of one call if that takes longer."""
  start, calls, elapsed = time.perf_counter(), 0, 0.0
  while elapsed < _WINDOW_SECONDS:
    search(next(batches))[1].numpy()
    calls += 1
    elapsed = time.perf_counter() - start
  return calls * size / elapsed


if __name__ == "__main__":
  main()
