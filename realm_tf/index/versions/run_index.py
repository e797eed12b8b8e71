"""Opens the index that a run searches: its own, or another run's."""

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator

import tensorflow as tf

from realm_tf.checkpoints.formats import own_run
from realm_tf.data.corpus import corpora
from realm_tf.index.versions import index_store
from realm_tf.index.versions import index_version
from realm_tf.runs import run_config

_log = logging.getLogger(__name__)

# In the facts of the best weights of a run whose index follows its training.
INDEX_STEP = "index_step"


def home(
  run: run_config.RunConfig, model_dir: str, fingerprint: str
) -> index_store.IndexStore:
  """Returns where a run builds the index of a corpus.

  Args:
    run: The run.
    model_dir: Its folder.
    fingerprint: Of its corpus; of an imported encoder, of any corpus.
  """
  if run.is_imported:
    return index_store.store_of_corpus(model_dir, fingerprint)
  return index_store.IndexStore(model_dir)


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


def place(run: run_config.RunConfig, model_dir: str) -> tuple[str, int]:
  """Returns where a fine-tuned run's index is: a run, and the version there.

  Args:
    run: The run.
    model_dir: Its folder.
  """
  if run.has_own_index:
    return model_dir, int(own_run.best_facts(model_dir).get(INDEX_STEP, 0))
  return _first_place(run, model_dir)


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
  if run.has_own_index:
    home, step = place(run, model_dir)
    store = index_store.find_store(home, corpus.fingerprint, step)
    return store.open(step, corpus.fingerprint, corpus.num_passages)
  return open_first(run, corpus, model_dir)


def open_first(
  run: run_config.RunConfig, corpus: corpora.Corpus, model_dir: str
) -> index_version.IndexVersion:
  """Opens the index that a run starts from, which may be another run's.

  Keeps it from being pruned there.

  Args:
    run: The run.
    corpus: See `open_index`.
    model_dir: Its folder.

  Raises:
    errors.UserError: See `open_index`.
  """
  home, step = _first_place(run, model_dir)
  store = index_store.find_store(home, corpus.fingerprint, step)
  if run.index_run:
    _announce(store, [step], model_dir)
  return store.open(step, corpus.fingerprint, corpus.num_passages)


def _first_place(run: run_config.RunConfig, model_dir: str) -> tuple[str, int]:
  """Returns where the index is that a run starts from; see `place`."""
  return run.index_run or model_dir, run.index_step


def release_first(
  run: run_config.RunConfig, corpus: corpora.Corpus, model_dir: str
) -> None:
  """Lets another run's index be pruned, of which this run has a copy.

  Args:
    run: The run.
    corpus: Its corpus.
    model_dir: Its folder.
  """
  store = index_store.find_store(
    run.index_run, corpus.fingerprint, run.index_step
  )
  _announce(store, [], model_dir)


def _announce(
  store: index_store.IndexStore, steps: list[int], model_dir: str
) -> None:
  """Announces the versions that a fine-tuned run needs of another run."""
  path = os.path.abspath(model_dir)
  reader = "finetune-" + hashlib.sha256(path.encode()).hexdigest()[:16]
  try:
    store.announce(reader, steps, of=path)
  except tf.errors.OpError as e:  # A colleague's run may be read only.
    for step in steps:
      _log.warning(
        f"{store.folder}/{step} is not kept from being pruned, as nothing can "
        f"be written there: {e.message}"
      )
