"""Replaces the names of an example at random: they cannot be memorized.

Such examples teach skills that hold for any name: to retrieve the passage with
the same names, and to copy a name from it.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.data.examples import order
from realm_tf.data.sentences import annotated_corpus
from realm_tf.text import wordpiece

_PASSAGES_AT_ONCE = 1 << 17
_WHETHER, _NAMES, _NOISE, _WORDS = range(30, 34)  # purposes of random draws


class WordpieceKinds(NamedTuple):
  """Which wordpieces are names, and which are other words.

  Continuations ("##...") are neither: a name drawn afresh is a whole word.

  Attributes:
    names: <int64>[...]. They stand in salient spans more than elsewhere.
    words: <int64>[...]. The whole words that do not.
    vocab_size: Of all wordpieces.
  """

  names: np.ndarray
  words: np.ndarray
  vocab_size: int


def no_kinds(tokenizer: wordpiece.Tokenizer) -> WordpieceKinds:
  """Returns kinds by which nothing is renamed, and no word replaced.

  Args:
    tokenizer: Gives the size of the vocabulary.
  """
  none = np.empty([0], np.int64)
  return WordpieceKinds(none, none, tokenizer.vocab_size)


def find_kinds(
  corpus: annotated_corpus.AnnotatedCorpus,
  tokenizer: wordpiece.Tokenizer,
) -> WordpieceKinds:
  """Classifies wordpieces as names or other words, in one pass of the corpus.

  Args:
    corpus: Its salient spans are the names.
    tokenizer: Of the corpus.
  """
  size = tokenizer.vocab_size
  inside, everywhere = np.zeros([2, size], np.int64)
  for first in range(0, corpus.num_passages, _PASSAGES_AT_ONCE):
    last = min(first + _PASSAGES_AT_ONCE, corpus.num_passages)
    start, limit = corpus.passage_splits[[first, last]]
    tokens = corpus.tokens[start:limit]
    # Spans are in order.
    spans = slice(*np.searchsorted(corpus.span_starts, [start, limit]))
    change = np.zeros(len(tokens) + 1, np.int64)
    np.add.at(change, corpus.span_starts[spans] - start, 1)
    np.add.at(change, corpus.span_limits[spans] - start, -1)
    in_span = np.cumsum(change[:-1]) > 0
    inside += np.bincount(tokens[in_span], minlength=size)
    everywhere += np.bincount(tokens, minlength=size)
  whole = np.array(tokenizer.starts_word())
  special = np.array(
    [
      t.startswith("[") and t.endswith("]") and len(t) > 2
      for t in tokenizer.vocabulary
    ]
  )
  names = (inside > 0) & (2 * inside > everywhere) & whole & ~special
  return WordpieceKinds(
    np.flatnonzero(names), np.flatnonzero(whole & ~special & ~names), size
  )


class Renamer:
  """Replaces names by other names, one for one within an example.

  Attributes:
    num_names: Wordpieces that stand for names.
  """

  def __init__(self, kinds: WordpieceKinds, probability: float, seed: int):
    """Numbers the names.

    Args:
      kinds: Which wordpieces are names.
      probability: Share of the examples that are renamed.
      seed: Of the run.
    """
    names = kinds.names
    name_index = np.full(kinds.vocab_size, -1, np.int64)
    name_index[names] = np.arange(len(names))
    self._probability = probability if len(names) else 0.0
    self._seed = seed
    self.num_names = len(names)
    with tf.device("/cpu:0"):
      self._names = tf.constant(names if len(names) else [0], tf.int32)
      self._name_index = tf.constant(name_index)

  def __call__(
    self, token_ids: tf.Tensor, step: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Renames examples; a row is an example.

    Args:
      token_ids: <int32>[batch, length].
      step: <int64>[]. Seeds the draws.

    Returns:
      The token ids <int32>, and which of them are new names <bool>, both
      [batch, length].
    """
    if not self._probability:
      return token_ids, tf.zeros_like(token_ids, tf.bool)
    draws = tf.random.stateless_uniform(
      tf.shape(token_ids)[:1], order.step_seed(self._seed, step, _WHETHER)
    )
    index = tf.gather(self._name_index, token_ids)
    is_new = (index >= 0) & (draws < self._probability)[:, None]
    index = order.permute_rows(
      tf.maximum(index, 0),
      max(self.num_names, 1),
      order.step_seed(self._seed, step, _NAMES),
    )
    return tf.where(is_new, tf.gather(self._names, index), token_ids), is_new


class WordNoise:
  """Replaces words other than names by random other words.

  The words of a question need not be those of the corpus. Who is to find
  passages for it must not be led astray by words never seen.
  """

  def __init__(self, kinds: WordpieceKinds, probability: float, seed: int):
    """Prepares the words.

    Args:
      kinds: Which wordpieces are words, but no names.
      probability: Share of the words that are replaced.
      seed: Of the run.
    """
    words = kinds.words
    is_word = np.zeros(kinds.vocab_size, bool)
    is_word[words] = True
    self._probability = probability if len(words) else 0.0
    self._seed = seed
    with tf.device("/cpu:0"):
      self._words = tf.constant(words, tf.int32)
      self._is_word = tf.constant(is_word)

  def __call__(self, token_ids: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Replaces words.

    Args:
      token_ids: <int32>[batch, length].
      step: <int64>[]. Seeds the draws.

    Returns:
      <int32>[batch, length].
    """
    if not self._probability:
      return token_ids
    shape = tf.shape(token_ids)
    draws = tf.random.stateless_uniform(
      shape, order.step_seed(self._seed, step, _NOISE)
    )
    words = tf.random.stateless_uniform(
      shape,
      order.step_seed(self._seed, step, _WORDS),
      maxval=tf.size(self._words),
      dtype=tf.int32,
    )
    is_word = tf.gather(self._is_word, token_ids)
    return tf.where(
      is_word & (draws < self._probability),
      tf.gather(self._words, words),
      token_ids,
    )
