"""The interface of a searcher over one index version."""

import dataclasses
import os

import tensorflow as tf

from realm_tf import files
from realm_tf.index.search import searcher_settings

FILE_NAME = "searcher.json"
_SIGNATURE_RESULTS = 100


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
    settings: searcher_settings.SearcherSettings,
    num_rows: int,
    dim: int,
  ):
    """Takes what every searcher knows of itself."""
    super().__init__(name="searcher")
    self.settings = settings
    self.num_rows = num_rows
    self.dim = dim

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
    raise NotImplementedError

  def as_module(self) -> "SavedSearcher":
    """Returns the index in a form that a SavedModel can hold."""
    raise NotImplementedError

  def save(self, path: str) -> None:
    """Writes a SavedModel that holds the whole index.

    Its signature `search` answers with 100 results a query (with as many as
    are scored again, where that is set), in any program that registers
    ScaNN's ops, or in any at all where TensorFlow searches.
    `searchers.load_searcher` reads it for this package.

    Args:
      path: A folder, which must not exist.
    """
    module = self.as_module()
    tf.saved_model.save(
      module, path, signatures={"search": module.search_default}
    )
    files.write_json(
      os.path.join(path, FILE_NAME),
      {
        "settings": dataclasses.asdict(self.settings),
        "num_rows": self.num_rows,
        "dim": self.dim,
      },
    )


class SavedSearcher(tf.Module):
  """An index as a SavedModel: variables, and functions of them.

  Attributes:
    search_default: From queries <float32>[batch, dim] to `scores`, `rows` and
      `valid` of as many results as were scored again; a `tf.function`.
  """

  def __init__(self, searcher: Searcher):
    """Takes the searcher's shape; `search` may be called from now on."""
    super().__init__(name="saved_searcher")
    k = min(
      searcher.num_rows,
      searcher.settings.reordering_candidates or _SIGNATURE_RESULTS,
    )

    @tf.function(
      input_signature=[
        tf.TensorSpec([None, searcher.dim], tf.float32, name="queries")
      ],
      autograph=False,
    )
    def search_default(queries: tf.Tensor) -> dict[str, tf.Tensor]:
      scores, rows, valid = self.search(queries, k)
      return {"scores": scores, "rows": rows, "valid": valid}

    self.search_default = search_default

  def search(
    self, queries: tf.Tensor, k: int
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Searches as `Searcher.search` does; for graphs that are saved."""
    raise NotImplementedError
