"""DrQA's document reader: two stacks of LSTMs and a bilinear span scorer.

Chen et al. (2017), section 3.2. Its words are wordpieces; of its features of a
passage's words it has those that need no tagger: exact match, frequency and the
question aligned to the word.
"""

from typing import NamedTuple

import tensorflow as tf

_NONE = -1e30


class Batch(NamedTuple):
  """Questions, each with one passage.

  Attributes:
    question_ids: <int32>[batch, Q]. Wordpieces, padded with 0.
    passage_ids: <int32>[batch, P]. Of title and body, padded with 0.
    starts: <bool>[batch, P]. Where an answer may begin.
    ends: <bool>[batch, P]. What may be its last wordpiece.
  """

  question_ids: tf.Tensor
  passage_ids: tf.Tensor
  starts: tf.Tensor
  ends: tf.Tensor


class Spans(NamedTuple):
  """The best span of each passage.

  Attributes:
    scores: <float32>[batch]. Sums of both ends' logits, comparable between
      passages of one question; very low where no span is allowed.
    starts: <int32>[batch]. First wordpiece.
    limits: <int32>[batch]. The wordpiece after the last.
  """

  scores: tf.Tensor
  starts: tf.Tensor
  limits: tf.Tensor


class DocumentReader(tf.keras.Model):
  """Scores where an answer begins and ends."""

  def __init__(
    self,
    vocab_size: int,
    *,
    embedding_size: int,
    hidden_size: int,
    num_layers: int,
    dropout: float,
  ):
    """Makes the layers.

    Args:
      vocab_size: Wordpieces.
      embedding_size: Width of their embeddings.
      hidden_size: Of an LSTM in one direction.
      num_layers: LSTMs in a stack; all their outputs are read.
      dropout: Rate, of the LSTMs' inputs and outputs in training.
    """
    super().__init__(name="document_reader")
    self._dropout = dropout
    width = 2 * hidden_size * num_layers
    self.embedding = tf.keras.layers.Embedding(vocab_size, embedding_size)
    self._aligning = tf.keras.layers.Dense(embedding_size, "relu")
    self._of_passage, self._of_question = (
      [
        tf.keras.layers.Bidirectional(
          tf.keras.layers.LSTM(hidden_size, return_sequences=True)
        )
        for _ in range(num_layers)
      ]
      for _ in range(2)
    )
    self._weighting = tf.keras.layers.Dense(1, use_bias=False)
    self._start = tf.keras.layers.Dense(width, use_bias=False)
    self._end = tf.keras.layers.Dense(width, use_bias=False)

  def call(
    self, batch: Batch, seed: tf.Tensor | None = None
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the logits of both ends.

    Args:
      batch: Questions and passages.
      seed: <int32>[2]. Of dropout, in training.

    Returns:
      Of first and last wordpiece <float32>[batch, P]; very low where an answer
      may not begin or end.
    """
    asked, read = batch.question_ids > 0, batch.passage_ids > 0
    drop = _Dropout(self._dropout, seed)
    question = drop(self.embedding(batch.question_ids))
    words = drop(self.embedding(batch.passage_ids))
    aligned = align(
      self._aligning(words), self._aligning(question), question, asked
    )
    features = word_features(batch.passage_ids, batch.question_ids)
    passage = tf.concat([words, aligned, features], axis=-1)
    passage = _run(self._of_passage, passage, read, drop)
    question = _run(self._of_question, question, asked, drop)
    weights = _masked(self._weighting(question)[:, :, 0], asked)
    summary = tf.einsum("bq,bqd->bd", tf.nn.softmax(weights), question)
    starts = tf.einsum("bpd,bd->bp", passage, self._start(summary))
    ends = tf.einsum("bpd,bd->bp", passage, self._end(summary))
    return _masked(starts, batch.starts), _masked(ends, batch.ends)


def align(
  words: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, asked: tf.Tensor
) -> tf.Tensor:
  """Returns the question as each word of the passage attends to it.

  Args:
    words: <float32>[batch, P, D]. Of the passage.
    keys: <float32>[batch, Q, D]. Of the question.
    values: <float32>[batch, Q, E]. What is averaged.
    asked: <bool>[batch, Q]. Which are no padding.

  Returns:
    <float32>[batch, P, E].
  """
  scores = tf.einsum("bpd,bqd->bpq", words, keys)
  weights = tf.nn.softmax(_masked(scores, asked[:, None, :]))
  return tf.einsum("bpq,bqe->bpe", weights, values)


def word_features(passage: tf.Tensor, question: tf.Tensor) -> tf.Tensor:
  """Returns whether the question has a word, and its share of the passage.

  Args:
    passage: <int32>[batch, P], padded with 0.
    question: <int32>[batch, Q], padded with 0.

  Returns:
    <float32>[batch, P, 2]; 0 for padding.
  """
  is_word = tf.cast(passage > 0, tf.float32)
  matches = tf.reduce_any(passage[:, :, None] == question[:, None, :], axis=2)
  same = tf.cast(passage[:, :, None] == passage[:, None, :], tf.float32)
  length = tf.reduce_sum(is_word, axis=1, keepdims=True)
  share = tf.reduce_sum(same, axis=2) / tf.maximum(length, 1.0)
  both = tf.stack([tf.cast(matches, tf.float32), share], axis=2)
  return both * is_word[:, :, None]


def span_loss(
  starts: tf.Tensor, ends: tf.Tensor, first: tf.Tensor, last: tf.Tensor
) -> tf.Tensor:
  """Returns -log p(first) - log p(last) of each example, <float32>[batch].

  Args:
    starts: <float32>[batch, P]. Logits.
    ends: <float32>[batch, P]. Logits.
    first: <int32>[batch]. First wordpiece of the answer.
    last: <int32>[batch]. Its last.
  """
  both = ((starts, first), (ends, last))
  losses = [
    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=place, logits=logits)
    for logits, place in both
  ]
  return losses[0] + losses[1]


def best_spans(starts: tf.Tensor, ends: tf.Tensor, longest: int) -> Spans:
  """Returns the span of the largest sum in each passage.

  Args:
    starts: <float32>[batch, P]. Logits.
    ends: <float32>[batch, P]. Logits.
    longest: Most wordpieces of a span.
  """
  length = starts.shape[1]
  longest = min(longest, length)
  padded = tf.pad(ends, [[0, 0], [0, longest - 1]], constant_values=_NONE)
  sums = tf.stack(
    [starts + padded[:, more : more + length] for more in range(longest)],
    axis=2,
  )  # [batch, P, longest]
  flat = tf.reshape(sums, [-1, length * longest])
  best = tf.argmax(flat, axis=1, output_type=tf.int32)
  first = best // longest
  return Spans(tf.reduce_max(flat, axis=1), first, first + best % longest + 1)


def is_span(scores: tf.Tensor) -> tf.Tensor:
  """Returns whether scores of `best_spans` are of spans that are allowed."""
  return scores > _NONE / 2


class _Dropout:
  """Drops values by a seed, other ones at each use."""

  def __init__(self, rate: float, seed: tf.Tensor | None):
    self._rate = rate
    self._seed = seed
    self._uses = 0

  def __call__(self, values: tf.Tensor) -> tf.Tensor:
    if self._seed is None or not self._rate:
      return values
    self._uses += 1
    return tf.nn.experimental.stateless_dropout(
      values, self._rate, self._seed + [0, self._uses]
    )


def _run(
  layers: list[tf.keras.layers.Layer],
  values: tf.Tensor,
  mask: tf.Tensor,
  drop: _Dropout,
) -> tf.Tensor:
  """Returns the outputs of all LSTMs of a stack, side by side."""
  outputs = []
  for layer in layers:
    values = drop(layer(values, mask=mask))
    outputs.append(values)
  return tf.concat(outputs, axis=-1)


def _masked(logits: tf.Tensor, allowed: tf.Tensor) -> tf.Tensor:
  return tf.where(allowed, logits, _NONE)
