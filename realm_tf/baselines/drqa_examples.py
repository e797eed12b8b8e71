"""What DrQA's reader reads: distant supervision, and passages as arrays.

Chen et al. (2017), section 4.3: of the passages that are retrieved for a
question of which only the answer is known, those are learned from that hold the
answer, at the place whose neighbourhood is most like the question.
"""

from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.baselines import drqa_reader
from realm_tf.data.corpus import passage_table
from realm_tf.data.questions import token_answers
from realm_tf.text import wordpiece

_WINDOW = 20  # wordpieces on either side of an answer
_AT_ONCE = 256  # questions


class Supervision(NamedTuple):
  """Answers that are learned from, as parallel arrays.

  Attributes:
    questions: <int64>[n]. Numbers of questions.
    rows: <int32>[n]. Rows of the corpus.
    starts: <int32>[n]. First wordpiece of the answer in the passage's body.
    limits: <int32>[n]. The wordpiece after its last.
  """

  questions: np.ndarray
  rows: np.ndarray
  starts: np.ndarray
  limits: np.ndarray


class Passages:
  """The corpus as the reader takes it: title, [SEP], body.

  Attributes:
    length: Wordpieces of a passage; what is more is cut.
  """

  def __init__(
    self,
    table: passage_table.PassageTable,
    tokenizer: wordpiece.Tokenizer,
    length: int,
  ):
    """Takes the corpus.

    Args:
      table: The corpus.
      tokenizer: Of the corpus.
      length: Wordpieces of a passage.
    """
    self.length = length
    self._table = table
    self._sep = tokenizer.sep_id
    self._starts_word = np.array(tokenizer.starts_word())

  def body_place(self, row: int) -> int:
    """Returns the place of a body's first wordpiece."""
    return len(self._table.title_ids.row(row)) + 1

  def batch(
    self, questions: tf.RaggedTensor, rows: np.ndarray
  ) -> drqa_reader.Batch:
    """Returns passages with their questions.

    Args:
      questions: <int32>[batch, (wordpieces)].
      rows: <int>[batch]. Rows of the corpus; an empty passage for -1.
    """
    ids = np.zeros([len(rows), self.length], np.int32)
    starts, ends = np.zeros([2, *ids.shape], bool)
    for i, row in enumerate(rows):
      if row < 0:
        continue
      body = self._table.body_ids.row(row)
      place = self.body_place(row)
      whole = [*self._table.title_ids.row(row), self._sep, *body]
      whole = whole[: self.length]
      ids[i, : len(whole)] = whole
      begins = self._starts_word[body]
      begins_next = np.append(begins[1:], True)
      shown = max(len(whole) - place, 0)
      starts[i, place : len(whole)] = begins[:shown]
      ends[i, place : len(whole)] = begins_next[:shown]
    return drqa_reader.Batch(
      # One wordpiece at least, as attention needs one.
      questions.to_tensor(shape=[None, max(_longest(questions), 1)]),
      *map(tf.constant, (ids, starts, ends)),
    )

  def fits(self, row: int, limit: int) -> bool:
    """Whether the reader sees a body up to a wordpiece."""
    return self.body_place(row) + limit <= self.length


def supervise(
  questions: tf.RaggedTensor,
  rows: np.ndarray,
  answers: token_answers.Answers,
  table: passage_table.PassageTable,
  passages: Passages,
) -> Supervision:
  """Chooses the places that answer questions, one of each passage at most.

  Args:
    questions: <int32>[questions, (wordpieces)].
    rows: <int64>[questions, k]. Retrieved for each; -1 for none.
    answers: Of the questions.
    table: The corpus.
    passages: What the reader sees of it.
  """
  asked = questions.to_list()
  best: dict[tuple[int, int], tuple[int, int, int]] = {}
  for question, row, start, limit in _occurrences(rows, answers, len(table)):
    if not passages.fits(row, limit):
      continue
    body = table.body_ids.row(row)
    window = body[max(start - _WINDOW, 0) : limit + _WINDOW].tolist()
    found = (overlap(asked[question], window), -start, limit)
    key = question, row
    # Of equal ones the first, and of those that begin there the longest.
    best[key] = max(best.get(key, found), found)
  chosen = [
    (question, row, -place, limit)
    for (question, row), (_, place, limit) in sorted(best.items())
  ]
  columns = np.array(chosen, np.int64).reshape([-1, 4]).T
  return Supervision(columns[0], *columns[1:].astype(np.int32))


def overlap(question: Sequence[int], window: Sequence[int]) -> int:
  """Returns how many words and bigrams of the question a text has."""
  return len(_grams(question) & _grams(window))


def _grams(words: Sequence[int]) -> set[tuple[int, ...]]:
  pairs = zip(words[:-1], words[1:], strict=True)
  return {*((word,) for word in words), *pairs}


def _longest(questions: tf.RaggedTensor) -> int:
  return int(tf.reduce_max(tf.pad(questions.row_lengths(), [[0, 1]])))


def _occurrences(
  rows: np.ndarray, answers: token_answers.Answers, none: int
) -> Iterator[tuple[int, int, int, int]]:
  """Yields question, row, start and limit of each answer in its passages."""
  for first in range(0, len(rows), _AT_ONCE):
    part = rows[first : first + _AT_ONCE]
    part = np.where(part < 0, none, part).astype(np.int32)
    numbers = tf.range(first, first + len(part), dtype=tf.int64)
    found = answers.occurrences(numbers, tf.constant(part)).numpy()
    for place, passage, start, limit in found.tolist():
      yield first + place, int(part[place, passage]), start, limit
