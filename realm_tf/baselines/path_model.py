"""PathRetriever's models: a recurrent retriever, and a reader of paths.

Asai et al. (2020), sections 3.1 and 3.2.
"""

import tensorflow as tf
from official.nlp.modeling.networks import bert_encoder

from realm_tf.baselines import encoders_of_run
from realm_tf.models import encoders
from realm_tf.models import orqa
from realm_tf.models import span_reader


class SequenceRetriever(tf.keras.Model):
  """P(passage|passages before): sigmoid(w . h + b).

  w is the [CLS] of question and passage, read together; h the state of a
  recurrent network of the passages before, which is kept at one length. To stop
  is a passage with a w of its own, [EOE].

  Attributes:
    encoder: BERT.
    first: <float32>[width]. The state before the first passage.
  """

  def __init__(self, encoder: bert_encoder.BertEncoderV2, width: int):
    """Makes the layers.

    Args:
      encoder: BERT, built, with the first position's output.
      width: Of the encoder.
    """
    super().__init__(name="sequence_retriever")
    self.encoder = encoder
    self.first, self._stop = (
      self.add_weight(
        name=name,
        shape=[width],
        initializer=tf.keras.initializers.RandomNormal(stddev=width**-0.5),
      )
      for name in ("first", "stop")
    )
    self._length, self._bias = (
      self.add_weight(name=name, shape=[], initializer=initial)
      for name, initial in (("length", "ones"), ("bias", "zeros"))
    )
    self._transition = tf.keras.layers.Dense(width, name="transition")
    self._transition.build([None, 2 * width])

  def call(
    self, token_ids: tf.Tensor, segment_ids: tf.Tensor, training: bool = False
  ) -> tf.Tensor:
    """Returns w of questions with passages, <float32>[n, width].

    Args:
      token_ids: <int32>[n, L].
      segment_ids: <int32>[n, L].
      training: Whether dropout is active.
    """
    outputs = encoders.encode(
      self.encoder, token_ids, segment_ids, training=training
    )
    return tf.cast(outputs["sequence_output"][:, 0], tf.float32)

  def logits(self, states: tf.Tensor, passages: tf.Tensor) -> tf.Tensor:
    """Returns the logits of each candidate, and of [EOE] at the end.

    Args:
      states: <float32>[n, width].
      passages: <float32>[n, C, width]. From `call`.

    Returns:
      <float32>[n, C + 1].
    """
    of_passages = tf.einsum("nd,ncd->nc", states, passages)
    of_stop = tf.linalg.matvec(states, self._stop)[:, None]
    return tf.concat([of_passages, of_stop], axis=1) + self._bias

  def advance(self, states: tf.Tensor, passages: tf.Tensor) -> tf.Tensor:
    """Returns the states after another passage, <float32>[n, width].

    Args:
      states: <float32>[n, width].
      passages: <float32>[n, width]. From `call`.
    """
    after = self._transition(tf.concat([states, passages], axis=1))
    return self._length * tf.math.l2_normalize(after, axis=1)

  def path_logits(self, passages: tf.Tensor, paths: tf.Tensor) -> tf.Tensor:
    """Returns the logits of all steps of given paths.

    Args:
      passages: <float32>[batch, C, width]. From `call`.
      paths: <int32>[batch, T]. Places among them; -1 after the last.

    Returns:
      <float32>[batch, T + 1, C + 1]; those beyond [EOE] mean nothing.
    """
    batch = tf.shape(passages)[0]
    states = tf.tile(self.first[None], [batch, 1])
    steps = [self.logits(states, passages)]
    for place in tf.unstack(tf.maximum(paths, 0), axis=1):
      chosen = tf.gather(passages, place, batch_dims=1)
      states = self.advance(states, chosen)
      steps.append(self.logits(states, passages))
    return tf.stack(steps, axis=1)


