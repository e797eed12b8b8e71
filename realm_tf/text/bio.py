"""Decodes labels in BIO into spans, in the graph."""

from typing import NamedTuple

import tensorflow as tf


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


def decode(probs: tf.Tensor, rows: tf.Tensor) -> WordSpans:
  """Decodes the likeliest label of each word.

  A span begins at B-, and at I- after another type or after none, as in
  CoNLL's own evaluation.

  Args:
    probs: <float32>[words, labels]. Of O, then B- and I- of each type.
    rows: <int64>[words]. Which sentence each word is of, in order: no span
      reaches over a sentence's end.
  """
  labels = tf.argmax(probs, axis=-1, output_type=tf.int32)
  kinds = (labels + 1) // 2  # 0 is outside
  count = tf.size(labels, tf.int64)
  is_same = (kinds[1:] == kinds[:-1]) & (rows[1:] == rows[:-1])
  is_same = tf.concat([tf.zeros([tf.minimum(count, 1)], tf.bool), is_same], 0)
  inside = kinds > 0
  begins = inside & (~is_same | (labels % 2 == 1))
  starts = tf.where(begins)[:, 0]
  words = tf.where(inside)[:, 0]
  spans = tf.gather(tf.cumsum(tf.cast(begins, tf.int64)) - 1, words)
  by_type = tf.reduce_sum(
    tf.reshape(probs[:, 1:], [count, probs.shape[-1] // 2, 2]), axis=-1
  )  # [words, types]
  own = tf.gather(by_type, words)
  kinds = tf.gather(kinds, words) - 1
  scores = tf.gather(own, kinds, axis=1, batch_dims=1)
  return WordSpans(
    starts=starts,
    limits=tf.math.segment_max(words + 1, spans),
    types=tf.math.segment_max(kinds, spans),
    scores=tf.math.segment_mean(scores, spans),
  )
