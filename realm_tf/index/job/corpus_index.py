"""Opens the newest index of a run, or builds its first."""

import logging

from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.export import embedder_export
from realm_tf.index.job import embedding_progress
from realm_tf.index.job import refresher_process
from realm_tf.index.versions import run_index
from realm_tf.models import embedders
from realm_tf.runs import exports
from realm_tf.runs import run_config
from realm_tf.runs import run_folder

_log = logging.getLogger(__name__)


def newest(model_dir: str, fingerprint: str) -> int | None:
  """Returns the newest version of a run's index.

  Args:
    model_dir: The run.
    fingerprint: Of the corpus that is searched. It matters for an imported
      encoder, which has an index for each.

  Returns:
    The version; None if there is none, or the run's weights (the best, else
    the newest) are of a later step: of a retriever that was trained with a
    frozen index, or on after a version was made.
  """
  run = run_config.read(model_dir)
  version = run_index.home(run, model_dir, fingerprint).latest()
  if version is None:
    return None
  _, step = own_run.weights_path(model_dir)
  return version if version >= step else None


def build(
  model_dir: str,
  retriever: embedders.TwoTowers,
  config: schema.RetrievalConfig,
  step: int,
  corpus: corpora.Corpus,
) -> None:
  """Embeds the corpus of a run and publishes the index, unless it exists.

  Args:
    model_dir: The run, which has its `config.json`.
    retriever: Its towers; exported too, if that was not done.
    config: Of the run.
    step: Of the weights, which the version is named after.
    corpus: The run's, or any for an imported encoder.

  Raises:
    errors.UserError: If the process that embeds fails.
  """
  run = run_config.read(model_dir)
  store = run_index.home(run, model_dir, corpus.fingerprint)
  if store.is_usable(step):
    return
  if step not in exports.steps(model_dir):
    embedder_export.Exporter(retriever, config).save(model_dir, step)
  _log.info(
    "Embedding the corpus, once; see "
    f"{run_folder.RunFolder(model_dir).refresher_log} ..."
  )
  shown = embedding_progress.EmbeddingProgress(store, step, corpus.num_passages)
  refresher = refresher_process.Refresher(
    model_dir, watch=False, step=step, corpus=corpus.path
  )
  try:
    refresher.wait(shown.show)
  finally:
    refresher.terminate()
