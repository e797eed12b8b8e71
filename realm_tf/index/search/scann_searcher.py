"""Search by ScaNN."""

import types
import uuid
import weakref

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.index.search import searcher_base
from realm_tf.index.search import searcher_settings

_DIMS_PER_BLOCK = 2  # hashed together
_ANISOTROPIC_THRESHOLD = 0.2  # ScaNN's recommendation for inner products
# Beyond about 16 GB ScaNN's serialisation fails with a bad allocation.
_LARGEST_BYTES = 15 * 10**9
# Passages in the leaves that are visited, for each result wanted, at least.
_VISITED_FACTOR = 4
# Passages that are scored again exactly, for each result wanted, at least.
_REORDER_FACTOR = 2


class ScannSearcher(searcher_base.Searcher):
  """Searches a ScaNN resource; see `searcher_base.Searcher`."""

  def __init__(
    self,
    handle: tf.Tensor,
    settings: searcher_settings.SearcherSettings,
    num_rows: int,
    dim: int,
  ):
    """Wraps a ScaNN resource; see `build` and `restore`.

    Args:
      handle: <resource>[], which this object owns from now on.
      settings: How it was built.
      num_rows: Passages in it.
      dim: Of the embeddings.
    """
    super().__init__(settings, num_rows, dim)
    self._handle = handle
    weakref.finalize(self, _free, handle)

  def search(
    self, queries: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the k best passages; see `searcher_base.Searcher`."""
    return _search(self._handle, queries, k, self.settings, self.num_rows)

  def as_module(self) -> "_SavedScann":
    """Returns the index in a form that a SavedModel can hold."""
    state = _ops().ScannSearcher(self._handle).serialize_to_module()
    return _SavedScann(state, self)


def build(
  embeddings: np.ndarray | tf.Tensor,
  settings: searcher_settings.SearcherSettings,
  k_max: int,
) -> ScannSearcher:
  """Builds a searcher over embeddings.

  Args:
    embeddings: <float32>[N, D].
    settings: From `searcher_settings.choose_settings`.
    k_max: Results that are usually asked for.

  Raises:
    errors.UserError: If the index is too large for ScaNN.
  """
  num_rows, dim = embeddings.shape
  num_bytes = 4 * num_rows * dim
  if num_bytes > _LARGEST_BYTES:
    raise errors.UserError(
      f"The index takes {num_bytes} bytes as float32; one searcher "
      f"holds {_LARGEST_BYTES}. Split the corpus, or set projection_size lower."
    )
  with tf.device("/cpu:0"):
    builder = _ops().builder(embeddings, min(k_max, num_rows), "dot_product")
    if settings.exact:
      builder.score_brute_force()
    else:
      builder.tree(
        settings.num_leaves,
        settings.leaves_to_search,
        training_sample_size=min(num_rows, 100_000),
        min_partition_size=1,
      )
      builder.score_ah(
        _DIMS_PER_BLOCK,
        anisotropic_quantization_threshold=_ANISOTROPIC_THRESHOLD,
      )
      builder.reorder(settings.reordering_candidates)
    # A name of its own for each: with a constant one, a second searcher would
    # silently answer from the first one's data.
    handle = builder.build(shared_name=_unique_name()).searcher_handle
  return ScannSearcher(handle, settings, num_rows, dim)


def restore(
  state: tf.Module,
  settings: searcher_settings.SearcherSettings,
  num_rows: int,
  dim: int,
) -> ScannSearcher:
  """Makes a searcher of what was saved, as a separate index.

  Args:
    state: The attribute `state` of the SavedModel.
    settings: How it was built.
    num_rows: Passages in it.
    dim: Of the embeddings.
  """
  with tf.device("/cpu:0"):
    handle = _make_handle(state, _unique_name())
  return ScannSearcher(handle, settings, num_rows, dim)


class _SavedScann(searcher_base.SavedSearcher):
  """The index as the tensors that ScaNN serializes."""

  def __init__(self, state: tf.Module, searcher: ScannSearcher):
    """Takes what ScaNN serialized; see `ScannSearcher.as_module`."""
    super().__init__(searcher)
    self.state = state
    self._settings = searcher.settings
    self._num_rows = searcher.num_rows

  def search(
    self, queries: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Searches as `ScannSearcher.search` does; for graphs that are saved."""
    handle = _make_handle(self.state, "")
    return _search(handle, queries, k, self._settings, self._num_rows)


def _search(
  handle: tf.Tensor,
  queries: tf.Tensor,
  k: int,
  settings: searcher_settings.SearcherSettings,
  num_rows: int,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """Calls ScaNN, and pads the result to k."""
  wanted = min(k, num_rows)
  reordered = leaves = -1
  if not settings.exact:
    enough = _REORDER_FACTOR * wanted
    reordered = min(num_rows, max(settings.reordering_candidates, enough))
    # The visited leaves must contain a wide beam, such as ORQA's of 5,000.
    enough = -(-_VISITED_FACTOR * wanted * settings.num_leaves // num_rows)
    leaves = max(settings.leaves_to_search, min(enough, settings.num_leaves))
  with tf.device("/cpu:0"):
    rows, scores = _ops().scann_search_batched(
      handle, queries, wanted, reordered, leaves, True
    )
    # ScaNN gives row 0 and NaN for what it did not find, and fewer columns
    # where the index is small.
    missing = k - tf.shape(rows)[1]
    rows = tf.pad(tf.cast(rows, tf.int32), [[0, 0], [0, missing]])
    scores = tf.pad(
      scores, [[0, 0], [0, missing]], constant_values=float("nan")
    )
    valid = tf.math.is_finite(scores) & (rows >= 0) & (rows < num_rows)
    rows = tf.where(valid, rows, -1)
    scores = tf.where(valid, scores, float("-inf"))
    shape = [queries.shape[0], k]
    return (
      tf.ensure_shape(scores, shape),
      tf.ensure_shape(rows, shape),
      tf.ensure_shape(valid, shape),
    )


def _make_handle(state: tf.Module, shared_name: str) -> tf.Tensor:
  """Makes a ScaNN resource of the tensors that it was saved as."""
  return _ops().tensors_to_scann(
    state.dataset,
    state.scann_config,
    state.serialized_partitioner,
    state.datapoint_to_token,
    state.ah_codebook,
    state.hashed_dataset,
    state.int8_dataset,
    state.int8_multipliers,
    state.dp_norms,
    shared_name=shared_name,
  )


def _free(handle: tf.Tensor) -> None:
  """Frees a resource now, also where a graph is being built.

  The garbage collector may come at any time. While a function is traced, the
  operation would become part of that function, and the handle one of its
  captures. (`tf.init_scope` leaves functions, but no `tf.Graph`.)
  """
  with tf.__internal__.eager_context.eager_mode():
    tf.raw_ops.DestroyResourceOp(resource=handle, ignore_lookup_error=True)


def _unique_name() -> str:
  return f"realm-searcher-{uuid.uuid4().hex}"


def _ops() -> types.ModuleType:
  """Returns ScaNN's operations, which are there: `stack.why_no_scann`."""
  from scann.scann_ops.py import scann_ops

  return scann_ops
