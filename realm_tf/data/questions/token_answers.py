"""Answers matched by wordpieces in the whole corpus, once for all steps."""

from collections.abc import Sequence
from typing import NamedTuple
from typing import Protocol

import numpy as np
import tensorflow as tf

from realm_tf.data.corpus import passage_table
from realm_tf.text import wordpiece

# Matched at once, so that large corpora fit in memory.
CHUNK_PASSAGES = 200_000


class Answers(Protocol):
  """Returns where passages answer questions, both given by number.

  Both methods are pure TensorFlow to their callers, on the host.
  """

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


class _Found(NamedTuple):
  """Occurrences, as parallel arrays."""

  answers: np.ndarray  # <int64>[n]
  rows: np.ndarray  # <int64>[n]
  starts: np.ndarray  # <int32>[n]


class TokenAnswers:
  """String answers, matched by wordpieces once for the whole corpus.

  An occurrence is a run of an answer's wordpieces in a passage's body that
  ends where a word ends: "19" does not match in "19 ##43". One pass over the
  corpus matches all answers of a data set, down a trie; later look-ups are
  binary searches. It takes 14 bytes an occurrence.

  Attributes:
    without_tokens: How many questions have no answer with a wordpiece: no
      passage can answer them.
  """

  def __init__(
    self,
    answers: Sequence[Sequence[str]],
    passages: passage_table.PassageTable,
    tokenizer: wordpiece.Tokenizer,
  ):
    """Tokenizes the answers, and matches them in the corpus.

    Args:
      answers: Those of each question.
      passages: The corpus.
      tokenizer: Of the corpus.
    """
    phrases, splits, numbers = _tokenize(answers, tokenizer)
    self.without_tokens = int(np.sum(np.diff(splits) == 0))
    starts_word = np.array(tokenizer.starts_word())
    found = _find(phrases, passages.body_ids, starts_word)
    self._stride = len(passages) + 1
    order = np.lexsort((found.starts, found.rows, found.answers))
    keys = found.answers[order] * self._stride + found.rows[order]
    lengths = np.array([len(phrase) for phrase in phrases] or [0], np.int32)
    with tf.device("/cpu:0"):
      # One more, larger than all: a search ends at a key always.
      self._keys = tf.constant(np.append(keys, np.iinfo(np.int64).max))
      self._starts = tf.constant(found.starts[order])
      self._lengths = tf.constant(lengths)
      self._splits = tf.constant(splits)
      self._numbers = tf.constant(np.append(numbers, 0))

  @property
  def nbytes(self) -> int:
    """Bytes of memory that the occurrences take."""
    return sum(
      int(tf.size(part)) * part.dtype.size
      for part in (self._keys, self._starts, self._splits, self._numbers)
    )

  def held(self, questions: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """See `Answers`."""
    places, _, keys = self._asked(questions, rows)
    first = self._search(keys, "left")
    found = tf.cast(tf.gather(self._keys, first) == keys, tf.int32)
    # Of each question's answers, one will do; a question may have none.
    counts = tf.math.unsorted_segment_sum(found, places, tf.shape(rows)[0])
    return counts > 0

  def occurrences(self, questions: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """See `Answers`."""
    places, answers, keys = self._asked(questions, rows)
    first = self._search(keys, "left")
    limit = self._search(keys, "right")  # [answers of the batch, passages]
    count = tf.shape(rows)[1]
    found = tf.ragged.range(tf.reshape(first, [-1]), tf.reshape(limit, [-1]))
    source = tf.cast(found.value_rowids(), tf.int32)  # answer and passage
    starts = tf.gather(self._starts, found.flat_values)
    answer, passage = source // count, source % count
    lengths = tf.gather(self._lengths, tf.gather(answers, answer))
    return tf.stack(
      [tf.gather(places, answer), passage, starts, starts + lengths], axis=1
    )

  def _asked(
    self, questions: tf.Tensor, rows: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the phrases of each question's answers, and all phrases once.

    Returns:
      For each answer of the batch: its question's place <int32>[answers], its
      number <int64>[answers], and the keys of it with each of the question's
      passages <int64>[answers, passages].
    """
    first = tf.gather(self._splits, questions)
    limit = tf.gather(self._splits, questions + 1)
    ragged = tf.ragged.range(first, limit)
    places = tf.cast(ragged.value_rowids(), tf.int32)
    answers = tf.gather(self._numbers, ragged.flat_values)
    asked = tf.cast(tf.gather(rows, places), tf.int64)
    return places, answers, answers[:, None] * self._stride + asked

  def _search(self, keys: tf.Tensor, side: str) -> tf.Tensor:
    flat = tf.searchsorted(
      self._keys, tf.reshape(keys, [-1]), side=side, out_type=tf.int64
    )
    return tf.reshape(flat, tf.shape(keys))


def _tokenize(
  answers: Sequence[Sequence[str]], tokenizer: wordpiece.Tokenizer
) -> tuple[list[tuple[int, ...]], np.ndarray, np.ndarray]:
  """Returns the answers' wordpieces, each phrase once.

  Returns:
    The phrases, and the numbers of those of question i: `numbers[splits[i]:
    splits[i + 1]]`, both <int64>. Answers without wordpieces, or with
    unknown ones, are left out: they would match at wrong places.
  """
  flat = [answer for one in answers for answer in one]
  rows = tokenizer.tokenize(tf.constant(flat, tf.string)).to_list()
  phrases: dict[tuple[int, ...], int] = {}
  splits, numbers = [0], []
  tokenized = iter(rows)
  for one in answers:
    ids = [tuple(next(tokenized)) for _ in one]
    usable = dict.fromkeys(i for i in ids if i and tokenizer.unk_id not in i)
    numbers += [phrases.setdefault(i, len(phrases)) for i in usable]
    splits.append(len(numbers))
  return list(phrases), np.array(splits, np.int64), np.array(numbers, np.int64)


def _find(
  phrases: Sequence[tuple[int, ...]],
  bodies: passage_table.TokenRows,
  starts_word: np.ndarray,
) -> _Found:
  """Matches all phrases in all bodies, many at a time."""
  trie = _Trie.of(phrases, len(starts_word))
  parts = []
  for first in range(0, len(bodies), CHUNK_PASSAGES):
    splits = bodies.row_splits[first : first + CHUNK_PASSAGES + 1]
    tokens = bodies.values[splits[0] : splits[-1]]
    answers, places = _walk(trie, tokens, splits - splits[0], starts_word)
    rows = np.searchsorted(splits - splits[0], places, side="right") - 1
    starts = places - (splits - splits[0])[rows]
    parts.append(_Found(answers, rows + first, starts.astype(np.int32)))
  return _Found(
    *(np.concatenate(column) for column in zip(*parts, strict=True))
  )


def _walk(
  trie: "_Trie", tokens: np.ndarray, splits: np.ndarray, starts_word: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Walks down the trie from all places of some bodies at once.

  Args:
    trie: The phrases.
    tokens: <integer>[tokens] of the bodies, one after the other.
    splits: <int64>[bodies + 1]. Where they begin and end.
    starts_word: <bool>[vocabulary]. Whether a wordpiece begins a word.

  Returns:
    The matched phrases and the places of their first wordpieces, <int64>[n].
  """
  places = np.arange(len(tokens), dtype=np.int64)
  nodes = np.zeros(len(tokens), np.int64)
  limits = np.repeat(splits[1:], np.diff(splits))
  none = np.empty(0, np.int64)
  found, depth = [(none, none)], 0
  while len(places):
    alive, nodes = trie.follow(nodes, tokens[places + depth])
    places = places[alive]
    depth += 1
    after = places + depth
    inside = after < limits[places]
    # A word goes on where the next wordpiece begins none.
    whole = ~inside | starts_word[tokens[np.where(inside, after, 0)]]
    done = whole & (trie.ends[nodes] >= 0)
    found.append((trie.ends[nodes[done]], places[done]))
    places, nodes = places[inside], nodes[inside]
  answers, at = (np.concatenate(part) for part in zip(*found, strict=True))
  return answers, at


class _Trie(NamedTuple):
  """Phrases as a trie whose root is node 0.

  Attributes:
    size: Of the vocabulary.
    keys: <int64>[edges], ascending: node * size + wordpiece.
    nodes: <int64>[edges]. Where each edge leads.
    ends: <int64>[nodes]. The phrase that ends there; -1 for none.
  """

  size: int
  keys: np.ndarray
  nodes: np.ndarray
  ends: np.ndarray

  @classmethod
  def of(cls, phrases: Sequence[tuple[int, ...]], size: int) -> "_Trie":
    """Builds the trie of different phrases, none of them empty."""
    edges: dict[int, int] = {}
    ends = [-1]
    for number, phrase in enumerate(phrases):
      node = 0
      for token in phrase:
        following = edges.setdefault(node * size + token, len(ends))
        if following == len(ends):
          ends.append(-1)
        node = following
      ends[node] = number
    keys = np.array(sorted(edges), np.int64)
    nodes = np.array([edges[key] for key in keys.tolist()], np.int64)
    return cls(size, keys, nodes, np.array(ends, np.int64))

  def follow(
    self, nodes: np.ndarray, tokens: np.ndarray
  ) -> tuple[np.ndarray, np.ndarray]:
    """Follows the edge of a wordpiece from each node.

    Returns:
      Which nodes have the edge <bool>[n], and where these lead to.
    """
    keys = nodes * self.size + tokens
    edges = np.searchsorted(self.keys, keys)
    alive = np.append(self.keys, -1)[edges] == keys
    return alive, self.nodes[edges[alive]]
