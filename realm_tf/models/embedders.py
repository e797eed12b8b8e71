"""Embed_input and Embed_doc (paper, section 3.2)."""

from typing import Any

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import configured
from realm_tf.models import encoders
from realm_tf.models import length_groups
from realm_tf.models import scratch


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class Embedder(configured.NamedModel):
  """BERT's pooled [CLS], projected and normalised: one vector a text."""

  def __init__(
    self,
    encoder: schema.EncoderConfig,
    retriever: schema.RetrieverConfig,
    vocab_size: int,
    sep_id: int,
    name: str = "embedder",
  ):
    """Builds the layers with their variables.

    Args:
      encoder: Gives the shape.
      retriever: Gives the embeddings' dimension, and says whether a passage's
        body is a segment of its own.
      vocab_size: Wordpieces of the vocabulary.
      sep_id: The id of [SEP].
      name: Of the Keras model.
    """
    encoder = schema.EncoderConfig.of(encoder)
    retriever = schema.RetrieverConfig.of(retriever)
    super().__init__(
      name=name,
      encoder=encoder,
      retriever=retriever,
      vocab_size=vocab_size,
      sep_id=sep_id,
    )
    self._passage_segments = retriever.passage_segments
    self._sep_id = sep_id
    self.encoder = encoders.build_encoder(
      encoder, vocab_size, name="encoder", output_range=1
    )
    scratch.prepare_for_scratch(self.encoder)
    self.projection = tf.keras.layers.Dense(
      retriever.projection_size,
      kernel_initializer=encoders.kernel_initializer(encoder),
      name="projection",
    )
    self.layer_norm = tf.keras.layers.LayerNormalization(
      epsilon=1e-12, dtype=tf.float32, name="layer_norm"
    )
    self(tf.zeros([1, 1], tf.int32))  # creates the head's variables

  def call(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
    """Embeds texts.

    Args:
      token_ids: <int32>[batch, L], `[CLS] query [SEP]` or `[CLS] title [SEP]
        body [SEP]`, padded with 0.
      training: Whether dropout is active.

    Returns:
      <float32>[batch, projection_size].
    """

    def pooled(token_ids: tf.Tensor) -> tf.Tensor:
      segment_ids = tf.zeros_like(token_ids)
      if self._passage_segments:
        segment_ids = pair_segments(token_ids, self._sep_id)
      outputs = encoders.encode(
        self.encoder, token_ids, segment_ids, training=training
      )
      return outputs["pooled_output"]

    return self.layer_norm(
      self.projection(
        length_groups.apply(pooled, [token_ids], training=training)
      )
    )


def pair_segments(token_ids: tf.Tensor, sep_id: int) -> tf.Tensor:
  """Returns BERT's segments of one text, or of two.

  As the released code's `separate_candidate_segments`: a passage's body, with
  the [SEP] after it, is the second text. A query has none.

  Args:
    token_ids: <int32>[batch, L], each text ended by [SEP], padded with 0.
    sep_id: The id of [SEP].

  Returns:
    <int32>[batch, L]: 1 for what follows the first [SEP], 0 for padding.
  """
  ends = tf.cast(token_ids == sep_id, tf.int32)
  follows = tf.cumsum(ends, axis=1, exclusive=True) > 0
  return tf.cast(follows & (token_ids != 0), tf.int32)


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class TwoTowers(configured.ConfiguredModel):
  """The two towers of the inner product f(x, z): one embedder, or one each.

  Example:
    towers = TwoTowers(encoder_config, RetrieverConfig(), vocab_size, sep_id)
    queries, passages = towers(query_token_ids, passage_token_ids)

  Attributes:
    query_embedder: Embed_input.
    passage_embedder: Embed_doc; the same object where the towers are tied.
  """

  def __init__(
    self,
    encoder: schema.EncoderConfig,
    retriever: schema.RetrieverConfig,
    vocab_size: int,
    sep_id: int,
  ):
    """Builds the towers; `tied_embedders` says whether they are one.

    Args:
      encoder: See `Embedder`.
      retriever: See `Embedder`.
      vocab_size: Wordpieces of the vocabulary.
      sep_id: The id of [SEP].
    """
    parts: dict[str, Any] = {
      "encoder": schema.EncoderConfig.of(encoder),
      "retriever": schema.RetrieverConfig.of(retriever),
      "vocab_size": vocab_size,
      "sep_id": sep_id,
    }
    super().__init__(name="retriever", **parts)
    if retriever.tied_embedders:
      self.query_embedder = Embedder(**parts, name="embedder")
      self.passage_embedder = self.query_embedder
    else:
      self.query_embedder = Embedder(**parts, name="query_embedder")
      self.passage_embedder = Embedder(**parts, name="passage_embedder")
    self.built = True

  def call(
    self,
    query_token_ids: tf.Tensor,
    passage_token_ids: tf.Tensor,
    training: bool = False,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Embeds queries and passages.

    Args:
      query_token_ids: <int32>[queries, query length].
      passage_token_ids: <int32>[passages, passage length].
      training: Whether dropout is active.

    Returns:
      <float32>[queries, D] and <float32>[passages, D].
    """
    return (
      self.query_embedder(query_token_ids, training=training),
      self.passage_embedder(passage_token_ids, training=training),
    )
