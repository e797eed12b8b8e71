"""Runs an exported embedder: by Estimator where there is one, or tf.distribute.

All embed the same rows, and give the same embeddings.
"""

import functools
import os
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from realm_tf import devices
from realm_tf import errors
from realm_tf import stack
from realm_tf.checkpoints import saved
from realm_tf.index.build import batching
from realm_tf.index.build import embed_distributed
from realm_tf.index.build import embed_estimator


class Engine(Protocol):
  """Embeds shards of token ids with one signature of an export."""

  def embed(self, inputs: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yields the embeddings of each shard, before the next one is asked for.

    Args:
      inputs: <int32>[n, length] each, n > 0, padded with 0 at the end. Pulled
        one at a time: what makes them may wait for the embeddings of the one
        before.

    Yields:
      <float32>[n, dim] for each, in order.

    Raises:
      errors.UserError: If the TPU cannot be reached.
    """


class BatchEngine(Protocol):
  """Embeds batches of any shape."""

  def predict(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yields the embeddings of each batch, before the next one is asked for.

    Args:
      batches: <int32>[batch, length] each. Pulled one at a time.

    Yields:
      <float32>[batch, dim] for each batch, in order.
    """


class _Batched:
  """Has an engine embed shards in batches."""

  def __init__(
    self,
    engine: BatchEngine,
    cut: Callable[[np.ndarray], Iterator[batching.PaddedBatch]],
  ):
    self._engine = engine
    self._cut = cut

  def embed(self, inputs: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yields embeddings; see `Engine.embed`."""
    left, rows = 0, np.empty([0], np.int64)

    def batches() -> Iterator[np.ndarray]:
      nonlocal left, rows
      for shard in inputs:
        left = len(shard)
        for batch in self._cut(shard):
          rows = batch.rows
          yield batch.token_ids

    found = []
    for embeddings in self._engine.predict(batches()):
      found.append((rows, embeddings[: len(rows)]))
      left -= len(rows)
      if not left:
        order = np.argsort(np.concatenate([part for part, _ in found]))
        yield np.concatenate([part for _, part in found])[order]
        found.clear()


def name(tpu: str = "") -> str:
  """Returns which engine `make` makes here, for logs and manifests.

  Args:
    tpu: As `make`.
  """
  if not stack.has_estimator():
    return "tf.distribute"
  return "TPUEstimator" if tpu else "Estimator"


def make(
  export_path: str,
  signature: str = "passage",
  *,
  batch_size: int,
  num_threads: int = 0,
  tpu: str = "",
) -> Engine:
  """Returns the engine of this stack; it loads no weights yet.

  Args:
    export_path: A SavedModel whose signature takes `token_ids`
      <int32>[batch, length] and returns `embedding` <float32>[batch, dim].
    signature: "passage" or "query".
    batch_size: Rows that are embedded at once; on a TPU, by each of its cores.
    num_threads: Threads of an operation of Estimator's own session; 0 for all
      cores. tf.distribute has those of the process.
    tpu: A TPU's name or address, or "local"; empty for the GPUs that are
      there, else the CPU.

  Raises:
    errors.UserError: If the TPU cannot be reached, or the export's weights are
      damaged.
  """
  found = saved.problem(os.path.join(export_path, "variables", "variables"))
  if found:
    raise errors.UserError(
      f"{export_path} {found}: copy the run again, or remove this folder."
    )
  if tpu and stack.has_estimator():
    return embed_estimator.EmbedTpuEstimator(
      export_path, signature, tpu=tpu, batch_size=batch_size
    )
  if tpu:
    strategy = devices.make_strategy(tpu)
    return _Batched(
      embed_distributed.EmbedDistributed(
        export_path, signature, strategy=strategy
      ),
      functools.partial(
        batching.batches_of_one_shape,
        batch_size=batch_size * strategy.num_replicas_in_sync,
      ),
    )
  engine: BatchEngine
  if stack.has_estimator():
    engine = embed_estimator.EmbedEstimator(
      export_path, signature, num_threads=num_threads
    )
  else:
    engine = embed_distributed.EmbedDistributed(export_path, signature)
  return _Batched(
    engine,
    functools.partial(batching.batches_by_length, batch_size=batch_size),
  )
