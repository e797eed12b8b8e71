"""BERT token classification (Devlin et al., 2019, section 5.3)."""

import tensorflow as tf
from official.nlp.modeling import models

from realm_tf.configs import schema
from realm_tf.models import encoder as encoder_lib
from realm_tf.models import scratch


class Tagger(tf.keras.Model):
  """Scores the labels of each wordpiece.

  Attributes:
    encoder: BERT.
  """

  def __init__(
    self, config: schema.TaggerConfig, vocab_size: int, num_labels: int
  ):
    """Builds the layers.

    Args:
      config: Gives the shape.
      vocab_size: Wordpieces of the vocabulary.
      num_labels: How many labels there are.
    """
    super().__init__(name="tagger")
    self.encoder = encoder_lib.build_encoder(config, vocab_size, name="encoder")
    self.encoder.pooler_layer.trainable = False  # nothing reads it
    scratch.prepare_for_scratch(self.encoder)
    # See `build_encoder`: AutoGraph would take long, and change nothing.
    build = tf.autograph.experimental.do_not_convert(models.BertTokenClassifier)
    self.classifier = build(
      self.encoder,
      num_labels,
      initializer=encoder_lib.kernel_initializer(config),
      dropout_rate=config.dropout,
      name="classifier",
    )

  def call(self, token_ids: tf.Tensor, training: bool = False) -> tf.Tensor:
    """Scores the labels.

    Args:
      token_ids: <int32>[batch, L], `[CLS] ... [SEP]` padded with 0.
      training: Whether dropout is active.

    Returns:
      Logits, <float32>[batch, L, num_labels].
    """
    outputs = self.classifier(
      encoder_lib.inputs(token_ids, tf.zeros_like(token_ids)),
      training=training,
    )
    return tf.cast(outputs["logits"], tf.float32)
