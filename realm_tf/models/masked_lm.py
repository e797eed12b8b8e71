"""The knowledge-augmented encoder p(y | z, x) of pre-training."""

import tensorflow as tf
from official.nlp.modeling import layers

from realm_tf.configs import schema
from realm_tf.models import configured
from realm_tf.models import encoders
from realm_tf.models import length_groups
from realm_tf.models import scratch


class MaskedTokenHead(layers.MaskedLM):
  """Model Garden's head, whose logits are float32 whatever the policy is.

  Under `mixed_bfloat16` it would round them to 8 bits before the softmax: a
  logit of 20 to the nearest eighth.
  """

  def call(
    self, sequence_data: tf.Tensor, masked_positions: tf.Tensor
  ) -> tf.Tensor:
    """Scores the vocabulary.

    Args:
      sequence_data: <float>[batch, L, hidden_size].
      masked_positions: <int32>[batch, M].

    Returns:
      Logits, <float32>[batch, M, V].
    """
    return self.scores(self.states(sequence_data, masked_positions))

  def states(
    self, sequence_data: tf.Tensor, masked_positions: tf.Tensor
  ) -> tf.Tensor:
    """Returns what is projected to the vocabulary.

    Args:
      sequence_data: <float>[batch, L, hidden_size].
      masked_positions: <int32>[batch, M].

    Returns:
      <float32>[batch, M, hidden_size].
    """
    hidden = self._gather_indexes(sequence_data, masked_positions)
    hidden = self.layer_norm(self.dense(hidden))  # [batch * M, hidden_size]
    shape = tf.concat([tf.shape(masked_positions), hidden.shape[-1:]], axis=0)
    return tf.reshape(tf.cast(hidden, tf.float32), shape)

  def scores(self, states: tf.Tensor) -> tf.Tensor:
    """Projects states to the vocabulary.

    Args:
      states: <float32>[batch, M, hidden_size].

    Returns:
      Logits, <float32>[batch, M, V].
    """
    flat = tf.reshape(states, [-1, states.shape[-1]])
    logits = tf.matmul(flat, self.embedding_table, transpose_b=True)
    shape = tf.concat([tf.shape(states)[:-1], logits.shape[-1:]], axis=0)
    return tf.reshape(logits + self.bias, shape)


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class MaskedLanguageModel(configured.NamedModel):
  """BERT with its masked-token head, run at the masked positions only.

  REALM's reader is this model over query and passage joined; a language
  model of one's own is the same over pairs of passages.
  """

  def __init__(
    self,
    encoder: schema.EncoderConfig,
    vocab_size: int,
    *,
    name: str = "reader",
    output_range: int | None = None,
  ):
    """Builds the layers.

    Args:
      encoder: Gives the shape and the activation.
      vocab_size: Wordpieces of the vocabulary.
      name: Of the Keras model.
      output_range: Masks stand among this many first positions; None if
        anywhere.
    """
    encoder = schema.EncoderConfig.of(encoder)
    super().__init__(
      name=name,
      encoder=encoder,
      vocab_size=vocab_size,
      output_range=output_range,
    )
    self.encoder = encoders.build_encoder(
      encoder, vocab_size, name="encoder", output_range=output_range
    )
    self.encoder.pooler_layer.trainable = False  # nothing reads it
    self.head = MaskedTokenHead(
      embedding_table=self.encoder.get_embedding_table(),
      activation=encoders.activation(encoder),
      initializer=tf.keras.initializers.Identity(),
      dtype=tf.float32,
      name="mlm_head",
    )
    # Creates the head's variables, so that weights can be assigned.
    nothing = tf.zeros([1, 1, encoder.hidden_size])
    self.head(nothing, tf.zeros([1, 1], tf.int32))
    scratch.prepare_for_scratch(self.encoder)

  def call(
    self,
    token_ids: tf.Tensor,
    segment_ids: tf.Tensor,
    mask_positions: tf.Tensor,
    training: bool = False,
  ) -> tf.Tensor:
    """Scores the vocabulary at the masked positions.

    Args:
      token_ids: <int32>[batch, L].
      segment_ids: <int32>[batch, L].
      mask_positions: <int32>[batch, M].
      training: Whether dropout is active.

    Returns:
      Logits, <float32>[batch, M, V].
    """

    def logits(
      token_ids: tf.Tensor, segment_ids: tf.Tensor, mask_positions: tf.Tensor
    ) -> tf.Tensor:
      outputs = encoders.encode(
        self.encoder, token_ids, segment_ids, training=training
      )
      return self.head(outputs["sequence_output"], mask_positions)

    return length_groups.apply(
      logits, [token_ids, segment_ids], [mask_positions], training=training
    )

  def states(
    self,
    token_ids: tf.Tensor,
    segment_ids: tf.Tensor,
    mask_positions: tf.Tensor,
  ) -> tf.Tensor:
    """Returns the hidden states that `head.scores` projects, without dropout.

    Args:
      token_ids: <int32>[batch, L].
      segment_ids: <int32>[batch, L].
      mask_positions: <int32>[batch, M].

    Returns:
      <float32>[batch, M, hidden_size].
    """
    outputs = encoders.encode(
      self.encoder, token_ids, segment_ids, training=False
    )
    return self.head.states(outputs["sequence_output"], mask_positions)
