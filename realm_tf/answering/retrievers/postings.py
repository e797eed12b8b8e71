"""BM25's index: what each term adds to the scores of which passages."""

from typing import NamedTuple

import numpy as np
import scipy.sparse
import tensorflow as tf

from realm_tf.data.corpus import passage_table
from realm_tf.text import wordpiece

# Two bytes number the rows of a block; a power of two.
BLOCK_ROWS = 1 << 16
# Terms that a larger share of the passages holds are common.
_COMMON_SHARE = 1 / 4
_ALIGNMENT = 64  # bytes


class Postings(NamedTuple):
  """The postings of a corpus, six bytes each.

  The corpus is cut into blocks of `BLOCK_ROWS` passages. Term t has a list in
  each block b: places splits[i] to splits[i + 1], where i = b * terms + t.

  Attributes:
    rows: <uint16>[P]. Rows within their block, ascending in each list.
    weights: <float32>[P]. What the term adds to the passage's score.
    splits: <int64>[blocks * terms + 1]. The unknown word has empty lists, and
      so have tokens that are no words.
    bounds: <float32>[terms]. The largest weight of a term.
    common: <bool>[terms]. Whether many passages hold the term.
  """

  rows: tf.Tensor | tf.Variable
  weights: tf.Tensor | tf.Variable
  splits: tf.Tensor | tf.Variable
  bounds: tf.Tensor | tf.Variable
  common: tf.Tensor | tf.Variable


def build(
  passages: passage_table.PassageTable,
  tokenizer: wordpiece.Tokenizer,
  k1: float,
  b: float,
) -> Postings:
  """Weighs the terms of titles and bodies by Okapi BM25.

  A passage that holds a term c times has the weight

    log(1 + (N - n + 0.5) / (n + 0.5)) c (k1 + 1) /
      (c + k1 (1 - b + b length / mean length))

  where n of N passages hold the term (Robertson and Zaragoza, 2009). Blocks
  are counted twice, first for the lists' sizes: so memory never holds more than
  the result and the counts of one block.

  Args:
    passages: The corpus.
    tokenizer: Of the corpus; its wordpieces are the terms.
    k1: Saturation of a term's count.
    b: How much longer passages are discounted.
  """
  num_rows = len(passages)
  blocks = [
    slice(first, min(first + BLOCK_ROWS, num_rows))
    for first in range(0, num_rows, BLOCK_ROWS)
  ]
  sizes = np.stack(
    [np.diff(_count(passages, block, tokenizer).indptr) for block in blocks]
  )  # [blocks, terms]
  splits = np.zeros([sizes.size + 1], np.int64)
  np.cumsum(sizes, out=splits[1:])
  holding = sizes.sum(axis=0)
  idf = np.log1p((num_rows - holding + 0.5) / (holding + 0.5))
  lengths = passages.title_ids.lengths + passages.body_ids.lengths
  discounts = k1 * (1 - b + b * lengths / lengths.mean())
  # One at least: from an empty array nothing can be gathered.
  rows = _empty(max(splits[-1], 1), np.uint16)
  weights = _empty(max(splits[-1], 1), np.float32)
  bounds = np.zeros(idf.shape, np.float32)
  for number, block in enumerate(blocks):
    found = _count(passages, block, tokenizer)
    found.data *= (k1 + 1) / (found.data + discounts[block][found.indices])
    found.data *= np.repeat(idf, sizes[number])
    bounds = np.maximum(bounds, found.max(axis=0).toarray().ravel())
    first = splits[number * len(idf)]
    limit = splits[(number + 1) * len(idf)]
    rows[first:limit] = found.indices
    weights[first:limit] = found.data
  with tf.device("/cpu:0"):
    return Postings(
      # Without a copy.
      tf.experimental.dlpack.from_dlpack(rows.__dlpack__()),
      tf.experimental.dlpack.from_dlpack(weights.__dlpack__()),
      tf.constant(splits),
      tf.constant(bounds),
      tf.constant(holding > _COMMON_SHARE * num_rows),
    )


def _empty(size: int, dtype: type[np.generic]) -> np.ndarray:
  """Returns an array <dtype>[size], aligned as TensorFlow's memory is."""
  memory = np.empty([size * np.dtype(dtype).itemsize + _ALIGNMENT], np.uint8)
  start = -memory.ctypes.data % _ALIGNMENT
  return memory[start : start - _ALIGNMENT].view(dtype)


def _count(
  passages: passage_table.PassageTable,
  block: slice,
  tokenizer: wordpiece.Tokenizer,
) -> scipy.sparse.csc_matrix:
  """Returns how often passages hold each term, <float32>[passages, terms]."""

  def count(texts: passage_table.TokenRows) -> scipy.sparse.csr_matrix:
    splits = texts.row_splits[block.start : block.stop + 1]
    terms = texts.values[splits[0] : splits[-1]]
    # What is no word of the vocabulary has nothing in common.
    is_term = (terms != tokenizer.unk_id).astype(np.float32)
    return scipy.sparse.csr_matrix(
      (is_term, terms.astype(np.int32), splits - splits[0]),
      shape=(len(splits) - 1, tokenizer.vocab_size),
    )

  counts = (count(passages.title_ids) + count(passages.body_ids)).tocsc()
  counts.eliminate_zeros()
  return counts
