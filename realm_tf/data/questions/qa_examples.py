"""Questions by step, and the model's inputs from their retrieved passages.

What is retrieved depends on the weights of the very step, so that an example
is made in two: questions come from a pipeline; the passages are joined to them
once they have been embedded and searched for.
"""

from collections.abc import Sequence

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.data.examples import order
from realm_tf.data.examples import packing
from realm_tf.data.questions import token_answers
from realm_tf.text import wordpiece

Features = dict[str, tf.Tensor]


class QuestionBatches:
  """Turns a step's number into its questions; pure TensorFlow.

  Attributes:
    num_questions: How many there are; each comes once an epoch.
  """

  def __init__(
    self,
    texts: Sequence[str],
    config: schema.OrqaConfig,
    tokenizer: wordpiece.Tokenizer,
    *,
    shuffle: bool,
    first_number: int = 0,
  ):
    """Tokenizes the questions.

    Args:
      texts: The questions, one at least.
      config: Batch size, length and seed.
      tokenizer: Of the corpus.
      shuffle: Whether each epoch has an order of its own. If not, steps
        beyond the last question are padded with weight 0.
      first_number: Of the first question, where several sets are numbered
        through.
    """
    self._config = config
    self._shuffle = shuffle
    self._first_number = first_number
    self.num_questions = len(texts)
    packed = packing.pack_queries(
      tokenizer.tokenize(tf.constant(list(texts))),
      config.query_length,
      tokenizer,
    )
    with tf.device("/cpu:0"):
      self._token_ids = tf.identity(packed)

  @property
  def num_batches(self) -> int:
    """Steps that an epoch takes."""
    return -(-self.num_questions // self._config.batch_size)

  def __call__(self, step: tf.Tensor) -> Features:
    """Returns the questions of a step.

    Args:
      step: <int64>[].

    Returns:
      `questions` <int64>[batch], their numbers; `query_token_ids`
      <int32>[batch, query_length]; `weights` <float32>[batch], 0 for padding.
    """
    size = self._config.batch_size
    if self._shuffle:
      questions = order.shuffled_examples(
        step, size, self.num_questions, self._config.seed
      )
      weights = tf.ones([size])
    else:
      places = step * size + tf.range(size, dtype=tf.int64)
      weights = tf.cast(places < self.num_questions, tf.float32)
      questions = tf.minimum(places, self.num_questions - 1)
    return {
      "questions": questions + self._first_number,
      "query_token_ids": tf.gather(self._token_ids, questions),
      "weights": weights,
    }


class BeamFeatures:
  """Joins questions to their retrieved passages; on the host only.

  Attributes:
    null_row: The row that stands for no passage.
  """

  def __init__(
    self,
    config: schema.OrqaConfig,
    passages: packing.PackedPassages,
    embeddings: tf.Tensor | tf.Variable | None,
  ):
    """Takes the corpus.

    Args:
      config: Lengths and beams.
      passages: The corpus.
      embeddings: <floating>[passages, D]. Of the index; None if `scoring` is
        not asked for.
    """
    self._config = config
    self._passages = passages
    self._embeddings = embeddings
    self.null_row = passages.null_row

  def rows(self, found: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Returns rows, with the null passage's where nothing was retrieved.

    Args:
      found: <int32>[batch, K].
      valid: <bool>[batch, K].
    """
    return tf.where(valid, found, self.null_row)

  def scoring(self, rows: tf.Tensor) -> Features:
    """Returns the inputs of the retriever.

    Args:
      rows: <int32>[batch, K], best first; the null passage's row for none.

    Returns:
      `beam_rows`, and the `beam_mask` and `beam_embeddings` of `OrqaModel`.
    """
    is_passage = rows < self.null_row
    embeddings = tf.gather(self._embeddings, tf.where(is_passage, rows, 0))
    return {
      "beam_rows": rows,
      "beam_mask": is_passage,
      "beam_embeddings": tf.cast(embeddings, tf.float32),
    }

  def with_answering(self, rows: tf.Tensor, answering: tf.Tensor) -> tf.Tensor:
    """Has a passage with an answer read, if one was retrieved.

    Args:
      rows: <int32>[batch, K], best first.
      answering: <bool>[batch, K]. Whether a passage holds an answer.

    Returns:
      <int32>[batch, K]. Where none of the first `reader_beam` holds an answer,
      the best that does and the last of them have changed places.
    """
    last = min(self._config.reader_beam, rows.shape[1]) - 1
    # [batch, 1]; 0 where no passage answers.
    best = tf.argmax(tf.cast(answering, tf.int32), 1, tf.int32)[:, None]
    best = tf.maximum(best, last)
    read = tf.reduce_any(answering[:, : last + 1], axis=1, keepdims=True)
    best = tf.where(read, last, best)
    places = tf.range(rows.shape[1])[None, :]
    swapped = tf.where(places == best, last, places)
    swapped = tf.where(places == last, best, swapped)  # [batch, K]
    return tf.gather(rows, swapped, batch_dims=1)

  def joint(self, query_token_ids: tf.Tensor, rows: tf.Tensor) -> Features:
    """Returns the inputs of the reader.

    Args:
      query_token_ids: <int32>[batch, query_length].
      rows: <int32>[batch, K], best first, of which the first `reader_beam` are
        read; the null passage's row for none.

    Returns:
      The `joint_token_ids` and `joint_segment_ids` of `OrqaModel`.
    """
    beam = min(self._config.reader_beam, rows.shape[1])
    token_ids, segment_ids = self._passages.joined(
      query_token_ids, rows[:, :beam], self._config.reader_length
    )
    return {"joint_token_ids": token_ids, "joint_segment_ids": segment_ids}

  def reading(self, query_token_ids: tf.Tensor, rows: tf.Tensor) -> Features:
    """Returns the inputs of the retriever and the reader.

    Args:
      query_token_ids: <int32>[batch, query_length].
      rows: <int32>[batch, K], best first; the null passage's row for none.

    Returns:
      The features of `OrqaModel`.
    """
    return {
      "query_token_ids": query_token_ids,
      **self.scoring(rows),
      **self.joint(query_token_ids, rows),
    }

  def labels(
    self,
    answers: token_answers.Answers,
    questions: tf.Tensor,
    features: Features,
  ) -> Features:
    """Returns the labels of the inputs that `reading` gave.

    Args:
      answers: Their occurrences.
      questions: <int64>[batch], as `answers` numbers them.
      features: From `reading`.

    Returns:
      `answering_passages` <bool>[batch, K] and `answer_spans` <bool>[batch,
      reader_beam, reader_length, max_span_length].
    """
    rows = features["beam_rows"]
    return {
      "answering_passages": answers.held(questions, rows),
      "answer_spans": self.spans(answers, questions, rows, features),
    }

  def spans(
    self,
    answers: token_answers.Answers,
    questions: tf.Tensor,
    rows: tf.Tensor,
    features: Features,
  ) -> tf.Tensor:
    """Returns which spans of what is read are answers.

    Args:
      answers: Their occurrences.
      questions: <int64>[batch], as `answers` numbers them.
      rows: <int32>[batch, K], as for `joint`.
      features: From `joint`, with `query_token_ids`.

    Returns:
      <bool>[batch, reader_beam, reader_length, max_span_length].
    """
    segments = features["joint_segment_ids"]
    found = answers.occurrences(questions, rows[:, : segments.shape[1]])
    query_lengths = tf.math.count_nonzero(
      features["query_token_ids"], axis=1, dtype=tf.int32
    )
    return mark_spans(
      found, query_lengths, segments, self._config.max_span_length
    )


def mark_spans(
  found: tf.Tensor,
  query_lengths: tf.Tensor,
  segment_ids: tf.Tensor,
  max_length: int,
) -> tf.Tensor:
  """Marks the spans that are answers.

  Args:
    found: <int32>[n, 4]; see `token_answers.Answers.occurrences`.
    query_lengths: <int32>[batch]. Wordpieces before the body.
    segment_ids: <int32>[batch, beam, L]. 1 for the body and its [SEP].
    max_length: Wordpieces of the longest span.

  Returns:
    <bool>[batch, beam, L, max_length]. Occurrences that are too long, or that
    were cut off with the body's end, are left out.
  """
  place, passage, start, limit = tf.unstack(found, axis=1)
  before = tf.gather(query_lengths, place)
  first, after = before + start, before + limit  # positions in the input
  length = segment_ids.shape[2]
  # What follows an answer is its passage's rest, [SEP] at least.
  inside = (limit - start <= max_length) & (after < length)
  following = tf.stack([place, passage, tf.minimum(after, length - 1)], axis=1)
  inside &= tf.gather_nd(segment_ids, following) == 1
  marked = tf.boolean_mask(
    tf.stack([place, passage, first, limit - start - 1], axis=1), inside
  )
  shape = [*segment_ids.shape, max_length]
  counts = tf.scatter_nd(marked, tf.ones_like(marked[:, 0]), shape)
  return counts > 0
