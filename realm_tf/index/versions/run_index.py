"""Opens the index that a run searches: its own, or another run's."""

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator

import tensorflow as tf

from realm_tf.data.corpus import corpora
from realm_tf.index.versions import index_store
from realm_tf.index.versions import index_version
from realm_tf.runs import run_config

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def loading_own(
  model_dir: str, step: int, corpus: corpora.Corpus
) -> Iterator[index_version.IndexVersion]:
  """Opens a version of a run's own index, locked while it is loaded.

  The run may train meanwhile, and prune versions older than its newest.

  Args:
    model_dir: The run.
    step: Which version.
    corpus: The run's corpus, or what `edit_corpus` made of it for this run.

  Yields:
    The version; the export that made it stays, too.

  Raises:
    errors.UserError: If it is missing, damaged, or of another corpus.
  """
  store = index_store.find_store(model_dir, corpus.fingerprint, step)
  own = index_store.IndexStore(model_dir)
  with contextlib.ExitStack() as stack:
    stack.enter_context(store.loading(step))
    if own.folder != store.folder:  # An edited corpus's: the export is here.
      stack.enter_context(own.loading(step))
    yield store.open(step, corpus.fingerprint, corpus.num_passages)


def open_index(
  run: run_config.RunConfig, corpus: corpora.Corpus, model_dir: str
) -> index_version.IndexVersion:
  """Opens the index that a run searches, and keeps it from being pruned.

  Args:
    run: The run.
    corpus: Its corpus, or what `edit_corpus` made of it for this run.
    model_dir: Its folder.

  Raises:
    errors.UserError: If it is missing, damaged, or of another corpus.
  """
  store = index_store.find_store(
    run.index_home(model_dir), corpus.fingerprint, run.index_step
  )
  if run.index_run:
    path = os.path.abspath(model_dir)
    reader = "finetune-" + hashlib.sha256(path.encode()).hexdigest()[:16]
    try:
      store.announce(reader, [run.index_step], of=path)
    except tf.errors.OpError as e:  # A colleague's run may be read only.
      _log.warning(
        f"{store.folder}/{run.index_step} is not kept from being "
        f"pruned, as nothing can be written there: {e.message}"
      )
  return store.open(run.index_step, corpus.fingerprint, corpus.num_passages)
