"""BERT, as Model Garden builds it."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
from official.nlp.modeling import layers
from official.nlp.modeling.networks import bert_encoder

from realm_tf.configs import schema
from realm_tf.models import gelu
from realm_tf.models import rematerialization

_BERT_STDDEV = 0.02
_BERT_WIDTH = 768


class AttentionKernels(NamedTuple):
  """The kernels of one layer's attention.

  Attributes:
    query: <float32>[width, heads, head width].
    key: Of that shape.
    value: Of that shape.
    output: <float32>[heads, head width, width].
  """

  query: tf.Variable
  key: tf.Variable
  value: tf.Variable
  output: tf.Variable


def activation(config: schema.EncoderConfig) -> Callable[..., tf.Tensor]:
  """Returns the GELU that the config names: exact, or by tanh."""
  return {"gelu": gelu.gelu, "gelu_tanh": gelu.gelu_tanh}[config.activation]


def kernel_initializer(
  config: schema.EncoderConfig,
) -> tf.keras.initializers.Initializer:
  """Returns BERT's initializer, scaled to the width.

  BERT's 0.02 suits its width of 768. In a narrow model it would leave
  attention a tenth of what it is in BERT beside the residual, and logits too
  small to tell words apart: such a model takes long to learn to copy. With
  the scale here, signals are as large at any width as they are in BERT-base.

  Args:
    config: Gives the width.
  """
  return tf.keras.initializers.TruncatedNormal(
    stddev=_BERT_STDDEV * (_BERT_WIDTH / config.hidden_size) ** 0.5
  )


# Keras would convert each layer's Python with AutoGraph, which takes half a
# minute and changes nothing: no layer branches on a tensor.
@tf.autograph.experimental.do_not_convert
def build_encoder(
  config: schema.EncoderConfig,
  vocab_size: int,
  name: str,
  output_range: int | None = None,
) -> bert_encoder.BertEncoderV2:
  """Builds an encoder with the config's shape.

  Args:
    config: Gives layers, widths, heads, activation and dropout.
    vocab_size: Wordpieces of the vocabulary.
    name: Of the Keras layer.
    output_range: How many positions, from the first, the last layer computes;
      None for all. Nothing is lost by leaving out what nobody reads, and the
      last layer is half of a two-layer model.
  """
  if config.dropout > 0:
    # Dropout then draws from generators whose states are variables, so that
    # a checkpoint holds them and a resumed run draws what it would have drawn.
    tf.keras.backend.experimental.enable_tf_random_generator()
  embedding_layer = layers.OnDeviceEmbedding(
    vocab_size=vocab_size,
    embedding_width=config.hidden_size,
    initializer=tf.keras.initializers.TruncatedNormal(
      stddev=_BERT_STDDEV * _BERT_WIDTH / config.hidden_size
    ),
    name="word_embeddings",
  )
  encoder = bert_encoder.BertEncoderV2(
    vocab_size=vocab_size,
    type_vocab_size=2,
    embedding_layer=embedding_layer,
    hidden_size=config.hidden_size,
    num_layers=config.num_layers,
    num_attention_heads=config.num_heads,
    inner_dim=config.intermediate_size,
    inner_activation=activation(config),
    max_sequence_length=config.max_positions,
    output_dropout=config.dropout,
    attention_dropout=config.dropout,
    initializer=kernel_initializer(config),
    output_range=output_range,
    name=name,
  )
  # Creates the kernels. With symbols instead, Keras would make a graph first.
  token = tf.ones([1, 1], tf.int32)
  encode(encoder, token, tf.zeros_like(token), training=False)
  return encoder


def position_embeddings(encoder: bert_encoder.BertEncoderV2) -> tf.Variable:
  """Returns an encoder's position embeddings, <float32>[positions, width]."""
  return _weight(encoder, "position_embedding/embeddings")


def attention_kernels(layer: tf.keras.layers.Layer) -> AttentionKernels:
  """Returns the kernels of a layer's attention.

  Args:
    layer: One of a built encoder's `transformer_layers`.
  """
  return AttentionKernels(
    *(
      _weight(layer, f"self_attention/{part}/kernel")
      for part in ("query", "key", "value", "attention_output")
    )
  )


def _weight(layer: tf.keras.layers.Layer, name: str) -> tf.Variable:
  """Returns the weight whose name ends so."""
  [found] = [v for v in layer.weights if v.name.endswith(f"/{name}:0")]
  return found


def encode(
  encoder: bert_encoder.BertEncoderV2,
  token_ids: tf.Tensor,
  segment_ids: tf.Tensor,
  *,
  training: bool,
) -> dict[str, tf.Tensor]:
  """Runs an encoder; [PAD], whose id is 0, is not attended to.

  Args:
    encoder: The encoder.
    token_ids: <int32>[batch, L].
    segment_ids: <int32>[batch, L].
    training: Whether dropout is active.

  Returns:
    `sequence_output` [batch, L or output_range, hidden_size] and
    `pooled_output` [batch, hidden_size], among others.
  """
  inputs = {
    "input_word_ids": token_ids,
    "input_mask": tf.cast(token_ids != 0, tf.int32),
    "input_type_ids": segment_ids,
  }
  with rematerialization.of_layers(encoder.transformer_layers):
    return encoder(inputs, training=training)