class PathReader(tf.keras.Model):
  """Ranks paths, and scores the spans of their passages.

  Passages are read one by one, each with the question: together they have no
  room in an encoder. P(path|question) is a sigmoid of their mean [CLS].

  Attributes:
    spans: The span reader.
  """

  def __init__(self, reader: span_reader.SpanReader, width: int):
    """Makes the layers.

    Args:
      reader: The span reader, built.
      width: Of its encoder.
    """
    super().__init__(name="path_reader")
    self.spans = reader
    self._ranking = tf.keras.layers.Dense(1, name="ranking")
    self._ranking.build([None, width])

  def call(
    self, token_ids: tf.Tensor, segment_ids: tf.Tensor, training: bool = False
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Reads questions with passages.

    Args:
      token_ids: <int32>[n, L].
      segment_ids: <int32>[n, L].
      training: Whether dropout is active.

    Returns:
      [CLS] <float32>[n, width], and scores of spans <float32>[n, L, W], very
      low for what is none.
    """
    hidden = encoders_of_run.read(self.spans, token_ids, segment_ids, training)
    scores = self.spans.scorer(hidden)
    mask = span_reader.span_mask(segment_ids, scores.shape[2])
    return hidden[:, 0], tf.where(mask, scores, orqa.MASKED)

  def rank(self, passages: tf.Tensor, paths: tf.Tensor) -> tf.Tensor:
    """Returns the logits of P(path|question).

    Args:
      passages: <float32>[batch, C, width]. From `call`.
      paths: <int32>[batch, E, T]. Places among them; -1 after the last.

    Returns:
      <float32>[batch, E].
    """
    weights = tf.cast(paths >= 0, tf.float32)[..., None]
    members = tf.gather(passages, tf.maximum(paths, 0), batch_dims=1)
    means = tf.math.divide_no_nan(
      tf.reduce_sum(weights * members, axis=2), tf.reduce_sum(weights, axis=2)
    )
    return self._ranking(means)[..., 0]


def path_loss(
  logits: tf.Tensor, paths: tf.Tensor, negatives: tf.Tensor
) -> tf.Tensor:
  """Returns the cross-entropy of each step of a path, summed, <float32>[batch].

  Args:
    logits: <float32>[batch, T + 1, C + 1]. From `path_logits`.
    paths: <int32>[batch, T]. The right path; -1 after its last.
    negatives: <bool>[batch, C]. What no step should take.
  """
  batch, num_steps, count = tf.unstack(tf.shape(logits))
  steps = tf.range(num_steps)
  lengths = tf.reduce_sum(tf.cast(paths >= 0, tf.int32), axis=1)[:, None]
  # [EOE] is the last candidate, and comes after the last passage.
  targets = tf.pad(paths, [[0, 0], [0, 1]], constant_values=-1)
  targets = tf.where(steps == lengths, count - 1, targets)
  labels = tf.one_hot(targets, count)  # [batch, T + 1, C + 1]
  may_stop = tf.tile((steps > 0)[None, :, None], [batch, 1, 1])
  others = tf.tile(negatives[:, None], [1, num_steps, 1])
  counted = (labels > 0) | tf.concat([others, may_stop], axis=2)
  counted &= (steps <= lengths)[:, :, None]
  losses = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
  return tf.reduce_sum(tf.where(counted, losses, 0.0), axis=[1, 2])


def rank_loss(logits: tf.Tensor, paths: tf.Tensor) -> tf.Tensor:
  """Returns the cross-entropy of the paths, summed, <float32>[batch].

  Args:
    logits: <float32>[batch, E]. From `rank`; the first path is right.
    paths: <int32>[batch, E, T]; -1 all over for none.
  """
  labels = tf.one_hot(tf.zeros_like(paths[:, 0, 0]), tf.shape(logits)[1])
  losses = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
  exists = paths[:, :, 0] >= 0
  return tf.reduce_sum(tf.where(exists, losses, 0.0), axis=1)


def of_path(values: tf.Tensor, paths: tf.Tensor, empty: float) -> tf.Tensor:
  """Returns what belongs to the passages of a path.

  Args:
    values: [batch, C, ...].
    paths: <int32>[batch, T]. Places among C; -1 for none.
    empty: What stands for none.

  Returns:
    [batch, T, ...].
  """
  found = tf.gather(values, tf.maximum(paths, 0), batch_dims=1)
  shape = [*paths.shape, *([1] * (values.shape.rank - 2))]
  exists = tf.reshape(paths >= 0, [-1, *shape[1:]])
  return tf.where(exists, found, tf.cast(empty, values.dtype))
