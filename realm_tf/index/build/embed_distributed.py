"""Runs an exported embedder under a distribution strategy."""

from collections.abc import Iterable
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from realm_tf import devices
from realm_tf import saved_models


class EmbedDistributed:
  """Embeds batches of token ids with one signature of an export.

  The weights are loaded once, onto all GPUs that are there, else the CPU, and
  the replicas share the rows of each batch.
  """

  def __init__(
    self,
    export_path: str,
    signature: str = "passage",
    *,
    strategy: tf.distribute.Strategy | None = None,
  ):
    """Takes the export to run; loads nothing yet.

    Args:
      export_path: See `embedding_engine.make`.
      signature: "passage" or "query".
      strategy: Where to compute; by default on the GPUs, else the CPU.
    """
    self._export_path = export_path
    self._signature = signature
    self._strategy = strategy

  def predict(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yields embeddings; see `embedding_engine.Engine.predict`."""
    strategy = self._strategy or devices.make_strategy("")
    with strategy.scope():
      model = saved_models.load(self._export_path)  # Holds the weights.
    embed = model.signatures[self._signature]

    @tf.function(autograph=False, reduce_retracing=True)
    def embed_parts(token_ids: tf.Tensor) -> tf.Tensor:
      return strategy.run(
        lambda part: embed(token_ids=part)["embedding"], args=(token_ids,)
      )

    for batch in batches:
      parts = embed_parts(_share(batch, strategy))
      embeddings = [
        part.numpy() for part in strategy.experimental_local_results(parts)
      ]
      yield np.concatenate(embeddings)[: len(batch)]


def _share(batch: np.ndarray, strategy: tf.distribute.Strategy) -> tf.Tensor:
  """Gives each replica as many rows: <int32>[batch / replicas, length].

  Rows of padding at the end make up for what is missing.
  """
  replicas = strategy.num_replicas_in_sync
  padded = np.pad(batch, [[0, -len(batch) % replicas], [0, 0]])
  parts = np.split(padded, replicas)
  return strategy.experimental_distribute_values_from_function(
    lambda context: tf.constant(parts[context.replica_id_in_sync_group])
  )
