"""Search by TensorFlow's own operations, where ScaNN is missing."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.index.search import exact
from realm_tf.index.search import partition_table
from realm_tf.index.search import partitioned
from realm_tf.index.search import searcher_base
from realm_tf.index.search import searcher_settings


class TensorFlowSearcher(searcher_base.Searcher):
  """Searches vectors in memory; see `searcher_base.Searcher`."""

  def __init__(
    self,
    vectors: tf.Tensor,
    partitions: partition_table.Partitions | None,
    settings: searcher_settings.SearcherSettings,
  ):
    """Takes the parts; see `build` and `restore`.

    Args:
      vectors: <float32>[N, D].
      partitions: Of the vectors, as tensors; None to search exactly.
      settings: How to search.
    """
    super().__init__(settings, *vectors.shape)
    self._partitions = partitions
    self._vectors = vectors
    self._searcher = _make(vectors, partitions, settings)

  def search(
    self, queries: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the k best passages; see `searcher_base.Searcher`."""
    with tf.device("/cpu:0"):
      return self._searcher.search(queries, k)

  def as_module(self) -> "_SavedTensorFlow":
    """Returns the index in a form that a SavedModel can hold."""
    return _SavedTensorFlow(self, self._vectors, self._partitions)


def build(
  embeddings: np.ndarray | tf.Tensor,
  settings: searcher_settings.SearcherSettings,
) -> TensorFlowSearcher:
  """Builds a searcher; partitions of millions take minutes.

  Args:
    embeddings: <float32>[N, D].
    settings: From `searcher_settings.choose_settings`.
  """
  if isinstance(embeddings, tf.Tensor):
    embeddings = np.asarray(memoryview(embeddings))  # Its own memory.
  partitions = None
  with tf.device("/cpu:0"):
    if not settings.exact:
      partitions = _map_parts(
        tf.constant,
        partition_table.make_partitions(embeddings, settings.num_leaves),
      )
    return TensorFlowSearcher(tf.constant(embeddings), partitions, settings)


def restore(
  saved: tf.Module, settings: searcher_settings.SearcherSettings
) -> TensorFlowSearcher:
  """Makes a searcher of what was saved.

  Args:
    saved: The SavedModel.
    settings: How it was built.
  """
  partitions = None
  with tf.device("/cpu:0"):
    if not settings.exact:
      partitions = partition_table.Partitions(
        **{
          name: getattr(saved, name).read_value()
          for name in partition_table.Partitions._fields
        }
      )
    return TensorFlowSearcher(saved.vectors.read_value(), partitions, settings)


class _SavedTensorFlow(searcher_base.SavedSearcher):
  """The index as variables, which have no limit of 2 GB, as a graph has."""

  def __init__(
    self,
    searcher: TensorFlowSearcher,
    vectors: tf.Tensor,
    partitions: partition_table.Partitions | None,
  ):
    """Takes the parts; see `TensorFlowSearcher.as_module`."""
    super().__init__(searcher)
    # By these attributes, `restore` and `searchers` find them in the files.
    self.vectors = tf.Variable(vectors, trainable=False)
    parts = None
    if partitions is not None:
      parts = _map_parts(lambda p: tf.Variable(p, trainable=False), partitions)
      for name, part in parts._asdict().items():
        setattr(self, name, part)
    self._searcher = _make(self.vectors, parts, searcher.settings)

  def search(
    self, queries: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Searches as `TensorFlowSearcher.search` does."""
    return self._searcher.search(queries, k)


def _make(
  vectors: tf.Tensor | tf.Variable,
  partitions: partition_table.Partitions | None,
  settings: searcher_settings.SearcherSettings,
) -> exact.ExactSearcher | partitioned.PartitionedSearcher:
  """Returns the searcher that visits as many leaves as the settings say."""
  if partitions is None:
    return exact.ExactSearcher(vectors)
  visited = settings.leaves_to_search / settings.num_leaves
  return partitioned.PartitionedSearcher(
    vectors,
    partitions,
    partition_table.PartitionSettings(
      num_partitions=settings.num_leaves,
      rows_scored=math.ceil(vectors.shape[0] * visited),
      rows_rescored=settings.reordering_candidates,
    ),
  )


def _map_parts(
  function: Callable[[Any], Any], partitions: partition_table.Partitions
) -> partition_table.Partitions:
  return partition_table.Partitions(*map(function, partitions))
