"""BERT, as Model Garden builds it."""

import tensorflow as tf
from official.nlp.modeling.networks import bert_encoder

from realm_tf.configs import schema


def build_encoder(
    config: schema.TaskConfig,
    vocab_size: int,
    name: str,
    output_range: int | None = None,
) -> bert_encoder.BertEncoderV2:
  """Builds an encoder with the config's shape.

  Args:
    config: Gives layers, widths, heads and dropout.
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
  return bert_encoder.BertEncoderV2(
      vocab_size=vocab_size,
      hidden_size=config.hidden_size,
      num_layers=config.num_layers,
      num_attention_heads=config.num_heads,
      inner_dim=config.intermediate_size,
      max_sequence_length=config.max_positions,
      output_dropout=config.dropout,
      attention_dropout=config.dropout,
      output_range=output_range,
      name=name,
  )


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
  return encoder(inputs, training=training)
