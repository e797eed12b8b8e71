"""ORQA's reader: BERT over question and passage, with a score for each span."""

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import configured
from realm_tf.models import encoders
from realm_tf.models import length_groups
from realm_tf.models import scratch
from realm_tf.models import shapes

_EPSILON = 1e-3  # of the released reader's layer norm


class SpanScorer(tf.keras.layers.Layer):
  """Scores the span from each position, of each width, by an MLP.

  The MLP reads [h_start; h_end] (Lee et al., 2019, section 2.2.2): a dense
  layer, ReLU, layer norm, and a dense layer to one score. The first layer's
  product with the two halves is the sum of a product of each, so that it is
  taken once a position, not once a span. Normalising and the last product are
  computed together: of a span's vector x, only its sum, the sum of its squares
  and its product with one vector are needed.
  """

  def __init__(
    self,
    encoder: schema.EncoderConfig,
    *,
    max_span_length: int,
    span_hidden_size: int,
  ):
    """Defines the layers; the first call builds their variables.

    Args:
      encoder: Of the encoder below.
      max_span_length: Wordpieces of the longest span.
      span_hidden_size: Width of the MLP.
    """
    super().__init__(name="span_scorer", dtype=tf.float32)
    self._max_length = max_span_length
    width = span_hidden_size
    self.start = tf.keras.layers.Dense(
      width,
      kernel_initializer=encoders.kernel_initializer(encoder),
      name="start",
    )
    self.end = tf.keras.layers.Dense(
      width,
      kernel_initializer=encoders.kernel_initializer(encoder),
      use_bias=False,
      name="end",
    )
    self.layer_norm = tf.keras.layers.LayerNormalization(
      epsilon=_EPSILON, dtype=tf.float32, name="layer_norm"
    )
    self.layer_norm.build([None, width])
    self.output_layer = tf.keras.layers.Dense(
      1,
      kernel_initializer=encoders.kernel_initializer(encoder),
      dtype=tf.float32,
      name="output",
    )
    self.output_layer.build([None, width])

  def call(self, hidden: tf.Tensor) -> tf.Tensor:
    """Scores spans.

    Args:
      hidden: <float>[batch, L, hidden_size].

    Returns:
      <float32>[batch, L, max_span_length]: of the span that begins at a
      position and holds 1, 2, ... wordpieces. Those that go beyond the end
      have a score without a meaning.
    """
    starts = tf.cast(self.start(hidden), tf.float32)  # [batch, L, width]
    ends = tf.cast(self.end(hidden), tf.float32)
    ends = tf.pad(ends, [[0, 0], [0, self._max_length - 1], [0, 0]])
    sizes = shapes.sizes(starts)
    gamma = self.layer_norm.gamma
    kernel = self.output_layer.kernel[:, 0]
    direction = gamma * kernel  # [width]
    constant = tf.reduce_sum(self.layer_norm.beta * kernel)
    scores = []
    for shift in range(self._max_length):
      # Twice as fast in training as ends[:, shift : shift + length], whose
      # gradient is no mere padding.
      x = tf.nn.relu(starts + tf.slice(ends, [0, shift, 0], sizes))
      mean = tf.reduce_mean(x, axis=2)  # [batch, L]
      variance = tf.reduce_mean(tf.square(x), axis=2) - tf.square(mean)
      along = tf.tensordot(x, direction, 1)
      centred = along - mean * tf.reduce_sum(direction)
      scores.append(centred * tf.math.rsqrt(variance + self.layer_norm.epsilon))
    return tf.stack(scores, axis=2) + constant + self.output_layer.bias


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class SpanReader(configured.ConfiguredModel):
  """p(span|z, x) up to normalisation.

  Attributes:
    encoder: BERT; a pre-trained reader's fits.
    scorer: The layers on top.
  """

  def __init__(
    self,
    encoder: schema.EncoderConfig,
    vocab_size: int,
    *,
    max_span_length: int = 10,
    span_hidden_size: int = 256,
  ):
    """Builds the layers with their variables.

    Args:
      encoder: The shape of the encoder.
      vocab_size: Wordpieces of the vocabulary.
      max_span_length: See `SpanScorer`.
      span_hidden_size: See `SpanScorer`.
    """
    encoder = schema.EncoderConfig.of(encoder)
    super().__init__(
      name="reader",
      encoder=encoder,
      vocab_size=vocab_size,
      max_span_length=max_span_length,
      span_hidden_size=span_hidden_size,
    )
    self.encoder = encoders.build_encoder(encoder, vocab_size, name="encoder")
    self.encoder.pooler_layer.trainable = False  # nothing reads it
    scratch.prepare_for_scratch(self.encoder)
    self.scorer = SpanScorer(
      encoder,
      max_span_length=max_span_length,
      span_hidden_size=span_hidden_size,
    )
    nothing = tf.zeros([1, 1], tf.int32)
    self(nothing, nothing)  # creates the scorer's variables

  def call(
    self,
    token_ids: tf.Tensor,
    segment_ids: tf.Tensor,
    training: bool = False,
  ) -> tf.Tensor:
    """Scores the spans of questions and passages read together.

    Args:
      token_ids: <int32>[batch, L]. `[CLS] question [SEP] body [SEP]`, padded.
      segment_ids: <int32>[batch, L]. 1 for the body and its [SEP].
      training: Whether dropout is active.

    Returns:
      <float32>[batch, L, max_span_length]; see `SpanScorer` and `span_mask`.
    """

    def scores(token_ids: tf.Tensor, segment_ids: tf.Tensor) -> tf.Tensor:
      outputs = encoders.encode(
        self.encoder, token_ids, segment_ids, training=training
      )
      return self.scorer(outputs["sequence_output"])

    return length_groups.apply(
      scores, [token_ids, segment_ids], training=training, per_position=True
    )


def span_mask(segment_ids: tf.Tensor, max_length: int) -> tf.Tensor:
  """Returns which spans lie in the passage's body.

  Args:
    segment_ids: <int32>[..., L]. 1 for the body and its [SEP].
    max_length: Wordpieces of the longest span.

  Returns:
    <bool>[..., L, max_length].
  """
  # The last place of segment 1 is [SEP]: a span of n wordpieces from p on lies
  # in the body if p and p + n are of segment 1.
  length = shapes.sizes(segment_ids)[-1]
  no_padding = [[0, 0]] * (segment_ids.shape.rank - 1)
  padded = tf.pad(segment_ids, [*no_padding, [0, max_length]])
  after = [padded[..., n : n + length] for n in range(1, max_length + 1)]
  return (segment_ids[..., None] == 1) & (tf.stack(after, axis=-1) == 1)
