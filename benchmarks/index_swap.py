"""The pause that a change of the index version causes in the training loop.

python -m benchmarks.index_swap
"""

import dataclasses
import os
import statistics
import tempfile
import time

import numpy as np
import tensorflow as tf

from benchmarks import synthetic
from benchmarks import timing
from realm_tf import devices
from realm_tf.configs import schema
from realm_tf.configs import tiny
from realm_tf.export import embedder_export
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import searchers
from realm_tf.runs import exports
from realm_tf.text import wordpiece
from realm_tf.training import optimizers
from realm_tf.training import pipeline_feed
from realm_tf.training import steps
from realm_tf.training.tasks import realm_task

_PASSAGES = 5_000
_STEPS = 10  # before each swap
_MOST_STEPS = 400
_SWAPS = 2
_WARM_UP = 3


class _Run:
  """A trainer of `pretrain` on synthetic data, one step at a time."""

  def __init__(self, config: schema.RealmConfig, folder: str):
    """Builds the model, an export of its embedder, and an index."""
    self._config, self._folder = config, folder
    corpus = synthetic.make_corpus(_PASSAGES, config.passage_length)
    strategy = devices.make_strategy("")
    with strategy.scope():
      self._task = realm_task.RealmTask(
        config,
        wordpiece.Tokenizer(synthetic.vocabulary()),
        corpus.sentences,
        corpus.passages,
      )
      optimizer = optimizers.make_optimizer(config)
    self._step = steps.make_train_step(
      self._task, optimizer, strategy, config.clip_norm
    )
    dim = config.embedding_size
    embedder_export.Exporter(self._task.retriever, config).save(folder, 0)
    vectors = np.random.default_rng(0).normal(size=(_PASSAGES, dim))
    searchers.build_searcher(
      vectors.astype(np.float32),
      searcher_settings.choose_settings(
        _PASSAGES, config, config.num_candidates
      ),
      config.num_candidates,
    ).save(self._searcher_path)
    self._task.set_index(self._open())
    self.feed = pipeline_feed.Feed(strategy, self._task.train_pipeline, 0)

  @property
  def _searcher_path(self) -> str:
    return os.path.join(self._folder, "searcher")

  def _open(self) -> realm_task.IndexInUse:
    """Loads searcher and embedder, as a trainer does with a new version."""
    module = tf.saved_model.load(exports.path(self._folder, 0))
    searcher = searchers.load_searcher(self._searcher_path)

    def embed(token_ids: tf.Tensor) -> tf.Tensor:
      return module.signatures["query"](token_ids=token_ids)["embedding"]

    return realm_task.IndexInUse(0, embed, searcher.search)

  def new_pipeline(self, first_step: int) -> tf.data.Dataset:
    """Opens a version anew and returns its batches."""
    return self._task.train_pipeline_with(self._open(), first_step)

  def step(self) -> tuple[float, bool]:
    """Trains a step; returns its seconds and whether the swap was in it."""
    start = time.perf_counter()
    features, replaced = self.feed.next()
    self._step(features)["loss"].numpy()
    return time.perf_counter() - start, replaced


def main() -> None:
  """Measures and prints."""
  config = dataclasses.replace(tiny.pretrain(), batch_size=4, train_steps=10**6)
  with tempfile.TemporaryDirectory() as folder:
    run = _Run(config, folder)
    for _ in range(_WARM_UP):
      run.step()
    swaps = [_swap(run) for _ in range(_SWAPS)]
    blocking = [_blocking_swap(run) for _ in range(_SWAPS)]
  median = statistics.median(seconds for s in swaps for seconds in s.quiet)
  at_swap = statistics.median(s.at_swap for s in swaps)
  meanwhile = statistics.median(x for s in swaps for x in s.meanwhile)
  longest = statistics.median(max(s.meanwhile) for s in swaps)
  prepared = statistics.median(s.prepare_seconds for s in swaps)
  blocked = statistics.median(blocking)
  rows = [
    [name, f"{1000 * seconds:.0f}", f"{seconds / median:.1f}"]
    for name, seconds in (
      ("a step, before the swap", median),
      ("a step while the new version is made ready", meanwhile),
      ("the longest of these", longest),
      ("the step of the swap", at_swap),
      ("reference: stop, load, go on", blocked),
    )
  ]
  timing.print_table(
    f"Index swap: {_PASSAGES:,} passages, {config.num_layers} x "
    f"{config.hidden_size}, batch {config.batch_size}, "
    f"{config.num_candidates} candidates",
    ["", "ms", "of a step"],
    rows,
    [
      f"pause: {1000 * max(at_swap - median, 0):.0f} ms a swap; without the "
      f"thread that makes ready: {1000 * (blocked - median):.0f} ms",
      f"made ready in {prepared:.1f} s beside the training, with which it "
      "shares the cores; medians of "
      f"{_SWAPS} swaps",
    ],
  )


@dataclasses.dataclass(frozen=True)
class _Swap:
  """Seconds of the steps around a swap.

  Attributes:
    quiet: Of each step before it was asked for.
    meanwhile: Of each step from there on, without the swap's own.
    at_swap: Of the step that got the new pipeline's first batch.
    prepare_seconds: From asking to the swap.
  """

  quiet: list[float]
  meanwhile: list[float]
  at_swap: float
  prepare_seconds: float


def _swap(run: _Run) -> _Swap:
  quiet = [run.step()[0] for _ in range(_STEPS)]
  start = time.perf_counter()
  run.feed.replace(run.new_pipeline)
  meanwhile: list[float] = []
  while len(meanwhile) < _MOST_STEPS:
    seconds, replaced = run.step()
    if replaced:
      prepared = time.perf_counter() - start
      return _Swap(quiet, meanwhile, seconds, prepared)
    meanwhile.append(seconds)
  raise RuntimeError(f"No swap within {_MOST_STEPS} steps.")


def _blocking_swap(run: _Run) -> float:
  """Returns the seconds of a step that waits for its new version."""
  start = time.perf_counter()
  run.feed.replace(run.new_pipeline, wait=True)
  run.step()
  return time.perf_counter() - start


if __name__ == "__main__":
  main()
