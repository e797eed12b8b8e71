"""Exact maximum inner product search by TensorFlow's own operations."""

import tensorflow as tf

from realm_tf.index.search import ranking

# A block's scores for all queries; and its rows, few enough that they stay in
# the processor's cache as float32.
_SCORES_AT_ONCE = 1 << 22
_LEAST_BLOCK_ROWS = 1 << 10
_MOST_BLOCK_ROWS = 1 << 13


class ExactSearcher(tf.Module):
  """Returns the passages with the largest inner products, scoring all.

  Any program that runs TensorFlow's graphs can run it, TF Serving too. Vectors
  are scored block by block, so that memory depends neither on how many there
  are nor, up to some thousands, on how many queries there are.

  Attributes:
    vectors: <floating>[N, D]. The vectors to search.
  """

  def __init__(self, vectors: tf.Variable | tf.Tensor):
    """Takes vectors.

    Args:
      vectors: <float16 or float32>[N, D]. A variable, which others may use too,
        where it is to be saved: a SavedModel keeps variables beside its graph,
        which has room for 2 GB.
    """
    super().__init__(name="exact_searcher")
    self.vectors = vectors

  def search(
    self, queries: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the k best passages of each query, best first.

    Passages with equal scores may come in any order.

    Args:
      queries: <float32>[batch, dim].
      k: Results a query; static.

    Returns:
      Inner products <float32>[batch, k], rows <int32>[batch, k] and validity
      <bool>[batch, k]; -inf and -1 where there are fewer passages.
    """
    vectors = tf.convert_to_tensor(self.vectors)
    num_rows, batch = vectors.shape[0], tf.shape(queries)[0]
    block_rows = tf.clip_by_value(
      _SCORES_AT_ONCE // tf.maximum(batch, 1),
      _LEAST_BLOCK_ROWS,
      _MOST_BLOCK_ROWS,
    )

    def score_block(
      first: tf.Tensor, scores: tf.Tensor, rows: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
      limit = tf.minimum(first + block_rows, num_rows)
      block = tf.cast(vectors[first:limit], tf.float32)
      products = tf.matmul(queries, block, transpose_b=True)
      best, places = ranking.top_k(products, tf.minimum(k, limit - first))
      scores = tf.concat([scores, best], axis=1)
      rows = tf.concat([rows, places + first], axis=1)
      scores, places = tf.math.top_k(scores, k)
      return limit, scores, tf.gather(rows, places, batch_dims=1)

    _, scores, rows = tf.while_loop(
      lambda first, *_: first < num_rows,
      score_block,
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
    shape = [queries.shape[0], k]
    scores, rows = tf.ensure_shape(scores, shape), tf.ensure_shape(rows, shape)
    return scores, rows, rows >= 0
