"""Answers as runs of wordpieces, read where they stand in passages."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import packing
from realm_tf.text import wordpiece

# Passages that a look-up reads at once: about 20 MB at 288 wordpieces.
CHUNK_CANDIDATES = 2_048


class Asked(NamedTuple):
  """The answers of a batch of questions, each of them once a question.

  Attributes:
    places: <int32>[answers]. The question's place in the batch.
    phrases: <int64>[answers]. The answer's number.
    rows: <int64>[answers, passages]. The question's passages.
  """

  places: tf.Tensor
  phrases: tf.Tensor
  rows: tf.Tensor


class PhraseReader:
  """Reads the wordpieces of passages for answers; pure TensorFlow, on the host.

  Attributes:
    phrases: The wordpieces of each different answer.
    shortest: <int64>[questions]. Wordpieces of a question's shortest answer; 0
      where no answer has one.
    null_row: The row that stands for no passage.
  """

  def __init__(
    self,
    answers: Sequence[Sequence[str]],
    passages: passage_table.PassageTable,
    tokenizer: wordpiece.Tokenizer,
    packed: packing.PackedPassages | None = None,
    *,
    whole_words: bool = True,
  ):
    """Tokenizes the answers.

    Args:
      answers: Those of each question.
      passages: The corpus.
      tokenizer: Of the corpus.
      packed: The corpus as a model reads it, whose wordpieces are shared if no
        passage is cut. If one is, or by default, passages are packed once more.
      whole_words: Whether an occurrence ends where a word ends.
    """
    self.phrases, splits, numbers, self.shortest = _tokenize(answers, tokenizer)
    longest = _longest(passages)
    if packed is None or packed.length < longest:
      packed = packing.PackedPassages.of(passages, longest, tokenizer)
    self.null_row = packed.null_row
    self._packed = packed
    lengths = np.array([len(phrase) for phrase in self.phrases], np.int64)
    flat = [token for phrase in self.phrases for token in phrase]
    with tf.device("/cpu:0"):
      self._splits = tf.constant(splits)
      self._numbers = tf.constant(numbers)
      self._wordpieces = tf.constant(np.array(flat, np.int32))
      self._starts = tf.constant(np.cumsum(lengths) - lengths)
      self._lengths = tf.constant(lengths)
      # By wordpiece, whether an answer may end before it.
      self._may_follow = tf.constant(
        np.array(tokenizer.starts_word()) | (not whole_words)
      )

  def asked(self, questions: tf.Tensor, rows: tf.Tensor) -> Asked:
    """Returns the answers of a batch."""
    first = tf.gather(self._splits, questions)
    limit = tf.gather(self._splits, questions + 1)
    ragged = tf.ragged.range(first, limit)
    places = tf.cast(ragged.value_rowids(), tf.int32)
    phrases = tf.gather(self._numbers, ragged.flat_values)
    return Asked(places, phrases, tf.cast(tf.gather(rows, places), tf.int64))

  def read(self, asked: Asked, wanted: tf.Tensor) -> tf.Tensor:
    """Returns the occurrences in some passages, a part of them at a time.

    Args:
      asked: The answers.
      wanted: <bool>[answers, passages].

    Returns:
      As `token_answers.Answers.occurrences`.
    """
    candidates = tf.where(wanted)  # [candidates, 2]
    count = tf.shape(candidates)[0]

    def read_more(
      first: tf.Tensor, found: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
      limit = first + CHUNK_CANDIDATES
      more = self._read_some(asked, candidates[first:limit])
      return limit, tf.concat([found, more], axis=0)

    _, found = tf.while_loop(
      lambda first, _: first < count,
      read_more,
      [tf.constant(0), tf.zeros([0, 4], tf.int32)],
      shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 4])],
    )
    return found

  def _read_some(self, asked: Asked, candidates: tf.Tensor) -> tf.Tensor:
    """Returns the occurrences in some passages.

    Args:
      asked: The answers.
      candidates: <int64>[n, 2]. Answer and place among the passages.

    Returns:
      As `token_answers.Answers.occurrences`.
    """
    phrases = tf.gather(asked.phrases, candidates[:, 0])
    body, body_limit = self._packed.body_places(
      tf.gather_nd(asked.rows, candidates)
    )
    # Every place of the answer's first wordpiece, and then of all of them.
    place = body[:, None] + tf.range(tf.reduce_max(body_limit - body))
    inside = place < body_limit[:, None]  # [n, longest body]
    tokens = self._packed.wordpieces(tf.where(inside, place, 0))
    wanted = tf.gather(self._wordpieces, tf.gather(self._starts, phrases))
    hits = tf.where(inside & (tokens == wanted[:, None]))  # [hits, 2]
    source, start = tf.unstack(hits, axis=1)
    phrases = tf.gather(phrases, source)
    body, body_limit = tf.gather(body, source), tf.gather(body_limit, source)
    limit = start + tf.gather(self._lengths, phrases)
    fits = body + limit <= body_limit
    first = tf.where(fits, body + start, 0)
    whole = fits & self._is_phrase(phrases, first)
    whole &= self._may_end(tf.where(fits, body + limit, body_limit))
    candidate = tf.gather(candidates, source)
    found = [
      tf.gather(asked.places, candidate[:, 0]),
      *(tf.cast(part, tf.int32) for part in (candidate[:, 1], start, limit)),
    ]
    return tf.boolean_mask(tf.stack(found, axis=1), whole)

  def _is_phrase(self, phrases: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """Returns whether the wordpieces from a place on are those of a phrase.

    Args:
      phrases: <int64>[n].
      first: <int64>[n].

    Returns:
      <bool>[n].
    """
    lengths = tf.gather(self._lengths, phrases)[:, None]
    # There may be none, whose longest would be far below 0.
    offset = tf.range(tf.maximum(tf.reduce_max(lengths), 0))
    inside = offset < lengths  # [n, longest phrase]
    starts = tf.gather(self._starts, phrases)[:, None]
    wanted = tf.gather(self._wordpieces, tf.where(inside, starts + offset, 0))
    found = self._packed.wordpieces(
      tf.where(inside, first[:, None] + offset, 0)
    )
    return tf.reduce_all((found == wanted) | ~inside, axis=1)

  def _may_end(self, places: tf.Tensor) -> tf.Tensor:
    """Returns whether an answer may end before a place."""
    # What follows a body is [SEP], which begins a word.
    return tf.gather(self._may_follow, self._packed.wordpieces(places))


def _tokenize(
  answers: Sequence[Sequence[str]], tokenizer: wordpiece.Tokenizer
) -> tuple[list[tuple[int, ...]], np.ndarray, np.ndarray, np.ndarray]:
  """Returns the answers' wordpieces, each phrase once.

  Returns:
    The phrases; the numbers of those of question i: `numbers[splits[i]:
    splits[i + 1]]`, both <int64>; and the wordpieces of its shortest, <int64>,
    0 where it has none. Answers without wordpieces, or with unknown ones, are
    left out: they would match at wrong places.
  """
  flat = [answer for one in answers for answer in one]
  rows = tokenizer.tokenize(tf.constant(flat, tf.string)).to_list()
  phrases: dict[tuple[int, ...], int] = {}
  splits, numbers, shortest = [0], [], []
  tokenized = iter(rows)
  for one in answers:
    ids = [tuple(next(tokenized)) for _ in one]
    usable = dict.fromkeys(i for i in ids if i and tokenizer.unk_id not in i)
    numbers += [phrases.setdefault(i, len(phrases)) for i in usable]
    splits.append(len(numbers))
    shortest.append(min(map(len, usable), default=0))
  return (
    list(phrases),
    np.array(splits, np.int64),
    np.array(numbers, np.int64),
    np.array(shortest, np.int64),
  )


def _longest(passages: passage_table.PassageTable) -> int:
  """Returns the wordpieces of the longest passage, special ones included."""
  lengths = passages.title_ids.lengths + passages.body_ids.lengths
  return int(lengths.max(initial=0)) + 3
