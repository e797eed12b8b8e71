"""Maximum inner product search over one index version, by ScaNN."""

import dataclasses
import os
import types
import uuid
import weakref

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.index.search import searcher_settings

_FILE_NAME = "searcher.json"
_DIMS_PER_BLOCK = 2  # hashed together
_ANISOTROPIC_THRESHOLD = 0.2  # ScaNN's recommendation for inner products
# Beyond about 16 GB ScaNN's serialisation fails with a bad allocation.
_LARGEST_BYTES = 15 * 10**9
_SIGNATURE_RESULTS = 100
# Passages in the leaves that are visited, for each result wanted, at least.
_VISITED_FACTOR = 4
# Passages that are scored again exactly, for each result wanted, at least.
_REORDER_FACTOR = 2


class Searcher(tf.Module):
  """Returns the passages with the largest inner products.

  `search` may be called eagerly and in `tf.data` map functions. The memory of
  the index is freed with the searcher, so its users must hold it: a
  dataset whose function calls `search` does.

  Attributes:
    settings: How is searched.
    num_rows: Passages that are searched.
    dim: Of the embeddings.
  """

  def __init__(
    self,
    handle: tf.Tensor,
    settings: searcher_settings.SearcherSettings,
    num_rows: int,
    dim: int,
  ):
    """Wraps a ScaNN resource; see `build_searcher` and `load_searcher`.

    Args:
      handle: <resource>[], which this object owns from now on.
      settings: How it was built.
      num_rows: Passages in it.
      dim: Of the embeddings.
    """
    super().__init__(name="searcher")
    self.settings = settings
    self.num_rows = num_rows
    self.dim = dim
    self._handle = handle
    weakref.finalize(self, _free, handle)

  @property
  def is_exact(self) -> bool:
    """Whether every passage is scored."""
    return self.settings.exact

  def search(
    self, queries: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the k best passages of each query, best first.

    The width is k always. Where fewer were found, because the corpus is
    smaller or the visited leaves are, places are marked as not valid.

    Args:
      queries: <float32>[batch, dim].
      k: Results a query; static.

    Returns:
      Inner products <float32>[batch, k], rows <int32>[batch, k] and validity
      <bool>[batch, k]; -inf and -1 where not valid.
    """
    return _search(self._handle, queries, k, self.settings, self.num_rows)

  def as_module(self) -> "SavedSearcher":
    """Returns the index in a form that a SavedModel can hold."""
    state = _scann_ops().ScannSearcher(self._handle).serialize_to_module()
    return SavedSearcher(state, self)

  def save(self, path: str) -> None:
    """Writes a SavedModel that holds the whole index.

    Its signature `search` answers with 100 results a query (with as many as
    are scored again, where that is set), in any program that registers
    ScaNN's ops. `load_searcher` reads it for this package.

    Args:
      path: A folder, which must not exist.
    """
    module = self.as_module()
    tf.saved_model.save(
      module, path, signatures={"search": module.search_default}
    )
    files.write_json(
      os.path.join(path, _FILE_NAME),
      {
        "settings": dataclasses.asdict(self.settings),
        "num_rows": self.num_rows,
        "dim": self.dim,
      },
    )


def build_searcher(
  embeddings: np.ndarray,
  settings: searcher_settings.SearcherSettings,
  k_max: int,
) -> Searcher:
  """Builds a searcher over embeddings.

  Args:
    embeddings: <float32>[N, D].
    settings: From `searcher_settings.choose_settings`.
    k_max: Results that are usually asked for.

  Raises:
    errors.UserError: If ScaNN is missing or the index is too large for it.
  """
  ops = _scann_ops()
  num_rows, dim = embeddings.shape
  if embeddings.nbytes > _LARGEST_BYTES:
    raise errors.UserError(
      f"The index takes {embeddings.nbytes} bytes as float32; one searcher "
      f"holds {_LARGEST_BYTES}. Split the corpus, or set projection_size lower."
    )
  with tf.device("/cpu:0"):
    builder = ops.builder(embeddings, min(k_max, num_rows), "dot_product")
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
  return Searcher(handle, settings, num_rows, dim)


def load_searcher(path: str) -> Searcher:
  """Loads what `Searcher.save` wrote, as a separate index.

  Args:
    path: The folder.

  Raises:
    errors.UserError: If there is none, or ScaNN is missing.
  """
  ops = _scann_ops()  # Registers the ops that the SavedModel names.
  file = os.path.join(path, _FILE_NAME)
  try:
    fields = files.read_json(file)
    settings = searcher_settings.SearcherSettings(**fields["settings"])
    num_rows, dim = fields["num_rows"], fields["dim"]
    with tf.device("/cpu:0"):
      state = tf.saved_model.load(path).state
  except tf.errors.OpError as e:
    raise errors.UserError(
      f"{path} cannot be read: {e.message} Remove its index version; "
      "the command that made it builds it again."
    ) from e
  except errors.UserError:
    raise
  except (ValueError, KeyError, TypeError, OSError) as e:
    raise errors.UserError(
      f"{path} is no searcher or a damaged one: {e!r}. Remove its index "
      "version; the command that made it builds it again."
    ) from e
  with tf.device("/cpu:0"):
    handle = _make_handle(ops, state, _unique_name())
  return Searcher(handle, settings, num_rows, dim)


class SavedSearcher(tf.Module):
  """The index as a SavedModel: tensors, and functions of them.

  Attributes:
    search_default: From queries <float32>[batch, dim] to `scores`, `rows` and
      `valid` of as many results as were scored again; a `tf.function`.
  """

  def __init__(self, state: tf.Module, searcher: Searcher):
    """Takes what ScaNN serialized; see `Searcher.as_module`."""
    super().__init__(name="saved_searcher")
    self.state = state
    self._settings = searcher.settings
    self._num_rows = searcher.num_rows
    k = min(
      searcher.num_rows,
      searcher.settings.reordering_candidates or _SIGNATURE_RESULTS,
    )

    @tf.function(
      input_signature=[
        tf.TensorSpec([None, searcher.dim], tf.float32, name="queries")
      ]
    )
    def search_default(queries: tf.Tensor) -> dict[str, tf.Tensor]:
      scores, rows, valid = self.search(queries, k)
      return {"scores": scores, "rows": rows, "valid": valid}

    self.search_default = search_default

  def search(
    self, queries: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Searches as `Searcher.search` does; for graphs that are saved."""
    handle = _make_handle(_scann_ops(), self.state, "")
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
    rows, scores = _scann_ops().scann_search_batched(
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


def _make_handle(
  ops: types.ModuleType, state: tf.Module, shared_name: str
) -> tf.Tensor:
  """Makes a ScaNN resource of the tensors that it was saved as."""
  return ops.tensors_to_scann(
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


def _scann_ops() -> types.ModuleType:
  """Imports ScaNN on first use; the error says how to do without."""
  try:
    from scann.scann_ops.py import scann_ops
  except (ImportError, tf.errors.NotFoundError) as e:
    raise errors.UserError(
      "ScaNN, which searches the index, cannot be loaded "
      f"({str(e).splitlines()[0]}). Install the version in constraints.txt: "
      "pip install -c constraints.txt scann. It needs Linux on x86 with AVX2."
    ) from e
  return scann_ops
