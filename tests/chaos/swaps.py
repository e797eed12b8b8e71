"""Swaps the index of one process many times, and watches its memory.

Each version is loaded as a trainer loads it: opened, searched, fed through a
pipeline that takes over from the one before. Prints the resident memory every
so many swaps; the status is 1 if it grew by more than a twentieth after the
first 50, which fill pools and caches.
"""

import gc
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from realm_tf.index.versions import index_store
from realm_tf.training import pipeline_feed
from realm_tf.training.tasks import pipelines
from tests.index import fake_run

_SETTLED = 50
_SHOWN_EVERY = 25
_MOST_GROWTH = 1.05
_QUERIES = 4
_STEP = 100


def _resident_mb() -> float:
  status = pathlib.Path("/proc/self/status").read_text()
  (line,) = [x for x in status.splitlines() if x.startswith("VmRSS")]
  return int(line.split()[1]) / 1024


def swap(swaps: int, root: pathlib.Path) -> Iterator[float]:
  """Yields the resident memory after each swap, in MB."""
  corpus = fake_run.write_corpus(root / "corpus", num_shards=2, per_shard=500)
  model_dir = fake_run.write_run(root / "run", corpus)
  fake_run.write_export(model_dir, _STEP)
  fake_run.refresh(model_dir)
  store = index_store.IndexStore(model_dir)
  queries = np.eye(_QUERIES, fake_run.DIM, dtype=np.float32)
  feed = None
  for _ in range(swaps):
    version = store.open(
      _STEP, corpus.fingerprint, corpus.num_passages, verify=True
    )
    searcher = version.load_searcher()

    def pipeline(first, searcher=searcher):
      def batch(step):
        scores, rows, _ = searcher.search(queries, 5)
        return {"scores": scores, "rows": rows, "step": step}

      return pipelines.by_step(batch, first, first + 1000)

    if feed is None:
      feed = pipeline_feed.Feed(
        tf.distribute.OneDeviceStrategy("CPU:0"), pipeline, 0
      )
    else:
      feed.replace(pipeline, wait=True)
    for _ in range(3):
      feed.next()
    gc.collect()
    yield _resident_mb()


def run(swaps: int, folder: pathlib.Path) -> int:
  """Swaps, and prints the memory; returns the exit status."""
  memory = []
  for resident in swap(swaps, folder):
    memory.append(resident)
    if len(memory) % _SHOWN_EVERY == 0:
      print(f"{len(memory):4d} swaps: {resident:.0f} MB", flush=True)
  settled = memory[min(_SETTLED, swaps) - 1]
  return int(memory[-1] > _MOST_GROWTH * settled)
