"""Decodes labels in BIO into spans, in the graph."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text


class WordSpans(NamedTuple):
  """Spans of words, in order; [spans] each.

  Attributes:
    starts: <int64>. First word.
    limits: <int64>. The word after the last.
    types: <int32>. Number of the type, from 0.
    scores: <float32>. Mean over the words of the type's probability.
  """

  starts: tf.Tensor
  limits: tf.Tensor
  types: tf.Tensor
  scores: tf.Tensor


def likeliest_labels(probs: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
  """Returns the likeliest sequence of labels that follows BIO (Viterbi).

  Each word's likeliest label by itself would cut names into pieces where the
  type changes on the way: "South" an ORG, "Western Railway" a LOC.

  Args:
    probs: <float32>[words, labels]. Of O, then B- and I- of each type.
    rows: <int64>[words]. Which sentence each word is of, in order.

  Returns:
    <int32>[words]. An I- stands only after a B- or I- of its type.
  """
  scores = tf.math.log(tf.maximum(probs, np.finfo(np.float32).tiny))
  return tf_text.viterbi_constrained_sequence(
    tf.RaggedTensor.from_value_rowids(scores, rows),
    allowed_transitions=_transitions(probs.shape[-1]),
    use_log_space=True,
  ).flat_values


def decode(probs: tf.Tensor, rows: tf.Tensor) -> WordSpans:
  """Decodes the likeliest labels into spans.

  Args:
    probs: <float32>[words, labels]. Of O, then B- and I- of each type.
    rows: <int64>[words]. Which sentence each word is of, in order: no span
      reaches over a sentence's end.
  """
  labels = likeliest_labels(probs, rows)
  starts = tf.where(labels % 2 == 1)[:, 0]
  types = (tf.gather(labels, starts) - 1) // 2
  words = tf.where(labels > 0)[:, 0]
  spans = tf.searchsorted(starts, words, side="right") - 1  # [words]
  by_type = tf.reduce_sum(
    tf.reshape(tf.gather(probs, words)[:, 1:], [-1, probs.shape[-1] // 2, 2]),
    axis=-1,
  )  # [words, types]
  scores = tf.gather(by_type, tf.gather(types, spans), axis=1, batch_dims=1)
  return WordSpans(
    starts=starts,
    limits=tf.math.segment_max(words + 1, spans),
    types=types,
    scores=tf.math.segment_mean(scores, spans),
  )


def _transitions(num_labels: int) -> np.ndarray:
  """Returns which label may follow which; <bool>[labels + 1, labels + 1].

  The last row is the begin of a sentence, the last column its end.
  """
  allowed = np.ones([num_labels + 1, num_labels + 1], bool)
  inside = np.arange(2, num_labels, 2)
  allowed[:, inside] = False
  allowed[inside, inside] = allowed[inside - 1, inside] = True
  return allowed
