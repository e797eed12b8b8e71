"""Builds one version of the index, with any number of processes at once.

Each process takes free shards of the corpus, embeds them, and
writes each whole; the first that is done publishes. The processes know of
each other by file locks alone, which the kernel gives back when one is killed;
`claims` has what becomes of one that is stopped.
"""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from realm_tf import devices
from realm_tf import errors
from realm_tf import files
from realm_tf.index.build import batching
from realm_tf.index.build import claims
from realm_tf.index.build import disk
from realm_tf.index.build import embedding_engine
from realm_tf.index.build import pooled_passages
from realm_tf.index.build import publish
from realm_tf.index.build import refresh_plan
from realm_tf.index.versions import index_version
from realm_tf.runs import exports
from realm_tf.runs import locks

_POLL_SECS = 0.2


class _Begun(NamedTuple):
  """When this process began, and how many passages were to be embedded."""

  at_secs: float
  rows_left: int


class VersionBuilder:
  """Builds the index version of one export."""

  def __init__(
    self, context: refresh_plan.RefreshContext, export: exports.EmbedderExport
  ):
    """Takes the plan; reads and writes nothing yet."""
    self._context = context
    self._export = export
    self._plan = refresh_plan.VersionPlan.of(context, export)
    self._sizes = np.diff(context.corpus.shard_offsets)
    self._pooled: pooled_passages.PooledPassages | None = None
    # Where the engine's results for the shard under way go: its embeddings or,
    # of a frozen encoder, what is projected to them.
    self._buffer = np.empty([0, export.dim], np.float32)
    self._rows = np.empty([0], np.int64)
    self._begun = _Begun(0.0, 0)

  def build(self) -> index_version.IndexVersion | None:
    """Embeds the remaining shards and publishes, unless others do.

    Returns:
      The version if this process published it.

    Raises:
      errors.UserError: If the disk is full, an embedding is not finite, or
        what is there is of another corpus.
    """
    store, step = self._context.store, self._export.step
    with store.active_lock(step, shared=True):
      if not self._begin():
        return None
      started = time.monotonic()
      self._begun = _Begun(started, self._rows_left())
      with disk.reported(self._plan.folder, self._plan.bytes.needed):
        self._embed_shards()
      self._pooled = None  # Its weights: the searcher needs the memory.
      if self._unfinished():
        return None  # `should_stop` said so, or the export was replaced.
      version = publish.publish(
        self._context, self._plan, time.monotonic() - started
      )
    if version is not None:
      store.prune(in_use=[step])
    return version

  def _begin(self) -> bool:
    """Makes the folder; returns whether there is work left."""
    plan, store = self._plan, self._context.store
    with self._publish_lock():
      if store.is_usable(plan.step):
        return False
      if plan.step in store.versions() or (
        os.path.exists(plan.order_path) and not plan.is_under_way()
      ):
        store.withdraw(plan.step)
      os.makedirs(plan.folder, exist_ok=True)
      present = sum(
        os.path.getsize(self._path(shard))
        for shard in range(plan.num_shards)
        if os.path.exists(self._path(shard))
      )
      disk.check_free(plan.folder, plan.bytes.needed - present)
      if os.path.exists(plan.order_path):
        found = files.read_json(plan.order_path)
        if found != plan.order():
          raise errors.UserError(
            f"{plan.folder} was begun as {found}, not as {plan.order()}. "
            "Remove the folder, or go on with what it was begun with."
          )
      else:
        with disk.reported(plan.folder, plan.bytes.needed):
          files.write_json(plan.order_path, plan.order())
    return True

  def _embed_shards(self) -> None:
    context = self._context
    signature = "passage"
    if self._export.frozen_encoder_id and context.reuse is None:
      self._pooled = pooled_passages.PooledPassages(context, self._plan)
      signature = exports.POOLED_PASSAGE
    inputs = self._inputs()
    with contextlib.closing(inputs):
      first = next(inputs, None)
      if first is None:
        return
      engine = embedding_engine.make(
        self._export.path,
        signature,
        batch_size=context.config.index.embed_batch_size,
        num_threads=context.num_threads,
        tpu=context.tpu,
      )
      with devices.cpu_products(context.config.precision):
        for embeddings in engine.embed(itertools.chain([first], inputs)):
          self._buffer[self._rows] = embeddings

  def _inputs(self) -> Generator[np.ndarray, None, None]:
    """Yields the inputs of shard after shard; see `_rows` for theirs.

    The embeddings of a shard are in the buffer when the next one is asked
    for, so it is written before another is taken.
    """
    context = self._context
    for shard in self._claims():
      missing = self._begin_shard(shard)
      if len(missing):
        inputs = batching.shard_inputs(
          context.corpus, shard, context.config.passage_length
        )
        self._rows = missing
        yield inputs[missing]
      embeddings = self._buffer
      if self._pooled is not None:
        embeddings = self._pooled.embeddings(shard, self._buffer)
      with self._publish_lock():
        if not self._plan.is_under_way():
          return
        if os.path.exists(self._path(shard)):
          continue  # This worker was stopped, and another has taken over.
        self._write(shard, embeddings)
      if len(missing) or context.reuse is None:
        self._report_progress(shard)

  def _begin_shard(self, shard: int) -> np.ndarray:
    """Makes the buffer of a shard; returns the rows to embed, <int64>[n]."""
    known = self._context.reuse or self._pooled
    if known is not None:
      self._buffer, missing = known.take(shard)
      return missing
    size = self._sizes[shard]
    self._buffer = np.empty([size, self._export.dim], np.float32)
    return np.arange(size)

  def _claims(self) -> Iterator[int]:
    """Yields shards to embed, each locked until the next is asked for.

    Those that are free; until all are there, again and again, those of workers
    that died or show no sign of life.
    """
    mine = claims.Claims(
      self._context.store.lock_folder(self._plan.step),
      self._context.takeover_secs,
    )
    pause = threading.Event()
    while unfinished := self._unfinished():
      found = False
      for shard in unfinished:
        if self._context.should_stop():
          return
        with mine.taken(shard) as is_mine:
          if is_mine and not os.path.exists(self._path(shard)):
            found = True
            yield shard
      if not self._plan.is_under_way():
        return  # Published, or begun anew with another export.
      if not found:
        pause.wait(_POLL_SECS)

  def _write(self, shard: int, embeddings: np.ndarray) -> None:
    with np.errstate(over="ignore"):  # Reported below, with the passage.
      stored = embeddings.astype(self._plan.dtype)
    finite = np.isfinite(stored).all(axis=1)
    if not finite.all():
      row = int(np.argmin(finite))
      raise errors.UserError(
        f"The embedder of step {self._plan.step} gives values that are not "
        f"finite as {self._plan.dtype}, first for passage {row} of corpus "
        f"shard {shard}. Training has diverged: go back to a checkpoint "
        "before that step and lower `config.learning_rate`."
      )
    index_version.write_embeddings(self._path(shard), stored)

  def _report_progress(self, shard: int) -> None:
    """Reports what all workers have done, wherever they run."""
    plan, left = self._plan, self._rows_left()
    shards = plan.num_shards - len(self._unfinished())
    seconds = max(time.monotonic() - self._begun.at_secs, 1e-9)
    rate = max(self._begun.rows_left - left, 1) / seconds
    eta = round(left / rate)
    self._context.report(
      f"index {plan.step}: shard {shard + 1} of {plan.num_shards}, by all "
      f"workers {shards} shards, {plan.rows - left} of {plan.rows} passages at "
      f"{rate:.0f} a second, ETA {eta // 60}:{eta % 60:02d}"
    )

  def _rows_left(self) -> int:
    return int(sum(self._sizes[shard] for shard in self._unfinished()))

  def _unfinished(self) -> list[int]:
    return [
      shard
      for shard in range(self._plan.num_shards)
      if not os.path.exists(self._path(shard))
    ]

  def _path(self, shard: int) -> str:
    return self._plan.shard_path(shard)

  def _publish_lock(self) -> locks.FileLock:
    return publish.publish_lock(self._context.store, self._plan.step)


