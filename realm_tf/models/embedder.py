"""Embed_input and Embed_doc (paper, section 3.2)."""

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import encoder as encoder_lib
from realm_tf.models import scratch


class Embedder(tf.keras.Model):
  """BERT's pooled [CLS], projected and normalised: one vector a text."""

  def __init__(
    self, config: schema.RetrievalConfig, vocab_size: int, name: str
  ):
    """Builds the layers; `config` gives the shape."""
    super().__init__(name=name)
    self.encoder = encoder_lib.build_encoder(
      config, vocab_size, name="encoder", output_range=1
    )
    scratch.prepare_for_scratch(self.encoder)
    self.projection = tf.keras.layers.Dense(
      config.projection_size,
      kernel_initializer=encoder_lib.kernel_initializer(config),
      name="projection",
    )
    self.layer_norm = tf.keras.layers.LayerNormalization(
      epsilon=1e-12, dtype=tf.float32, name="layer_norm"
    )

  def call(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
    """Embeds texts.

    Args:
      token_ids: <int32>[batch, L], `[CLS] ... [SEP]` padded with 0.
      training: Whether dropout is active.

    Returns:
      <float32>[batch, projection_size].
    """
    outputs = encoder_lib.encode(
      self.encoder, token_ids, tf.zeros_like(token_ids), training=training
    )
    return self.layer_norm(self.projection(outputs["pooled_output"]))


class Retriever(tf.keras.Model):
  """The two towers of the inner product f(x, z): one embedder, or one each.

  Attributes:
    query_embedder: Embed_input.
    passage_embedder: Embed_doc; the same object where the towers are tied.
  """

  def __init__(self, config: schema.RetrievalConfig, vocab_size: int):
    """Builds the towers; `config.tied_embedders` says whether they are one."""
    super().__init__(name="retriever", dtype=tf.float32)
    if config.tied_embedders:
      self.query_embedder = Embedder(config, vocab_size, "embedder")
      self.passage_embedder = self.query_embedder
    else:
      self.query_embedder = Embedder(config, vocab_size, "query_embedder")
      self.passage_embedder = Embedder(config, vocab_size, "passage_embedder")

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
