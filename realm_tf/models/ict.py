"""The Inverse Cloze Task with in-batch negatives (Lee et al., 2019)."""

from collections.abc import Mapping
from typing import Self

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import embedders
from realm_tf.models import prompts as prompts_lib
from realm_tf.models import replicas
from realm_tf.models import trainable


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class IctModel(trainable.TrainableModel):
  """A retriever that is trained to retrieve a sentence's source block.

  The negatives of a query are the other blocks of the global batch: the
  number of replicas does not change the loss.

  Attributes:
    retriever: Embedders of queries and passages.
  """

  def __init__(
    self,
    encoder: schema.EncoderConfig,
    vocab_size: int,
    sep_id: int,
    *,
    retriever: schema.RetrieverConfig | None = None,
    prompts: prompts_lib.PromptIds = prompts_lib.NONE,
  ):
    """Builds the retriever.

    Args:
      encoder: The shape of the encoder.
      vocab_size: Wordpieces of the vocabulary.
      sep_id: The id of [SEP].
      retriever: The towers; by default as in the paper.
      prompts: Wordpieces before each text, of queries and of passages.
    """
    retriever = schema.RetrieverConfig.of(retriever or schema.RetrieverConfig())
    encoder = schema.EncoderConfig.of(encoder)
    super().__init__(
      name="ict",
      dtype=tf.float32,
      encoder=encoder,
      vocab_size=vocab_size,
      sep_id=sep_id,
      retriever=retriever,
      prompts=[list(ids) for ids in prompts],
    )
    self._score_scale = retriever.score_scale
    self.retriever = embedders.TwoTowers(
      encoder, retriever, vocab_size, sep_id, prompts
    )
    self.built = True

  @classmethod
  def of_task(
    cls,
    config: schema.IctConfig,
    vocab_size: int,
    sep_id: int,
    prompts: prompts_lib.PromptIds = prompts_lib.NONE,
  ) -> Self:
    """Builds the model of a training by ICT; see `__init__`."""
    model = cls(config, vocab_size, sep_id, retriever=config, prompts=prompts)
    if not config.train_retriever_encoder:
      model.retriever.freeze_encoders()
    return model

  def call(
    self, features: Mapping[str, tf.Tensor], training: bool = False
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
    all_passages, first = replicas.gather(passages)
    scores = self._score_scale * tf.matmul(
      queries, all_passages, transpose_b=True
    )
    return scores, first + tf.range(tf.shape(queries)[0])

  def sums(
    self, features: Mapping[str, tf.Tensor], *, training: bool
  ) -> trainable.Sums:
    """See base class."""
    scores, labels = self(features, training=training)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
    guesses = tf.argmax(scores, axis=-1, output_type=tf.int32)
    right = tf.cast(guesses == labels, tf.float32)
    log_probs = tf.nn.log_softmax(scores)
    entropy = -tf.reduce_sum(log_probs * tf.exp(log_probs), axis=-1)
    count = tf.cast(tf.shape(losses)[0], tf.float32)
    return {
      "loss": (tf.reduce_sum(losses), count),
      "accuracy": (tf.reduce_sum(right), count),
      "entropy": (tf.reduce_sum(entropy), count),
    }
