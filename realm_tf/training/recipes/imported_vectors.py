"""Publishes vectors of passages that came with weights, as an index."""

import gc
import logging

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints.formats import mapped_file
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.index.build import index_builder
from realm_tf.index.build import refresh_config
from realm_tf.index.build import refresh_plan
from realm_tf.index.versions import index_store
from realm_tf.runs import exports

_log = logging.getLogger(__name__)


def check(
  vectors: np.ndarray, corpus: corpora.Corpus, path: str, source: str
) -> None:
  """Raises unless the vectors are those of a corpus, as far as can be seen.

  Args:
    vectors: <float32>[passages, D].
    corpus: The passages.
    path: Their folder, as the user named it.
    source: Where the vectors come from.

  Raises:
    errors.UserError: If their number or the order of the corpus is another.
  """
  if len(vectors) != corpus.num_passages:
    raise errors.UserError(
      f"source={source} has vectors of {len(vectors):,} passages, but "
      f"corpus={path} has {corpus.num_passages:,}: build the corpus of the "
      "records that came with it."
    )
  if not corpus.manifest.in_order:
    raise errors.UserError(
      f"corpus={path} is sorted by title, and the vectors of source={source} "
      "are in the order of their records: build the corpus of these, with "
      "build_corpus(input=.../block_records.npy) or "
      "build_corpus(input=.../blocks.tfr,.../titles.tfr)."
    )


def describe(
  vectors: np.ndarray, corpus: corpora.Corpus, config: schema.ModelConfig
) -> str:
  """Returns in a few words what an index of vectors is, and takes.

  Args:
    vectors: <float32>[passages, D], which `check` has accepted.
    corpus: The passages.
    config: The run's.
  """
  rows, size = vectors.shape
  context = refresh_plan.RefreshContext(
    index_store.IndexStore(""),
    corpus,
    refresh_config.RefreshConfig.of(config),
    _log.info,
  )
  export = exports.EmbedderExport(path="", step=0, dim=size)
  plan = refresh_plan.VersionPlan.of(context, export)
  return (
    f"{rows:,} vectors of {size}, as {plan.dtype}: "
    f"{plan.bytes.needed / 1e6:,.1f} MB on disk; memory while the searcher is "
    f"built: about {plan.bytes.peak / 1e6:,.1f} MB, "
    f"{4e-6 * rows * size:,.1f} of them a file's pages"
  )


def publish(
  vectors: np.ndarray,
  corpus: corpora.Corpus,
  config: schema.ModelConfig,
  source: str,
  *,
  folder: str,
  store: index_store.IndexStore,
  step: int,
) -> None:
  """Publishes vectors as an index version, one corpus shard at a time.

  Models that nothing refers to any more are freed first.

  Args:
    vectors: <float32>[passages, D], which `check` has accepted.
    corpus: The passages.
    config: The run's.
    source: Where the vectors come from.
    folder: The run's, with the export of its towers.
    store: Where its versions are.
    step: The export's, and the version's.

  Raises:
    errors.UserError: If the disk is full, or a vector is not finite.
  """
  tf.keras.backend.clear_session()
  gc.collect()
  context = refresh_plan.RefreshContext(
    store, corpus, refresh_config.RefreshConfig.of(config), _log.info
  )
  offsets = corpus.shard_offsets.tolist()

  def of_shard(shard: int) -> np.ndarray:
    copied = np.array(vectors[offsets[shard] : offsets[shard + 1]], np.float32)
    mapped_file.release(vectors)
    return copied

  index_builder.publish_vectors(
    context, exports.find(folder, step), of_shard, source
  )
