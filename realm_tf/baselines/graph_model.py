"""GraphRetriever's reader: passages pass messages along their relations.

After Min et al. (2019), section 4.
"""

import tensorflow as tf

from realm_tf.baselines import encoders_of_run
from realm_tf.baselines import passage_graphs
from realm_tf.models import orqa
from realm_tf.models import span_reader

_NONE = -1e9


class Fusion(tf.keras.layers.Layer):
  """One round of messages.

  From passage j to i the message is m = relu(A z_i + B z_j + r_ij + c), with
  r_ij the sum of a vector for each relation that holds between them. What i
  hears is a mean of the messages, weighted by a softmax of v . m over all j
  that it is related to; a dense layer of it is added to z_i, and a layer norm
  follows.
  """

  def __init__(self, width: int):
    """Makes the layers.

    Args:
      width: Of z.
    """
    super().__init__()
    self.to = tf.keras.layers.Dense(width, name="to")
    self.of = tf.keras.layers.Dense(width, use_bias=False, name="of")
    self.relation = tf.keras.layers.Dense(
      width, use_bias=False, name="relation"
    )
    self.weighting = tf.keras.layers.Dense(1, use_bias=False, name="weighting")
    self.output_layer = tf.keras.layers.Dense(width, name="output")
    self.layer_norm = tf.keras.layers.LayerNormalization(name="layer_norm")
    for layer in (self.to, self.of, self.weighting, self.output_layer):
      layer.build([None, width])
    self.layer_norm.build([None, None, width])
    self.relation.build([None, len(passage_graphs.RELATIONS)])

  def call(self, passages: tf.Tensor, relations: tf.Tensor) -> tf.Tensor:
    """Returns the passages after the round, <float32>[batch, n, width].

    Args:
      passages: <float32>[batch, n, width]. z.
      relations: <float32>[batch, n, n, relations]. 1 for what holds.
    """
    messages = tf.nn.relu(
      self.to(passages)[:, :, None]
      + self.of(passages)[:, None]
      + self.relation(relations)
    )  # [batch, n, n, width]
    related = tf.reduce_any(relations > 0, axis=3)
    weights = tf.where(related, self.weighting(messages)[..., 0], _NONE)
    weights = tf.nn.softmax(weights, axis=2)
    # A passage without relations hears nothing.
    weights = tf.where(related, weights, 0.0)
    heard = tf.einsum("bij,bijd->bid", weights, messages)
    return self.layer_norm(passages + self.output_layer(heard))


class GraphReader(tf.keras.Model):
  """Scores the spans of all passages of a graph together.

  A passage's vector is its [CLS], read with the question. After the rounds of
  messages it is added to its wordpieces, whose spans are scored, and gives a
  score of the passage, which is added to those of its spans.

  Attributes:
    spans: The span reader.
  """

  def __init__(
    self, reader: span_reader.SpanReader, width: int, fusion_layers: int
  ):
    """Makes the layers.

    Args:
      reader: The span reader, built.
      width: Of its encoder.
      fusion_layers: Rounds of messages.
    """
    super().__init__(name="graph_reader")
    self.spans = reader
    self._fusion = [Fusion(width) for _ in range(fusion_layers)]
    # Wordpieces begin as the span reader knows them.
    self._adding = tf.keras.layers.Dense(
      width, kernel_initializer="zeros", name="adding"
    )
    self._selecting = tf.keras.layers.Dense(1, name="selecting")
    for layer in (self._adding, self._selecting):
      layer.build([None, width])

  def call(
    self,
    token_ids: tf.Tensor,
    segment_ids: tf.Tensor,
    relations: tf.Tensor,
    training: bool = False,
  ) -> tf.Tensor:
    """Reads graphs.

    Args:
      token_ids: <int32>[batch, n, L]. Questions with passages.
      segment_ids: <int32>[batch, n, L].
      relations: <uint8>[batch, n, n]; see `passage_graphs.Graphs`.
      training: Whether dropout is active.

    Returns:
      <float32>[batch, n, L, W]. Scores of spans, very low for what is none.
    """
    _, count, length = token_ids.shape
    tokens, segments = (
      tf.reshape(x, [-1, length]) for x in (token_ids, segment_ids)
    )
    hidden = encoders_of_run.read(self.spans, tokens, segments, training)
    width = hidden.shape[2]
    passages = tf.reshape(hidden[:, 0], [-1, count, width])
    kinds = one_hot_relations(relations)
    for layer in self._fusion:
      passages = layer(passages, kinds)
    added = tf.reshape(self._adding(passages), [-1, 1, width])
    scores = self.spans.scorer(hidden + added)
    widths = scores.shape[2]
    scores = tf.reshape(scores, [-1, count, length, widths])
    scores += self._selecting(passages)[..., None]
    mask = span_reader.span_mask(segment_ids, widths)
    return tf.where(mask, scores, orqa.MASKED)


def one_hot_relations(relations: tf.Tensor) -> tf.Tensor:
  """Returns the bits of <uint8>[...], <float32>[..., relations]."""
  bits = tf.constant(passage_graphs.RELATIONS, tf.uint8)
  held = tf.bitwise.bitwise_and(relations[..., None], bits)
  return tf.cast(held > 0, tf.float32)
