"""Maximum inner product search over one index version.

ScaNN searches wherever it is there; elsewhere TensorFlow does, exactly or by
partitions. Both read what the other has written.
"""

import dataclasses
import functools
import logging
import os

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf import stack
from realm_tf import typed
from realm_tf.checkpoints import saved
from realm_tf.index.search import scann_searcher
from realm_tf.index.search import searcher_base
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import tensorflow_searcher

_log = logging.getLogger(__name__)

# The names of the vectors in the SavedModels' checkpoints.
_VECTORS = {
  searcher_settings.SCANN: "state/dataset/.ATTRIBUTES/VARIABLE_VALUE",
  searcher_settings.TENSORFLOW: "vectors/.ATTRIBUTES/VARIABLE_VALUE",
}


def build_searcher(
  embeddings: np.ndarray | tf.Tensor,
  settings: searcher_settings.SearcherSettings,
  k_max: int,
) -> searcher_base.Searcher:
  """Builds a searcher over embeddings.

  Args:
    embeddings: <float32>[N, D]. Of a tensor, ScaNN makes no copy but its own.
    settings: From `searcher_settings.choose_settings`.
    k_max: Results that are usually asked for.

  Raises:
    errors.UserError: If the index is too large.
  """
  library = searcher_settings.library_here(len(embeddings))
  settings = dataclasses.replace(settings, library=library)
  if library == searcher_settings.SCANN:
    return scann_searcher.build(embeddings, settings, k_max)
  warn_of_no_scann()
  return tensorflow_searcher.build(embeddings, settings)


def load_searcher(path: str) -> searcher_base.Searcher:
  """Loads what `Searcher.save` wrote, as a separate index.

  Args:
    path: The folder.

  Raises:
    errors.UserError: If there is none, or it is too large to be searched
      without ScaNN.
  """
  file = os.path.join(path, searcher_base.FILE_NAME)
  try:
    files.check_all_readable(path)
    fields = files.read_json(file)
    settings = searcher_settings.SearcherSettings(**fields["settings"])
    typed.check(settings)
    num_rows, dim = fields["num_rows"], fields["dim"]
    if type(num_rows) is not int or type(dim) is not int:
      raise TypeError("`num_rows` and `dim` must be whole numbers")
    library = searcher_settings.library_here(num_rows)
    if settings.library != library:
      return build_searcher(_read_vectors(path, settings.library), settings, 1)
    with tf.device("/cpu:0"):
      loaded = tf.saved_model.load(path)
    _, queries = loaded.signatures["search"].structured_input_signature
    if queries["queries"].shape[1] != dim:
      raise ValueError(f"{queries['queries']} is not of {dim} dimensions")
  except tf.errors.OpError as e:
    raise errors.UserError(
      f"{path} cannot be read: {e.message} Remove its index version; "
      "the command that made it builds it again."
    ) from e
  except errors.UserError:
    raise
  except (*saved.DAMAGE, KeyError, TypeError, OSError) as e:
    raise errors.UserError(
      f"{path} is no searcher or a damaged one: {e!r}. Remove its index "
      "version; the command that made it builds it again."
    ) from e
  if library == searcher_settings.SCANN:
    return scann_searcher.restore(loaded.state, settings, num_rows, dim)
  warn_of_no_scann()
  return tensorflow_searcher.restore(loaded, settings)


def _read_vectors(path: str, library: str) -> np.ndarray:
  """Reads the vectors of a searcher whose operations may not be there.

  Returns:
    <float32>[N, D].
  """
  checkpoint = tf.train.load_checkpoint(
    os.path.join(path, "variables", "variables")
  )
  return checkpoint.get_tensor(_VECTORS[library])


@functools.cache
def warn_of_no_scann() -> None:
  """Warns, once in a process, that TensorFlow searches in ScaNN's place."""
  _log.warning(
    f"ScaNN cannot be loaded ({stack.why_no_scann()}): TensorFlow searches in "
    "its place, which takes longer."
  )
