"""Searchers over synthetic vectors and words: time, memory, queries/s.

python -m benchmarks.search [--rows=20000,1000000]
"""

import argparse
import concurrent.futures
import itertools
import multiprocessing
import statistics
import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from benchmarks import synthetic
from benchmarks import timing
from realm_tf.answering.retrievers import bm25_searcher
from realm_tf.answering.retrievers import hybrid_searcher
from realm_tf.answering.retrievers import hybrid_settings
from realm_tf.configs import schema
from realm_tf.index.search import exact
from realm_tf.index.search import partition_table
from realm_tf.index.search import partitioned
from realm_tf.index.search import search_recall
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import searchers as searcher_lib
from realm_tf.text import wordpiece

_DIM = 128
_RESULTS = 5
_QUERIES = 256
_BATCH = 64
_REPEATS = 5
_WINDOW_SECONDS = 1.0
_DRAWN_AT_ONCE = 1 << 16

# From wordpieces <int32>[batch, L] and embeddings <float32>[batch, D] of
# questions to scores, rows and validity.
Search = Callable[[tf.Tensor, tf.Tensor], Any]


class Figures(NamedTuple):
  """What was measured of one searcher.

  Attributes:
    name: Of the searcher.
    settings: A few words.
    build_seconds: Without drawing vectors and words.
    bytes: By which the process has grown.
    peak: By which it had grown meanwhile.
    recall: Share of the five best that it finds; None where that is unknown.
    one: Queries/s, one at a time.
    batched: Queries/s, in batches.
  """

  name: str
  settings: str
  build_seconds: float
  bytes: int
  peak: int
  recall: float | None
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
        f"{f.peak / 1e9:.2f}",
        "-" if f.recall is None else f"{f.recall:.3f}",
        f"{f.one:,.0f}",
        f"{f.one / first.one:.1f}",
        f"{f.batched:,.0f}",
        f"{f.batched / first.batched:.1f}",
        f.settings,
      ]
      for f in figures
    ]
  timing.print_table(
    f"Search: {_RESULTS} best passages; {_DIM} dimensions, float16; "
    "130 wordpieces",
    [
      "passages",
      "build s",
      "GB",
      "peak GB",
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
      "words: as frequent as in Wikipedia; questions: 12 of them, of which 5 "
      "rare ones are from one passage",
      f"medians of {_REPEATS} turns, in which each searcher has a second of "
      "single queries and one of batches; ratios to exact",
      "GB: growth of the process, and its peak during the build; partitioned: "
      "its own beside the vectors, which it shares with exact; hybrid: none "
      "beside its parts",
      f"hybrid: the {hybrid_searcher.DEPTH} best of ScaNN and of BM25, joined",
    ],
  )


def measure(num_rows: int) -> list[Figures]:
  """Builds all searchers over the same passages and measures them in turns."""
  vectors, queries = draw(num_rows)
  table, questions = synthetic.make_words(num_rows, _QUERIES)
  tokenizer = wordpiece.Tokenizer(synthetic.vocabulary())
  tf.constant(0)  # Starts TensorFlow, which takes memory once.
  chosen = searcher_settings.choose_settings(num_rows, schema.IndexConfig(), 8)
  parts = partition_table.choose_settings(num_rows)
  variable, *exact_cost = timing.cost(
    lambda: tf.Variable(vectors, trainable=False)
  )
  own, *own_cost = timing.cost(
    lambda: partitioned.PartitionedSearcher.build(variable, parts)
  )
  scann, *scann_cost = timing.cost(
    lambda: searcher_lib.build_searcher(
      vectors.astype(np.float32), chosen, _RESULTS
    )
  )
  words, *words_cost = timing.cost(
    lambda: bm25_searcher.Bm25Searcher.build(table, tokenizer)
  )
  whole = exact.ExactSearcher(variable)
  both = hybrid_searcher.HybridSearcher(scann.search, variable, words)
  by_vectors: list[tuple[str, str, Any, list]] = [
    ("exact", "float16", whole, exact_cost),
    (
      "partitioned",
      f"{parts.num_partitions} partitions, {parts.rows_scored} rows scored, "
      f"{parts.rows_rescored} again",
      own,
      own_cost,
    ),
    ("ScaNN", chosen.describe(), scann, scann_cost),
  ]
  joined = hybrid_settings.HybridSettings()
  searches: list[Search] = [
    *(_by_vectors(searcher) for _, _, searcher, _ in by_vectors),
    lambda token_ids, _: words.search(token_ids, _RESULTS),
    lambda token_ids, queries: both.search(
      token_ids, queries, _RESULTS, joined
    ),
  ]
  rates = _rates(searches, questions, queries)
  return [
    *(
      Figures(
        name,
        settings,
        *cost,
        search_recall.measure_recall(searcher, [vectors], queries, _RESULTS),
        *rate,
      )
      for (name, settings, searcher, cost), rate in zip(
        by_vectors, rates, strict=False
      )
    ),
    Figures("BM25", "exact", *words_cost, 1.0, *rates[-2]),
    Figures("hybrid", "ScaNN and BM25", 0.0, 0, 0, None, *rates[-1]),
  ]


def _by_vectors(searcher: Any) -> Search:
  """Returns the search by vectors alone."""
  return lambda _, queries: searcher.search(queries, _RESULTS)


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


def _rates(
  searches: list[Search], questions: np.ndarray, queries: np.ndarray
) -> list[tuple[float, float]]:
  """Returns queries/s of each search, one at a time and batched."""

  def batches(size: int) -> list[tuple[tf.Tensor, tf.Tensor]]:
    return [
      (tf.constant(questions[i : i + size]), tf.constant(queries[i : i + size]))
      for i in range(0, _QUERIES, size)
    ]

  calls = [
    (_in_graph(search), itertools.cycle(batches(size)), size)
    for search in searches
    for size in (1, _BATCH)
  ]
  for call in calls:
    _rate(*call)
  turns = [[_rate(*call) for call in calls] for _ in range(_REPEATS)]
  medians = [statistics.median(rates) for rates in zip(*turns, strict=True)]
  return list(zip(medians[::2], medians[1::2], strict=True))


def _in_graph(search: Search) -> Search:
  return tf.function(
    search,
    input_signature=[
      tf.TensorSpec([None, None], tf.int32),
      tf.TensorSpec([None, _DIM], tf.float32),
    ],
    autograph=False,
  )


def _rate(
  search: Search,
  batches: Iterator[tuple[tf.Tensor, tf.Tensor]],
  size: int,
) -> float:
  """Returns queries/s in a second, or of one call if that takes longer."""
  start, calls, elapsed = time.perf_counter(), 0, 0.0
  while elapsed < _WINDOW_SECONDS:
    search(*next(batches))[1].numpy()
    calls += 1
    elapsed = time.perf_counter() - start
  return calls * size / elapsed


if __name__ == "__main__":
  main()
