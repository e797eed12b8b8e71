"""Passages that a step embeds for its questions, with their labels.

Of each question: the passages that are read, one that holds an answer, and some
that hold none. All passages of a batch may serve as each question's negatives.
"""

from typing import NamedTuple

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.data.examples import order
from realm_tf.data.questions import token_answers

_DRAW = 20  # purpose of the random draws


class LivePassages(NamedTuple):
  """What a step embeds; B questions of the global batch, P passages each.

  Attributes:
    rows: <int32>[B, P]. Rows of the corpus; the null passage's for none.
    mask: <bool>[B, P]. Whether there is a passage.
    positives: <bool>[B, C]. Of the candidates, a question's own that hold an
      answer.
    candidates: <bool>[B, C]. What a question's softmax is over: C = P passages
      of its own, or C = B * P of all questions.
  """

  rows: tf.Tensor
  mask: tf.Tensor
  positives: tf.Tensor
  candidates: tf.Tensor


class LiveChoice:
  """Chooses the passages of a step; pure TensorFlow, on the host."""

  def __init__(
    self,
    config: schema.OrqaConfig,
    answers: token_answers.Answers,
    null_row: int,
  ):
    """Takes the parts.

    Args:
      config: How many passages of each kind.
      answers: Of the questions.
      null_row: The row that stands for no passage.
    """
    self._config = config
    self._answers = answers
    self._null_row = null_row

  def __call__(
    self,
    questions: tf.Tensor,
    beam: tf.Tensor,
    bm25: tf.Tensor | None,
    step: tf.Tensor,
  ) -> LivePassages:
    """Chooses passages, in this order, and labels them.

    1. The first `reader_beam` of the beam, if a reader is trained.
    2. The best other passage of the beam that holds an answer; if none of the
       beam does, BM25's best.
    3. The best others of the beam that hold none.
    4. Some of BM25's that hold none and are not chosen yet, drawn by the step.

    Args:
      questions: <int64>[B], as `answers` numbers them.
      beam: <int32>[B, K]. Rows, best first; the null passage's for none.
      bm25: <int32>[B, M]. Rows of BM25's best, in the same way. None if
        `bm25_negatives` is 0.
      step: <int64>[]. The step.
    """
    config = self._config
    read = config.reader_beam if config.train_reader else 0
    held = self._answers.held(questions, beam)  # [B, K]
    rest = (beam < self._null_row) & (tf.range(beam.shape[1]) >= read)
    positive = self._first(beam, rest & held, 1)
    chosen = [
      beam[:, :read],
      positive,
      self._first(beam, rest & ~held, config.beam_negatives),
    ]
    if bm25 is not None:
      bm25_held = self._answers.held(questions, bm25)  # [B, M]
      is_passage = bm25 < self._null_row
      missing = ~tf.reduce_any(held, axis=1, keepdims=True)
      best = self._first(bm25, is_passage & bm25_held & missing, 1)
      chosen[1] = tf.minimum(positive, best)  # one of them is null, or both
      known = tf.concat(chosen, axis=1)
      new = ~tf.reduce_any(bm25[:, :, None] == known[:, None], axis=2)
      chosen.append(self._draw(bm25, is_passage & ~bm25_held & new, step))
    rows = tf.concat(chosen, axis=1)  # [B, P]
    return self._label(questions, rows)

  def _first(self, rows: tf.Tensor, wanted: tf.Tensor, count: int) -> tf.Tensor:
    """Returns the first rows that are wanted, null rows behind them.

    Args:
      rows: <int32>[B, K].
      wanted: <bool>[B, K].
      count: How many.

    Returns:
      <int32>[B, count].
    """
    size = rows.shape[1]
    rank = tf.where(wanted, tf.range(size), size)  # [B, K]
    rank = tf.pad(rank, [[0, 0], [0, count]], constant_values=size)
    best = -tf.math.top_k(-rank, k=count).values  # ascending
    found = tf.gather(rows, tf.minimum(best, size - 1), batch_dims=1)
    return tf.where(best < size, found, self._null_row)

  def _draw(
    self, rows: tf.Tensor, wanted: tf.Tensor, step: tf.Tensor
  ) -> tf.Tensor:
    """Draws `bm25_negatives` of the rows that are wanted, each once.

    Args:
      rows: <int32>[B, M].
      wanted: <bool>[B, M].
      step: <int64>[].

    Returns:
      <int32>[B, bm25_negatives], null rows behind them.
    """
    seed = order.step_seed(self._config.seed, step, _DRAW)
    noise = tf.random.stateless_uniform(rows.shape, seed)
    drawn = tf.argsort(tf.where(wanted, noise, 2.0), axis=1)
    shuffled = tf.gather(rows, drawn, batch_dims=1)
    still_wanted = tf.gather(wanted, drawn, batch_dims=1)
    return self._first(shuffled, still_wanted, self._config.bm25_negatives)

  def _label(self, questions: tf.Tensor, rows: tf.Tensor) -> LivePassages:
    """Labels the chosen passages.

    A passage of another question that holds an answer to this one is no
    candidate, nor is one that is there already.

    Args:
      questions: <int64>[B].
      rows: <int32>[B, P].
    """
    batch, count = rows.shape
    mask = rows < self._null_row
    if not self._config.in_batch_negatives:
      return LivePassages(
        rows, mask, mask & self._answers.held(questions, rows), mask
      )
    flat = tf.reshape(rows, [-1])  # [B * P]
    all_rows = tf.tile(flat[None], [batch, 1])  # [B, B * P]
    held = self._answers.held(questions, all_rows)
    place = tf.range(batch * count)
    own = place[None] // count == tf.range(batch)[:, None]  # [B, B * P]
    same = flat[:, None] == flat[None]  # [B * P, B * P]
    came_before = tf.reduce_any(same & (place[None] < place[:, None]), axis=1)
    is_own_too = tf.reduce_any(
      all_rows[:, :, None] == rows[:, None], axis=2
    )  # [B, B * P]
    others = ~(own | held | is_own_too | came_before[None])
    is_passage = flat[None] < self._null_row
    return LivePassages(
      rows, mask, own & held & is_passage, (own | others) & is_passage
    )