def publish_vectors(
  context: refresh_plan.RefreshContext,
  export: exports.EmbedderExport,
  of_shard: Callable[[int], np.ndarray],
  source: str,
) -> index_version.IndexVersion | None:
  """Publishes a version of vectors that come from elsewhere.

  Nothing is embedded, and one shard at a time is in memory until the searcher
  is built.

  Args:
    context: Names the corpus, and how to search it.
    export: The version's: its query tower goes with the vectors.
    of_shard: Returns the vectors of a corpus shard, <float32>[n, dim].
    source: Where they come from, for messages.

  Returns:
    The version; None if it is there.

  Raises:
    errors.UserError: If the disk is full, or a vector is not finite.
  """
  plan = refresh_plan.VersionPlan.of(context, export)
  started = time.monotonic()
  with context.store.active_lock(plan.step, shared=True):
    os.makedirs(plan.folder, exist_ok=True)
    disk.check_free(plan.folder, plan.bytes.needed)
    with disk.reported(plan.folder, plan.bytes.needed):
      files.write_json(plan.order_path, plan.order())
      for shard in range(plan.num_shards):
        with np.errstate(over="ignore"):  # Reported below.
          stored = of_shard(shard).astype(plan.dtype, copy=False)
        if not np.isfinite(stored).all():
          raise errors.UserError(
            f"{source} has vectors that are not finite as {plan.dtype}, in "
            f"corpus shard {shard}: download it again."
          )
        index_version.write_embeddings(plan.shard_path(shard), stored)
    return publish.publish(context, plan, time.monotonic() - started)
