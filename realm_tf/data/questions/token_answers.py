"""Answers looked up by wordpieces in the passages that are asked about."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import packing
from realm_tf.data.questions import phrase_trie
from realm_tf.data.questions import phrases
from realm_tf.text import wordpiece

# (answer, passage) pairs that are kept, 8 bytes each: those of the answers that
# are in the fewest passages.
MOST_PAIRS = 80_000_000


class Answers(Protocol):
  """Returns where passages answer questions, both given by number.

  Both methods are pure TensorFlow to their callers, on the host.

  Attributes:
    shortest: <int64>[questions]. Wordpieces of a question's shortest answer; 0
      where no answer has one: nothing can answer it.
  """

  shortest: np.ndarray

  def held(self, questions: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Returns which passages hold an answer in their body.

    Args:
      questions: <int64>[batch].
      rows: <int32>[batch, passages]. Rows of the corpus; the number of its
        passages stands for none.

    Returns:
      <bool>[batch, passages].
    """

  def occurrences(self, questions: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Returns the runs of wordpieces that are answers.

    Args:
      questions: <int64>[batch].
      rows: <int32>[batch, passages], as for `held`.

    Returns:
      <int32>[occurrences, 4]: place in the batch, place among the passages,
      and the wordpieces [start, limit) of the passage's body.
    """


class TokenAnswers:
  """String answers, matched by wordpieces.

  An occurrence is a run of an answer's wordpieces in a passage's body that
  ends where a word ends: "19" does not match in "19 ##43".

  One pass over the corpus, down a trie, finds the passages of every answer that
  is in few; these pairs are looked up by binary search. An answer that is in
  many, as "two" is, is looked up in the passages that are asked about. Where in
  its passage an answer stands is read there, always. So memory is bounded,
  however many occurrences there are.

  Attributes:
    shortest: See `Answers`.
  """

  def __init__(
    self,
    answers: Sequence[Sequence[str]],
    passages: passage_table.PassageTable,
    tokenizer: wordpiece.Tokenizer,
    packed: packing.PackedPassages | None = None,
  ):
    """Tokenizes the answers, and matches them in the corpus.

    Args:
      answers: Those of each question.
      passages: The corpus.
      tokenizer: Of the corpus.
      packed: The corpus as a model reads it; see `phrases.PhraseReader`.
    """
    self._reader = phrases.PhraseReader(answers, passages, tokenizer, packed)
    self.shortest = self._reader.shortest
    self._stride = len(passages) + 1
    keys, is_frequent = _find(
      self._reader.phrases,
      passages.body_ids,
      np.array(tokenizer.starts_word()),
    )
    with tf.device("/cpu:0"):
      self._keys = tf.constant(keys)
      self._is_frequent = tf.constant(is_frequent)

  @property
  def nbytes(self) -> int:
    """Bytes of memory that the answers' passages take."""
    return int(tf.size(self._keys)) * self._keys.dtype.size

  def held(self, questions: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """See `Answers`."""
    asked = self._reader.asked(questions, rows)
    is_known = self._is_known(asked)
    # Of each question's answers, one will do; a question may have none.
    counts = tf.math.unsorted_segment_sum(
      tf.cast(is_known, tf.int32), asked.places, tf.shape(rows)[0]
    )
    read = self._reader.read(asked, self._to_read(asked))[:, :2]
    counts = tf.tensor_scatter_nd_add(counts, read, tf.ones_like(read[:, 0]))
    return counts > 0

  def occurrences(self, questions: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """See `Answers`."""
    asked = self._reader.asked(questions, rows)
    return self._reader.read(
      asked, self._is_known(asked) | self._to_read(asked)
    )

  def _is_known(self, asked: phrases.Asked) -> tf.Tensor:
    """Returns which passages hold an answer that is in few of the corpus.

    Returns:
      <bool>[answers, passages].
    """
    keys = asked.phrases[:, None] * self._stride + asked.rows
    flat = tf.reshape(keys, [-1])
    places = tf.searchsorted(self._keys, flat, out_type=tf.int64)
    return tf.reshape(tf.gather(self._keys, places) == flat, tf.shape(keys))

  def _to_read(self, asked: phrases.Asked) -> tf.Tensor:
    """Returns which passages must be read, as an answer is in many.

    Returns:
      <bool>[answers, passages].
    """
    is_frequent = tf.gather(self._is_frequent, asked.phrases)
    return is_frequent[:, None] & (asked.rows < self._reader.null_row)


class _Pairs:
  """Pairs of answers and passages, those of the rarest answers alone."""

  def __init__(self, num_answers: int, stride: int):
    """Starts without a pair.

    Args:
      num_answers: How many answers there are.
      stride: Of an answer's keys: answer * stride + row.
    """
    self._stride = stride
    self._parts: list[np.ndarray] = []
    self._counts = np.zeros(num_answers, np.int64)
    self._is_dropped = np.zeros(num_answers, bool)

  def add(self, keys: np.ndarray) -> None:
    """Adds pairs, each once; forgets frequent answers if there are too many.

    Args:
      keys: <int64>[n], of passages that have not been added before.
    """
    answers = keys // self._stride
    kept = ~self._is_dropped[answers]
    self._parts.append(keys[kept])
    self._counts += np.bincount(answers[kept], minlength=len(self._counts))
    if self._counts.sum() > MOST_PAIRS:
      self._drop()

  def _drop(self) -> None:
    """Forgets the most frequent answers, so that a quarter is free."""
    order = np.argsort(self._counts, kind="stable")
    total = np.cumsum(self._counts[order])
    dropped = order[np.searchsorted(total, MOST_PAIRS * 3 // 4, side="right") :]
    self._is_dropped[dropped] = True
    self._counts[dropped] = 0
    self._parts = [
      part[~self._is_dropped[part // self._stride]] for part in self._parts
    ]

  def sorted(self) -> tuple[np.ndarray, np.ndarray]:
    """Returns all keys and, after them, a larger one; and what was forgotten.

    Returns:
      <int64>[pairs + 1], ascending, and <bool>[answers].
    """
    last = np.array([np.iinfo(np.int64).max])
    keys = np.concatenate([*self._parts, last])
    self._parts.clear()
    keys.sort()
    return keys, self._is_dropped


def _find(
  wanted: Sequence[tuple[int, ...]],
  bodies: passage_table.TokenRows,
  starts_word: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Matches phrases in all bodies, many at a time.

  Returns:
    Keys, phrase * (bodies + 1) + body, and which phrases are in too many bodies
    to have any; see `_Pairs.sorted`.
  """
  stride = len(bodies) + 1
  pairs = _Pairs(len(wanted), stride)
  for found in phrase_trie.occurrences(wanted, bodies, starts_word):
    pairs.add(np.unique(found.phrases * stride + found.rows))
  return pairs.sorted()
