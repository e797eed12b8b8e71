"""An index over any vectors, with identifiers: for your own programs."""

import os
from collections.abc import Sequence
from typing import Self

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.configs import schema
from realm_tf.index.search import searcher_base
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import searchers

_IDENTIFIERS = "identifiers.npy"
_MANIFEST = "manifest.json"


class Searcher(tf.Module):
  """Returns the vectors with the largest inner products.

  As TensorFlow Recommenders' retrieval layers, an index is called with queries
  and gives scores and identifiers.

  Example:
    index = Searcher.build(vectors, ids)
    scores, found = index(queries, k=10)

  Attributes:
    identifiers: <int64 or string>[N]. Of the vectors.
  """

  def __init__(
    self, searcher: searcher_base.Searcher, identifiers: np.ndarray, k: int
  ):
    """Wraps a searcher; see `build` and `load`."""
    super().__init__(name="searcher")
    self._searcher = searcher
    self._k = k
    self._array = identifiers
    with tf.device("/cpu:0"):
      self.identifiers = tf.constant(identifiers)

  @classmethod
  def build(
    cls,
    vectors: np.ndarray,
    identifiers: Sequence[int] | Sequence[str] | np.ndarray | None = None,
    *,
    k: int = 10,
    exact_below: int = 20_000,
  ) -> Self:
    """Builds an index: exact for few vectors, a tree for many.

    Args:
      vectors: <floating>[N, D].
      identifiers: Whole numbers or strings, one a vector; by default 0 to
        N - 1.
      k: Results of a call that does not say how many.
      exact_below: Fewer vectors are searched exactly.

    Raises:
      errors.UserError: If shapes do not fit, or there are too many vectors to
        search without ScaNN.
    """
    _check_k(k)
    vectors = np.asarray(vectors, np.float32)
    if vectors.ndim != 2 or not vectors.size:
      raise errors.UserError(
        f"`vectors` must be [N, D] and not empty, got {list(vectors.shape)}."
      )
    array = np.arange(len(vectors)) if identifiers is None else identifiers
    array = np.asarray(array)
    if not _are_identifiers(array, len(vectors)):
      raise errors.UserError(
        f"`identifiers` must be {len(vectors)} whole numbers or strings, one a "
        f"vector; got {array.dtype} {list(array.shape)}."
      )
    settings = searcher_settings.choose_settings(
      len(vectors), schema.IndexConfig(exact_search_below=exact_below), k
    )
    return cls(searchers.build_searcher(vectors, settings, k), array, k)

  @classmethod
  def load(cls, path: str) -> Self:
    """Loads what `save` wrote.

    Raises:
      errors.UserError: If there is none, or it is damaged.
    """
    try:
      k = files.read_json(os.path.join(path, _MANIFEST))["k"]
      identifiers = os.path.join(path, _IDENTIFIERS)
      files.check_readable(identifiers)
      array = np.load(identifiers, allow_pickle=False)
    except (*files.NO_ARRAY, LookupError, TypeError, tf.errors.OpError) as e:
      raise errors.UserError(f"{path} holds no index: {e}") from e
    searcher = searchers.load_searcher(os.path.join(path, "searcher"))
    if not _are_identifiers(array, searcher.num_rows):
      raise errors.UserError(
        f"{identifiers} is damaged: it holds {array.dtype} "
        f"{list(array.shape)} for {searcher.num_rows} vectors."
      )
    if type(k) is not int or k < 1:
      raise errors.UserError(
        f"{path}/{_MANIFEST} is damaged: `k` is {k!r:.80}."
      )
    return cls(searcher, array, k)

  def save(self, path: str) -> None:
    """Writes the index to a folder, whole or not at all.

    Args:
      path: The folder; an index that it holds is replaced.
    """
    with files.new_folder(path, _MANIFEST) as folder:
      self._searcher.save(os.path.join(folder, "searcher"))
      np.save(os.path.join(folder, _IDENTIFIERS), self._array)
      files.write_json(os.path.join(folder, _MANIFEST), {"k": self._k})

  def is_exact(self) -> bool:
    """Returns whether every vector is scored."""
    return self._searcher.is_exact

  def __call__(
    self, queries: tf.Tensor, k: int | None = None
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the k best vectors of each query, best first.

    Args:
      queries: <float32>[batch, D].
      k: Results a query, at most N; by default as the index was built for.

    Returns:
      Scores <float32>[batch, k] and identifiers [batch, k]. Where the
      partitions that were visited hold fewer, the score is -inf, and the
      identifier means nothing.

    Raises:
      errors.UserError: If a shape does not fit.
    """
    scores, rows = self._search(queries, self._k if k is None else k)
    return scores, tf.gather(self.identifiers, rows)

  def query_with_exclusions(
    self, queries: tf.Tensor, exclusions: tf.Tensor, k: int | None = None
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the k best vectors of each query that are not excluded.

    Args:
      queries: <float32>[batch, D].
      exclusions: [batch, n]. Identifiers, of the index's type; n is static.
        Those that no vector has change nothing.
      k: See `__call__`.

    Returns:
      See `__call__`. Fewer than k may be left, too, where all others are
      excluded, or where several vectors have one identifier.

    Raises:
      errors.UserError: If a shape does not fit.
    """
    k = self._k if k is None else k
    _check_k(k)
    queries = tf.convert_to_tensor(queries, tf.float32)
    exclusions = tf.convert_to_tensor(exclusions, self.identifiers.dtype)
    _check_shape(
      "exclusions", exclusions, [queries.shape[0], None], "[batch, n]"
    )
    scores, rows = self._search(queries, k + exclusions.shape[1])
    found = tf.gather(self.identifiers, rows)
    excluded = tf.reduce_any(found[:, :, None] == exclusions[:, None], axis=2)
    scores = tf.where(excluded, float("-inf"), scores)
    scores, places = tf.math.top_k(scores, min(k, scores.shape[1]))
    return scores, tf.gather(found, places, batch_dims=1)

  def _search(self, queries: tf.Tensor, k: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns scores and rows of as many results as there are vectors for."""
    _check_k(k)
    queries = tf.convert_to_tensor(queries, tf.float32)
    # ScaNN would read on where a query is too short.
    dim = self._searcher.dim
    _check_shape("queries", queries, [None, dim], f"[batch, {dim}]")
    scores, rows, _ = self._searcher.search(
      queries, min(k, self._searcher.num_rows)
    )
    return scores, tf.maximum(rows, 0)


def _are_identifiers(array: np.ndarray, count: int) -> bool:
  """Whether an array holds a whole number or string for each of its vectors."""
  return array.shape == (count,) and array.dtype.kind in "iuUS"


def _check_k(k: int) -> None:
  if k < 1:
    raise errors.UserError(f"`k` must be at least 1, got {k}.")


def _check_shape(
  name: str, tensor: tf.Tensor, shape: list[int | None], axes: str
) -> None:
  if not tensor.shape.is_compatible_with(shape):
    raise errors.UserError(f"`{name}` must be {axes}, got {tensor.shape}.")
