"""BERT token classification (Devlin et al., 2019, section 5.3)."""

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import configured
from realm_tf.models import encoders
from realm_tf.models import scratch


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class Tagger(configured.ConfiguredModel):
  """Scores the labels of each wordpiece.

  Model Garden's `BertTokenClassifier` is the same as a functional model over a
  dict of inputs, which Keras 2.15 cannot export.

  Attributes:
    encoder: BERT.
    classifier: From hidden states to labels.
  """

  def __init__(
    self, encoder: schema.EncoderConfig, vocab_size: int, num_labels: int
  ):
    """Builds the layers.

    Args:
      encoder: The shape of the encoder.
      vocab_size: Wordpieces of the vocabulary.
      num_labels: How many labels there are.
    """
    encoder = schema.EncoderConfig.of(encoder)
    super().__init__(
      name="tagger",
      encoder=encoder,
      vocab_size=vocab_size,
      num_labels=num_labels,
    )
    self.encoder = encoders.build_encoder(encoder, vocab_size, name="encoder")
    self.encoder.pooler_layer.trainable = False  # nothing reads it
    scratch.prepare_for_scratch(self.encoder)
    self.dropout = tf.keras.layers.Dropout(encoder.dropout)
    self.dropout.build(None)  # creates what it draws from
    self.classifier = tf.keras.layers.Dense(
      num_labels,
      kernel_initializer=encoders.kernel_initializer(encoder),
      dtype=tf.float32,
      name="classifier",
    )
    self.classifier.build([None, None, encoder.hidden_size])
    self.built = True

  def call(
    self,
    token_ids: tf.Tensor,
    segment_ids: tf.Tensor,
    training: bool = False,
  ) -> tf.Tensor:
    """Scores the labels.

    Args:
      token_ids: <int32>[batch, L], `[CLS] ... [SEP]` padded with 0.
      segment_ids: <int32>[batch, L], 1 for capitals: see `text/capitals.py`.
      training: Whether dropout is active.

    Returns:
      Logits, <float32>[batch, L, num_labels].
    """
    outputs = encoders.encode(
      self.encoder, token_ids, segment_ids, training=training
    )
    states = self.dropout(outputs["sequence_output"], training=training)
    return self.classifier(states)
