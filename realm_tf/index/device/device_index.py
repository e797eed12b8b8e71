"""An index spread over the replicas of a strategy, searched inside of a step.

No operation of the search runs on a host, and all shapes are static. What
crosses the interconnect are the queries of all replicas, the best of each share
for each query, and the records of the passages that were chosen.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from realm_tf.data.examples import candidates
from realm_tf.index.device import share_layout
from realm_tf.index.search import ranking
from realm_tf.models import replicas

_EMPTY = float("-inf")


@dataclasses.dataclass(frozen=True)
class SearchSettings:
  """How a share is cut to its best.

  Attributes:
    exact: Whether by an exact top-k; else by `tf.math.approx_max_k`, which
      TPUs compute much faster and other devices as an exact one.
    recall_target: Share of the best that approximate search is to find.
  """

  exact: bool
  recall_target: float = 0.95


class DeviceIndex(tf.Module):
  """Vectors and records of passages; each replica holds its share.

  Example:
    with strategy.scope():
      index = DeviceIndex(layout, dim, tf.bfloat16, null_record, settings)
    index.load_vectors(vectors); index.load_passages(records, keys)
    ... in a function that strategy.run runs:
    rows, mask, found = index.candidates(queries, source_keys, count)

  Attributes:
    layout: Which rows are where.
    dtype: Of the vectors.
    null_row: The row of the empty passage, which follows the last.
  """

  def __init__(
    self,
    layout: share_layout.ShareLayout,
    dim: int,
    dtype: tf.DType,
    null_record: np.ndarray,
    settings: SearchSettings,
  ):
    """Reserves memory on each device; call it in the strategy's scope.

    Args:
      layout: Which rows are where.
      dim: Of the vectors.
      dtype: Of the vectors: bfloat16, float16 (not on TPUs) or float32.
      null_record: <int32>[W]. The record of the null passage.
      settings: How to search.
    """
    super().__init__(name="device_index")
    self.layout = layout
    self.dtype = dtype
    self.null_row = layout.num_rows
    self._settings = settings
    self._null_record = null_record
    self._strategy = tf.distribute.get_strategy()
    rows = layout.share_rows
    self._vectors = replicas.variable([rows, dim], dtype, "vectors")
    self._records = replicas.variable(
      [rows, len(null_record)], tf.int32, "records"
    )
    self._keys = replicas.variable([rows], tf.int32, "keys")

  def load_vectors(self, shares: Iterable[np.ndarray]) -> None:
    """Replaces the vectors. Nothing is traced anew.

    Args:
      shares: <dtype>[at most share_rows, D] of each replica, in order.
    """
    self._load(self._vectors, shares)

  def load_passages(
    self, records: Iterable[np.ndarray], keys: Iterable[np.ndarray]
  ) -> None:
    """Sets the passages.

    Args:
      records: <int32>[at most share_rows, W] of each replica, in order.
      keys: <int32>[at most share_rows] of each. What `candidates` compares with
        the source of a query.
    """
    self._load(self._records, records)
    self._load(self._keys, keys)

  def vectors(self) -> list[np.ndarray]:
    """Returns the vectors of each replica, <dtype>[its rows, D] each."""
    parts = self._strategy.experimental_local_results(self._vectors)
    found = []
    for replica, part in enumerate(parts):
      first, limit = self.layout.rows_of(replica)
      found.append(part.numpy()[: limit - first])
    return found

  def records(self, places: tf.Tensor) -> tf.Tensor:
    """Returns records of this replica's share; call it in `strategy.run`.

    Args:
      places: <int32>[...]. Rows of the share.

    Returns:
      <int32>[..., W].
    """
    # A read of the rows, not of the whole share.
    return tf.ensure_shape(
      tf.raw_ops.ResourceGather(
        resource=self._records.handle, indices=places, dtype=tf.int32
      ),
      [*places.shape, len(self._null_record)],
    )

  def store(self, places: tf.Tensor, vectors: tf.Tensor) -> None:
    """Replaces vectors of this replica's share; call it in `strategy.run`.

    Args:
      places: <int32>[n]. Rows of the share.
      vectors: <float32>[n, D].
    """
    tf.raw_ops.ResourceScatterUpdate(
      resource=self._vectors.handle,
      indices=places,
      updates=tf.cast(vectors, self.dtype),
    )

  def search(
    self, queries: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the k best passages of each query of this replica, best first.

    To be called by all replicas, inside of `strategy.run`.

    Args:
      queries: <float32>[b, D] of this replica, as many on each.
      k: Results a query; static.

    Returns:
      Scores <float32>[b, k], rows <int32>[b, k] and keys <int32>[b, k]; where
      there are fewer passages, -inf, `null_row` and -1.
    """
    share = self.layout.share_rows
    every, first = replicas.gather(queries)  # [B, D]
    scores, places = self._search_share(every, min(k, share))  # [B, k']
    rows = places + share * replicas.replica_number()
    keys = tf.gather(self._keys, places)
    batch, width = _batch(queries), scores.shape[1]
    scores, rows, keys = (
      # [replicas, B, k'] -> [replicas, b, k'] -> [b, replicas * k']
      tf.reshape(
        tf.transpose(
          tf.slice(
            replicas.stack(best),
            [0, first, 0],
            [self.layout.replicas, batch, width],
          ),
          [1, 0, 2],
        ),
        [batch, self.layout.replicas * width],
      )
      for best in (scores, rows, keys)
    )
    missing = [[0, 0], [0, max(0, k - scores.shape[1])]]
    scores, order = tf.math.top_k(
      tf.pad(scores, missing, constant_values=_EMPTY), k
    )
    found = scores > _EMPTY
    rows, keys = (
      tf.where(
        found, tf.gather(tf.pad(best, missing), order, batch_dims=1), other
      )
      for best, other in ((rows, self.null_row), (keys, -1))
    )
    return scores, rows, keys

  def fetch(self, rows: tf.Tensor) -> tf.Tensor:
    """Returns the records of passages, wherever they are.

    To be called by all replicas, inside of `strategy.run`.

    Args:
      rows: <int32>[b, c] of this replica, as many on each; rows of the index,
        or `null_row`.

    Returns:
      <int32>[b, c, W].
    """
    share, (_, count) = self.layout.share_rows, rows.shape
    batch, number = _batch(rows), replicas.replica_number()
    wanted = replicas.stack(rows)  # [replicas, b, c]
    places = wanted - share * number
    is_here = (places >= 0) & (places < share) & (wanted < self.null_row)
    records = self.records(tf.where(is_here, places, 0))
    records = tf.where(is_here[..., None], records, 0)
    if self.layout.replicas > 1:
      context = tf.distribute.get_replica_context()
      records = context.all_reduce(tf.distribute.ReduceOp.SUM, records)
    size = [1, batch, count, len(self._null_record)]
    own = tf.slice(records, [number, 0, 0, 0], size)
    is_null = (rows == self.null_row)[..., None]
    return tf.where(is_null, tf.constant(self._null_record), own[0])

  def candidates(
    self, queries: tf.Tensor, source_keys: tf.Tensor, count: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the candidates of each query, as `CandidateRetriever` does.

    To be called by all replicas, inside of `strategy.run`.

    Args:
      queries: <float32>[b, D] of this replica, as many on each.
      source_keys: <int32>[b]. Key of the passage that each query came from,
        which is left out; -1 for none.
      count: Candidates wanted, the null passage, which is first, included.

    Returns:
      Rows <int32>[b, count], their mask <bool>[b, count], and their records
      <int32>[b, count, W].
    """
    # One more than wanted: the source may be among the best.
    scores, rows, keys = self.search(queries, count)
    rows, mask = candidates.exclude_source(
      rows, scores > _EMPTY, keys, source_keys, count, self.null_row
    )
    records = self.fetch(rows[:, 1:])
    null = tf.broadcast_to(
      self._null_record, [_batch(queries), 1, len(self._null_record)]
    )
    return rows, mask, tf.concat([null, records], axis=1)

  def _search_share(
    self, queries: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the best scores of this share and their places in it.

    Args:
      queries: <float32>[B, D] of all replicas.
      k: Results a query, at most the rows of the share.

    Returns:
      <float32>[B, k], -inf at empty rows, and <int32>[B, k].
    """
    layout = self.layout
    vectors = tf.convert_to_tensor(self._vectors)
    own = self.null_row - layout.share_rows * replicas.replica_number()

    def best_of(block: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
      first = block * layout.block_rows
      part = vectors
      if layout.num_blocks > 1:
        part = tf.slice(
          vectors, [first, 0], [layout.block_rows, vectors.shape[1]]
        )
      products = tf.matmul(queries, tf.cast(part, tf.float32), transpose_b=True)
      is_row = tf.range(layout.block_rows) < own - first
      scores, places = self._top_k(
        tf.where(is_row, products, _EMPTY), min(k, layout.block_rows)
      )
      return scores, places + first

    if layout.num_blocks == 1:
      return best_of(0)

    def merge(
      block: tf.Tensor, scores: tf.Tensor, places: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
      new_scores, new_places = best_of(block)
      scores, order = tf.math.top_k(tf.concat([scores, new_scores], 1), k)
      places = tf.concat([places, new_places], axis=1)
      return block + 1, scores, tf.gather(places, order, batch_dims=1)

    batch = _batch(queries)
    _, scores, places = tf.while_loop(
      lambda block, *_: block < layout.num_blocks,
      merge,
      (
        tf.constant(0),
        tf.fill([batch, k], _EMPTY),
        tf.zeros([batch, k], tf.int32),
      ),
      maximum_iterations=layout.num_blocks,
      parallel_iterations=1,
    )
    return scores, places

  def _top_k(self, scores: tf.Tensor, k: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the k largest of each row, <float32>[B, k], and their columns."""
    if self._settings.exact:
      return ranking.top_k(scores, k)
    return tf.math.approx_max_k(
      scores,
      k,
      recall_target=self._settings.recall_target,
      # The results compete with those of the other blocks and shares.
      reduction_input_size_override=self.layout.num_rows,
    )

  def _load(self, variable: tf.Variable, shares: Iterable[np.ndarray]) -> None:
    """Gives each replica its share, filled up with zeros."""
    parts = self._strategy.experimental_local_results(variable)
    for part, share in zip(parts, shares, strict=True):
      if missing := self.layout.share_rows - len(share):
        filling = np.zeros([missing, *share.shape[1:]], share.dtype)
        share = np.concatenate([share, filling])
      part.assign(share)


def _batch(tensor: tf.Tensor) -> int | tf.Tensor:
  """Returns the size of the first axis, as a number where it is known."""
  known = tensor.shape[0]
  return tf.shape(tensor)[0] if known is None else known
