"""BM25 in TensorFlow's own operations: sums of postings, and the best."""

import numpy as np
import tensorflow as tf

from realm_tf.answering.retrievers import postings as postings_lib
from realm_tf.data.corpus import passage_table
from realm_tf.text import wordpiece

# Rows that are skipped at once if the best of them cannot be among the best; a
# power of two.
GROUP_ROWS = 32
# Blocks that are searched at once, for all questions together.
BLOCKS_AT_ONCE = 64
# To look one row up in a list takes as long as to sum so many postings.
LOOK_UP_COST = 20
# Sums of the same numbers in another order differ by less.
_ROUNDING = 1e-5
_LEAST = np.finfo(np.float32).tiny
_NONE = 0  # [PAD], which no passage holds


class Bm25Searcher(tf.Module):
  """Returns the passages with the largest BM25 scores, exactly.

  Any program that runs TensorFlow's graphs can run it, TF Serving too. The
  corpus is searched block by block. In a block, the postings of the question's
  rare terms are summed. The common terms ("the", "of") add little, by known
  bounds: they are looked up only for rows that could still be among the best
  (MaxScore; Turtle and Flood, 1995).
  """

  def __init__(self, postings: postings_lib.Postings, num_rows: int):
    """Takes the index; see `build`.

    Args:
      postings: Of the corpus.
      num_rows: Its passages.
    """
    super().__init__(name="bm25_searcher")
    self._postings = postings
    self._num_rows = num_rows
    self._num_terms = postings.bounds.shape[0]
    self._num_blocks = postings.splits.shape[0] // self._num_terms
    # All blocks are of one size; a smaller corpus is one smaller block.
    largest = min(postings_lib.BLOCK_ROWS, num_rows)
    self._block_rows = -(-largest // GROUP_ROWS) * GROUP_ROWS

  @classmethod
  def build(
    cls,
    passages: passage_table.PassageTable,
    tokenizer: wordpiece.Tokenizer,
    *,
    k1: float = 0.9,
    b: float = 0.4,
  ) -> "Bm25Searcher":
    """Counts and weighs the terms of title and body.

    Args:
      passages: The corpus.
      tokenizer: Of the corpus; its wordpieces are the terms.
      k1: Saturation of a term's count; Anserini's default.
      b: How much longer passages are discounted; Anserini's default.
    """
    return cls(postings_lib.build(passages, tokenizer, k1, b), len(passages))

  def in_variables(self) -> "Bm25Searcher":
    """Returns the same searcher, its index held by variables.

    A SavedModel keeps variables beside its graph, which has room for 2 GB.
    """
    held = (
      tf.Variable(values, trainable=False, name=name)
      for name, values in self._postings._asdict().items()
    )
    return Bm25Searcher(postings_lib.Postings(*held), self._num_rows)

  def search(
    self, token_ids: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the k best passages of each question, best first.

    Args:
      token_ids: <int32>[batch, L]. Wordpieces of questions, padded; special
        tokens are passed over. A term that comes twice counts twice.
      k: Results a question; static.

    Returns:
      Scores <float32>[batch, k], rows <int32>[batch, k] and validity
      <bool>[batch, k]; of equal scores, in the corpus's order. -inf and -1
      where no more passages hold a term of the question.
    """
    with tf.device("/cpu:0"):
      # Room for one, as no question may hold a word.
      terms = tf.pad(token_ids, [[0, 0], [0, 1]], constant_values=_NONE)
      is_common = tf.gather(self._postings.common, terms)
      rare = tf.where(is_common, _NONE, terms)
      common = tf.ragged.boolean_mask(terms, is_common).to_tensor(_NONE)
      batch = tf.shape(terms)[0]
      at_once = tf.maximum(BLOCKS_AT_ONCE // tf.maximum(batch, 1), 1)

      def search_blocks(
        first: tf.Tensor, scores: tf.Tensor, rows: tf.Tensor
      ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        limit = tf.minimum(first + at_once, self._num_blocks)
        blocks = tf.range(first, limit)
        return limit, *self._search(blocks, rare, common, scores, rows)

      _, scores, rows = tf.while_loop(
        lambda first, *_: first < self._num_blocks,
        search_blocks,
        (
          tf.constant(0),
          tf.fill([batch, k], float("-inf")),
          tf.fill([batch, k], -1),
        ),
        shape_invariants=(
          tf.TensorShape([]),
          tf.TensorShape([None, k]),
          tf.TensorShape([None, k]),
        ),
        parallel_iterations=1,
      )
      shape = [token_ids.shape[0], k]
      scores = tf.ensure_shape(scores, shape)
      rows = tf.ensure_shape(rows, shape)
      return scores, rows, rows >= 0

  def score(self, token_ids: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Returns the scores of given passages.

    Args:
      token_ids: <int32>[batch, L]. As for `search`.
      rows: <int32>[batch, c]. Rows of the corpus.

    Returns:
      <float32>[batch, c]. 0 where a passage holds no term of its question.
    """
    with tf.device("/cpu:0"):
      terms = tf.repeat(token_ids, tf.shape(rows)[1], axis=0)
      scores = self._look_up(terms, tf.reshape(rows, [-1]))
      return tf.reshape(scores, tf.shape(rows))

  def _search(
    self,
    blocks: tf.Tensor,
    rare: tf.Tensor,
    common: tf.Tensor,
    scores: tf.Tensor,
    rows: tf.Tensor,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Merges the best passages of blocks with those of the blocks before.

    Args:
      blocks: <int32>[n]. Their numbers, ascending.
      rare: <int32>[batch, L]. Terms of the questions; `_NONE` for none.
      common: <int32>[batch, C]. The other terms.
      scores: <float32>[batch, k]. The best so far.
      rows: <int32>[batch, k]. Their rows.
    """
    more = tf.reduce_sum(tf.gather(self._postings.bounds, common), axis=1)
    sums = self._sum(blocks, rare)
    tops, floors = _floors(sums, more, scores)
    looked_up = tf.math.count_nonzero(tops >= floors[:, None], axis=1)
    looked_up *= tf.math.count_nonzero(common != _NONE, axis=1)
    first = blocks[:, None] * self._num_terms + common[:, None, :]
    splits = self._postings.splits
    lengths = tf.gather(splits, first + 1) - tf.gather(splits, first)
    lengths = tf.reduce_sum(lengths, axis=[1, 2])
    whole = (more > 0) & ((floors <= 0) | (LOOK_UP_COST * looked_up > lengths))

    def read_whole() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
      total = sums + self._sum(blocks, tf.where(whole[:, None], common, _NONE))
      return total, *_floors(total, tf.where(whole, 0.0, more), scores)

    sums, tops, floors = tf.cond(
      tf.reduce_any(whole), read_whole, lambda: (sums, tops, floors)
    )
    floors = tf.maximum(floors, _LEAST)
    groups = tf.where(tops >= floors[:, None])  # [g, 2]
    sums = tf.gather_nd(sums, groups)  # [g, GROUP_ROWS]
    kept = tf.where(sums >= tf.gather(floors, groups[:, 0])[:, None])  # [n, 2]
    group = tf.gather(groups, kept[:, 0])
    question = tf.cast(group[:, 0], tf.int32)
    found = tf.cast(group[:, 1] * GROUP_ROWS + kept[:, 1], tf.int32)
    found += blocks[0] * postings_lib.BLOCK_ROWS
    left = tf.where(whole[:, None], _NONE, common)
    totals = tf.gather_nd(sums, kept)
    totals += self._look_up(tf.gather(left, question), found)
    splits = tf.searchsorted(question, tf.range(tf.shape(rare)[0] + 1))

    def join(before: tf.Tensor, values: tf.Tensor, none: float) -> tf.Tensor:
      ragged = tf.RaggedTensor.from_row_splits(values, splits, validate=False)
      return tf.concat([before, ragged.to_tensor(none)], axis=1)

    k = scores.shape[1]
    scores, places = tf.math.top_k(join(scores, totals, float("-inf")), k)
    return scores, tf.gather(join(rows, found, -1), places, batch_dims=1)

  def _sum(self, blocks: tf.Tensor, terms: tf.Tensor) -> tf.Tensor:
    """Returns the sums of whole lists, <float32>[batch, groups, GROUP_ROWS].

    Args:
      blocks: <int32>[n]. Their numbers.
      terms: <int32>[batch, L].
    """
    lists = blocks[:, None] * self._num_terms + terms[:, None, :]
    rows, weights = (
      tf.gather(
        tf.RaggedTensor.from_row_splits(
          values, self._postings.splits, validate=False
        ),
        tf.reshape(lists, [-1]),
      )  # [batch * n * L, (postings)]
      for values in (self._postings.rows, self._postings.weights)
    )
    sums = tf.raw_ops.RaggedBincount(
      splits=rows.row_splits[:: tf.shape(terms)[1]],
      values=tf.cast(rows.values, tf.int32),
      size=self._block_rows,
      weights=weights.values,
    )  # [batch * n, block_rows]
    groups = tf.size(blocks) * (self._block_rows // GROUP_ROWS)
    return tf.reshape(sums, [-1, groups, GROUP_ROWS])

  def _look_up(self, terms: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Returns what terms add to the scores of single passages, <float32>[n].

    Args:
      terms: <int32>[n, L].
      rows: <int32>[n]. Rows of the corpus.
    """
    postings, size = self._postings, postings_lib.BLOCK_ROWS
    block, row = rows[:, None] // size, rows[:, None] % size
    lists = block * self._num_terms + terms  # [n, L]
    place = tf.gather(postings.splits, lists)
    limit = tf.gather(postings.splits, lists + 1)
    last = tf.shape(postings.rows, tf.int64)[0] - 1

    def read(place: tf.Tensor) -> tf.Tensor:
      place = tf.clip_by_value(place, 0, last)
      return tf.cast(tf.gather(postings.rows, place), tf.int32)

    # Binary search: passes over the rows of the list that are smaller.
    step = size
    while step:
      further = place + step
      smaller = (further <= limit) & (read(further - 1) < row)
      place = tf.where(smaller, further, place)
      step //= 2
    there = (place < limit) & (read(place) == row)
    weights = tf.gather(postings.weights, tf.minimum(place, last))
    return tf.reduce_sum(tf.where(there, weights, 0.0), axis=1)


def _floors(
  sums: tf.Tensor, more: tf.Tensor, scores: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Returns from which sum on a row could still be among the best.

  Args:
    sums: <float32>[batch, groups, GROUP_ROWS]. Of the rows of a block.
    more: <float32>[batch]. The most that is added to a sum later.
    scores: <float32>[batch, k]. The best so far, of the blocks before.

  Returns:
    The largest sum of each group <float32>[batch, groups], and the least sum
    <float32>[batch] to look at.
  """
  tops = tf.reduce_max(sums, axis=2)
  k = scores.shape[1]
  # k groups have a row with at least so much; 0 where there are fewer.
  best, _ = tf.math.top_k(tf.pad(tops, [[0, 0], [0, k]]), k)
  least = tf.maximum(scores[:, -1], best[:, -1])
  return tops, (1 - _ROUNDING) * least - (1 + _ROUNDING) * more
