"""The Inverse Cloze Task with in-batch negatives (Lee et al., 2019)."""

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import configured
from realm_tf.models import embedders


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class IctModel(configured.ConfiguredModel):
  """A retriever trained to find the block that a sentence came from.

  The negatives of a query are the other blocks of the global batch: the
  number of replicas does not change the loss.

  Attributes:
    retriever: Embedders of queries and passages.
  """

  def __init__(self, config: schema.IctConfig, vocab_size: int, sep_id: int):
    """Builds the retriever.

    Args:
      config: Gives the shape.
      vocab_size: Wordpieces of the vocabulary.
      sep_id: The id of [SEP].
    """
    super().__init__(
      config, name="ict", dtype=tf.float32, vocab_size=vocab_size, sep_id=sep_id
    )
    self._score_scale = config.score_scale
    self.retriever = embedders.Retriever(config, vocab_size, sep_id)
    self.built = True

  def call(
    self, features: dict[str, tf.Tensor], training: bool = False
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores each of a replica's queries against all blocks.

    Args:
      features: `query_token_ids` <int32>[B, query_length] and
        `passage_token_ids` <int32>[B, passage_length], row by row a sentence
        and its block.
      training: Whether dropout is active.

    Returns:
      Scores <float32>[B, replicas * B], and the place of each query's own
      block among them, <int32>[B].
    """
    queries, passages = self.retriever(
      features["query_token_ids"],
      features["passage_token_ids"],
      training=training,
    )
    all_passages, first = _gather_replicas(passages)
    scores = self._score_scale * tf.matmul(
      queries, all_passages, transpose_b=True
    )
    return scores, first + tf.range(tf.shape(queries)[0])


def _gather_replicas(local: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Concatenates a tensor over the replicas.

  A sum of zero-padded parts, since its gradient is a sum too, and its shape
  is static on a TPU.

  Args:
    local: <float32>[B, D] of this replica.

  Returns:
    <float32>[replicas * B, D], and the row at which this replica's own begin.
  """
  context = tf.distribute.get_replica_context()
  if context is None or context.num_replicas_in_sync == 1:
    return local, tf.constant(0)
  replicas = context.num_replicas_in_sync
  replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
  batch = tf.shape(local)[0]
  own = tf.one_hot(replica, replicas, dtype=local.dtype)  # [replicas]
  padded = own[:, None, None] * local[None]  # [replicas, B, D]
  gathered = context.all_reduce(tf.distribute.ReduceOp.SUM, padded)
  return tf.reshape(gathered, [-1, local.shape[-1]]), replica * batch
