"""Answers that are regular expressions, matched on the passages' texts."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.data.corpus import passage_texts
from realm_tf.data.questions import answer_pattern
from realm_tf.text import wordpiece


class RegexAnswers:
  """Patterns, matched once in each retrieved passage.

  A passage holds an answer if a pattern matches anywhere in its body.
  The reader is trained on fewer: on wordpieces whose text in the body begins
  with a match, as only those are scored as right. A pattern that matches only
  inside a word is thus no answer to train on.

  Attributes:
    shortest: See `token_answers.Answers`; 1, as a pattern may match a word.
  """

  def __init__(
    self,
    patterns: Sequence[Sequence[answer_pattern.AnswerPattern]],
    texts: passage_texts.PassageTexts,
    num_passages: int,
    tokenizer: wordpiece.Tokenizer,
  ):
    """Takes the patterns; nothing is matched yet.

    Args:
      patterns: Those of each question.
      texts: Of the corpus.
      num_passages: Of the corpus.
      tokenizer: Of the corpus.
    """
    self.shortest = np.ones(len(patterns), np.int64)
    self._patterns = patterns
    self._texts = texts
    self._num_passages = num_passages
    self._tokenizer = tokenizer
    # Of each question: the rows looked at, ascending, and their matches.
    self._seen = [np.empty(0, np.int32) for _ in patterns]
    self._held = [np.empty(0, bool) for _ in patterns]
    self._spans: dict[tuple[int, int], list[tuple[int, int]]] = {}

  @property
  def nbytes(self) -> int:
    """Bytes of memory that the matches so far take."""
    return sum(part.nbytes for part in (*self._seen, *self._held))

  def held(self, questions: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """See `token_answers.Answers`."""
    found = tf.numpy_function(
      self._held_by_text, [questions, rows], tf.bool, stateful=True
    )
    return tf.ensure_shape(found, rows.shape)

  def occurrences(self, questions: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """See `token_answers.Answers`."""
    found = tf.numpy_function(
      self._occurrences_in_text, [questions, rows], tf.int32, stateful=True
    )
    return tf.ensure_shape(found, [None, 4])

  def _held_by_text(
    self, questions: np.ndarray, rows: np.ndarray
  ) -> np.ndarray:
    return np.stack(
      [
        self._held_of(question, wanted)
        for question, wanted in zip(questions.tolist(), rows, strict=True)
      ]
    )

  def _held_of(self, question: int, rows: np.ndarray) -> np.ndarray:
    """Returns which rows hold an answer of one question."""
    new = np.setdiff1d(rows, self._seen[question])
    if len(new):
      held = np.array([self._search(question, int(row)) for row in new], bool)
      seen = np.concatenate([self._seen[question], new])
      order = np.argsort(seen)
      self._seen[question] = seen[order].astype(np.int32)
      self._held[question] = np.append(self._held[question], held)[order]
    places = np.searchsorted(self._seen[question], rows)
    return self._held[question][places]

  def _search(self, question: int, row: int) -> bool:
    if row >= self._num_passages or not self._patterns[question]:
      return False
    body = self._texts.body(row).decode()
    return any(pattern.found_in(body) for pattern in self._patterns[question])

  def _occurrences_in_text(
    self, questions: np.ndarray, rows: np.ndarray
  ) -> np.ndarray:
    found = [
      (place, passage, start, limit)
      for place, question in enumerate(questions.tolist())
      for passage, row in enumerate(rows[place].tolist())
      for start, limit in self._spans_of(question, row)
    ]
    return np.array(found, np.int32).reshape([-1, 4])

  def _spans_of(self, question: int, row: int) -> list[tuple[int, int]]:
    """Returns the wordpieces [start, limit) of one body that are answers."""
    if (question, row) not in self._spans:
      spans: list[tuple[int, int]] = []
      if self._held_of(question, np.array([row], np.int32))[0]:
        spans = find_spans(
          self._patterns[question], self._texts.body(row), self._tokenizer
        )
      self._spans[question, row] = spans
    return self._spans[question, row]


def find_spans(
  patterns: Sequence[answer_pattern.AnswerPattern],
  body: bytes,
  tokenizer: wordpiece.Tokenizer,
) -> list[tuple[int, int]]:
  """Returns the wordpieces of a text that patterns match.

  A match is widened to whole words, and kept if a pattern still matches the
  text of these from its beginning.

  Args:
    patterns: Any of them will do.
    body: The text, UTF-8.
    tokenizer: Makes the wordpieces.

  Returns:
    Wordpieces [start, limit) of each match, ascending, each once.
  """
  text = body.decode()
  matches = [
    (len(text[:start].encode()), len(text[:limit].encode()))
    for pattern in patterns
    for start, limit in pattern.spans(text)
    if limit > start
  ]
  if not matches:
    return []
  ids, starts, limits = (
    part[0].numpy() for part in tokenizer.tokenize_with_offsets([body])
  )
  starts_word = tokenizer.starts_word()
  first_of_word = [starts_word[token] for token in ids]
  found = set()
  for match_start, match_limit in matches:
    start = int(np.searchsorted(limits, match_start, side="right"))
    limit = int(np.searchsorted(starts, match_limit, side="left"))
    while 0 < start < len(ids) and not first_of_word[start]:
      start -= 1
    while limit < len(ids) and not first_of_word[limit]:
      limit += 1
    if start >= limit:
      continue  # The match holds nothing but white space.
    words = body[starts[start] : limits[limit - 1]].decode()
    if any(pattern.matches(words) for pattern in patterns):
      found.add((start, limit))
  return sorted(found)
