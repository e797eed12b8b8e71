"""Search for a batch's candidates: on the host, and as the step does it.

python -m benchmarks.device_retrieval [--rows=20000,1000000]
"""

import argparse
import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks import realm_step
from benchmarks import step_batches
from benchmarks import timing
from realm_tf import devices
from realm_tf.configs import schema
from realm_tf.configs import tiny
from realm_tf.index.device import device_index
from realm_tf.index.device import share_layout
from realm_tf.index.search import exact
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import searchers

_DIM = 128
_CANDIDATES = 8
_VOCAB_SIZE = 30522
_BATCH = 64
_RECORD_WIDTH = 145  # of 288 wordpieces


def main() -> None:
  """Measures each size, and prints one table."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--rows", default="20000", help="sizes, by commas")
  sizes = parser.parse_args().rows.split(",")
  config = dataclasses.replace(tiny.pretrain(), batch_size=_BATCH)
  batch = step_batches.full(config, _VOCAB_SIZE)
  model = realm_step.seconds(config, _VOCAB_SIZE, [batch])
  rows = []
  for size in sizes:
    rows += _measure(int(size), model)
  timing.print_table(
    f"Candidates of {_BATCH} queries of {_DIM} dimensions, random vectors",
    ["search", "passages", "ms a batch", "steps/s", "MB on the device"],
    rows,
    [
      "The device's also leaves out sources and gathers the wordpieces.",
      f"steps/s: with the model of tiny, whose step takes {1e3 * model:.0f} "
      "ms; queries are not embedded.",
    ],
  )


def _measure(num_rows: int, model: float) -> list[list[str]]:
  """Returns the lines of an index of random vectors.

  Args:
    num_rows: Of the index.
    model: Seconds of a step beside the search.
  """
  rng = np.random.default_rng(0)
  vectors = rng.standard_normal([num_rows, _DIM], np.float32)
  queries = tf.constant(rng.standard_normal([_BATCH, _DIM], np.float32))
  host_exact = exact.ExactSearcher(tf.constant(vectors))
  config = schema.IndexConfig(exact_search_below=1)
  settings = searcher_settings.choose_settings(num_rows, config, _CANDIDATES)
  tree = searchers.build_searcher(vectors, settings, _CANDIDATES)
  lines = [
    (name, _traced(searcher.search, queries), "-")
    for name, searcher in (
      ("host, exact", host_exact),
      (f"host, {settings.describe()}", tree),
    )
  ]
  for dtype in (tf.bfloat16, tf.float32):
    for is_exact in (True, False):
      index, taken = _device_index(vectors, dtype, is_exact=is_exact)
      sources = tf.fill([_BATCH], -1)

      def candidates(
        q: tf.Tensor,
        count: int,
        index: device_index.DeviceIndex = index,
        sources: tf.Tensor = sources,
      ) -> tuple[tf.Tensor, ...]:
        return index.candidates(q, sources, count)

      how = "exact" if is_exact else "approx_max_k"
      lines.append(
        (
          f"device, {dtype.name}, {how}",
          _traced(candidates, queries),
          f"{taken.total / 1e6:,.0f}",
        )
      )
  return [
    [
      name,
      f"{num_rows:,}",
      f"{1e3 * seconds:.1f}",
      f"{1 / (model + seconds):.2f}",
      size,
    ]
    for name, seconds, size in lines
  ]


def _device_index(
  vectors: np.ndarray, dtype: tf.DType, *, is_exact: bool
) -> tuple[device_index.DeviceIndex, share_layout.ShareBytes]:
  """Returns an index in the memory of the one device that is the default."""
  on_cpu = devices.is_cpu(devices.make_strategy(""))
  num_rows = len(vectors)
  layout = share_layout.ShareLayout.of(num_rows, 1, _BATCH, on_cpu=on_cpu)
  index = device_index.DeviceIndex(
    layout,
    _DIM,
    dtype,
    np.zeros([_RECORD_WIDTH], np.int32),
    device_index.SearchSettings(is_exact),
  )
  index.load_vectors([vectors.astype(dtype.as_numpy_dtype)])
  records = np.zeros([num_rows, _RECORD_WIDTH], np.int32)
  index.load_passages([records], [np.arange(num_rows, dtype=np.int32)])
  taken = share_layout.ShareBytes.of(
    layout, _DIM, dtype.size, _RECORD_WIDTH, _BATCH
  )
  return index, taken


def _traced(
  search: Callable[[tf.Tensor, int], tuple[tf.Tensor, ...]], queries: tf.Tensor
) -> float:
  """Returns the seconds of a search, as a part of a graph."""
  traced = tf.function(lambda q: search(q, _CANDIDATES), autograph=False)

  def run() -> None:
    for found in traced(queries):
      found.numpy()

  return timing.median_seconds(run)


if __name__ == "__main__":
  main()
