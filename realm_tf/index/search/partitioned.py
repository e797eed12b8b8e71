"""Approximate maximum inner product search by TensorFlow's own operations."""

import tensorflow as tf

from realm_tf.index.search import partition_table
from realm_tf.index.search import ranking

# As in ScaNN's searcher: the scored rows must contain a wide beam.
_SCORED_FACTOR = 4
_RESCORED_FACTOR = 2
# Partitions that are ranked, for each that would be read if all had the mean
# size.
_RANKED_FACTOR = 2
# Queries that are scored at the same time, each with its own candidates.
_PARALLEL_QUERIES = 4
_BLOCKS_AT_ONCE = 256


class PartitionedSearcher(tf.Module):
  """Searches the partitions nearest to a query.

  Any program that runs TensorFlow's graphs can run it, TF Serving too. A query
  ranks the partitions by its product with their centroids, scores the rows of
  the best ones from their 8-bit codes, until it has scored as many as the
  settings say, and scores the best of them again from the vectors themselves.
  So all queries cost the same, whatever the partitions' sizes.

  Attributes:
    vectors: <floating>[N, D]. The vectors to search.
  """

  def __init__(
    self,
    vectors: tf.Variable | tf.Tensor,
    partitions: partition_table.Partitions,
    settings: partition_table.PartitionSettings,
  ):
    """Takes the parts; see `build`.

    Args:
      vectors: <float16 or float32>[N, D]. A variable, which others may use too,
        where it is to be saved: a SavedModel keeps variables beside its graph,
        which has room for 2 GB.
      partitions: Of the same vectors; variables or tensors, as they are.
      settings: How much a query reads.
    """
    super().__init__(name="partitioned_searcher")
    self.vectors = vectors
    self._settings = settings
    self._partitions = partitions

  @classmethod
  def build(
    cls,
    vectors: tf.Variable,
    settings: partition_table.PartitionSettings | None = None,
  ) -> "PartitionedSearcher":
    """Makes partitions of vectors; takes minutes for millions.

    Args:
      vectors: <float16 or float32>[N, D], N > 0.
      settings: By default, chosen from N.
    """
    array = vectors.numpy()
    settings = settings or partition_table.choose_settings(len(array))
    partitions = partition_table.make_partitions(array, settings.num_partitions)
    # A variable each: codes are as many bytes as half of the vectors.
    variables = partition_table.Partitions(
      *(
        tf.Variable(array, trainable=False, name=name)
        for name, array in partitions._asdict().items()
      )
    )
    return cls(vectors, variables, settings)

  def search(
    self, queries: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns about the k best passages of each query, best first.

    Where fewer were found, because the corpus is smaller or the partitions that
    were read are, places are marked as not valid.

    Args:
      queries: <float32>[batch, dim].
      k: Results a query; static.

    Returns:
      Inner products <float32>[batch, k], exact, rows <int32>[batch, k] and
      validity <bool>[batch, k]; -inf and -1 where not valid.
    """
    settings, num_rows = self._settings, self.vectors.shape[0]
    num_blocks = self._partitions.codes.shape[0]
    wanted = max(settings.rows_scored, _SCORED_FACTOR * k)
    # Blocks are not full; on average, so many hold the rows that are wanted.
    read = min(-(-wanted * num_blocks // num_rows), num_blocks)
    slots = read * partition_table.BLOCK_ROWS
    kept = min(max(settings.rows_rescored, _RESCORED_FACTOR * k), slots)
    blocks = self._choose_blocks(queries, read)
    rows = tf.map_fn(
      lambda args: self._score_blocks(args[0], args[1], kept),
      (queries, blocks),
      fn_output_signature=tf.TensorSpec([kept], tf.int32),
      parallel_iterations=_PARALLEL_QUERIES,
    )
    scores, rows = self._score_again(queries, rows, min(k, kept))
    missing = [[0, 0], [0, k - min(k, kept)]]
    scores = tf.pad(scores, missing, constant_values=float("-inf"))
    rows = tf.pad(rows, missing, constant_values=-1)
    shape = [queries.shape[0], k]
    scores, rows = tf.ensure_shape(scores, shape), tf.ensure_shape(rows, shape)
    return scores, rows, rows >= 0

  def _choose_blocks(self, queries: tf.Tensor, count: int) -> tf.Tensor:
    """Returns <int32>[batch, count], the blocks to read; -1 for none."""
    parts = self._partitions
    num_partitions, num_blocks = parts.centroids.shape[0], parts.codes.shape[0]
    ranked = min(
      -(-_RANKED_FACTOR * count * num_partitions // num_blocks), num_partitions
    )
    products = tf.matmul(queries, parts.centroids, transpose_b=True)
    _, best = ranking.top_k(products, ranked)
    first = tf.gather(parts.block_splits, best)
    limits = tf.cumsum(tf.gather(parts.block_splits, best + 1) - first, axis=1)
    # The ranked partitions' blocks in a row: where is each in the index?
    places = tf.broadcast_to(tf.range(count), [tf.shape(queries)[0], count])
    partition = tf.searchsorted(limits, places, side="right")
    there = partition < ranked
    partition = tf.minimum(partition, ranked - 1)
    shift = first - tf.pad(limits, [[0, 0], [1, 0]])[:, :-1]
    shift = tf.gather(shift, partition, batch_dims=1)
    return tf.where(there, places + shift, -1)

  def _score_blocks(
    self, query: tf.Tensor, blocks: tf.Tensor, count: int
  ) -> tf.Tensor:
    """Returns the best rows of some blocks, judged by their 8-bit codes.

    Args:
      query: <float32>[D].
      blocks: <int32>[read]; -1 for none.
      count: Rows wanted; static.

    Returns:
      <int32>[count]; -1 where there are fewer.
    """
    parts = self._partitions
    there = (blocks >= 0)[:, tf.newaxis]
    blocks = tf.maximum(blocks, 0)
    # Few at a time, so that results stay in the processor's cache.
    products = tf.concat(
      [
        self._multiply_codes(query, blocks[start : start + _BLOCKS_AT_ONCE])
        for start in range(0, blocks.shape[0], _BLOCKS_AT_ONCE)
      ],
      axis=0,
    )
    scales = tf.gather(parts.scales, blocks)
    products *= scales
    # An empty row has no scale.
    products = tf.where(there & (scales > 0), products, float("-inf"))
    best, places = ranking.top_k(tf.reshape(products, [1, -1]), count)
    rows = tf.gather(tf.reshape(tf.gather(parts.rows, blocks), [-1]), places[0])
    return tf.where(tf.math.is_finite(best[0]), rows, -1)

  def _multiply_codes(self, query: tf.Tensor, blocks: tf.Tensor) -> tf.Tensor:
    """Returns products with codes, <float32>[blocks, BLOCK_ROWS]."""
    codes = tf.reshape(
      tf.gather(self._partitions.codes, blocks), [-1, self.vectors.shape[1]]
    )
    products = tf.matmul(tf.cast(codes, tf.float32), query[:, tf.newaxis])
    return tf.reshape(products, [-1, partition_table.BLOCK_ROWS])

  def _score_again(
    self, queries: tf.Tensor, rows: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Rescores some rows by their full vectors; returns the k best.

    Args:
      queries: <float32>[batch, D].
      rows: <int32>[batch, c]; -1 for none.
      k: c at most; static.

    Returns:
      <float32>[batch, k] and <int32>[batch, k]; -inf and -1 for none.
    """
    vectors = tf.gather(self.vectors, tf.maximum(rows, 0))
    products = tf.linalg.matvec(tf.cast(vectors, tf.float32), queries)
    products = tf.where(rows >= 0, products, float("-inf"))
    scores, places = tf.math.top_k(products, k)
    return scores, tf.gather(rows, places, batch_dims=1)
