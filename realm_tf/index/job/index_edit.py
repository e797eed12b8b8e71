"""Runs `edit_corpus`: writes a new corpus, and updates a run's index.

The index is of the embedder that made the old one, which is fixed: passages
that stayed keep their embeddings, and only the others are embedded.
"""

import dataclasses
import logging
import time

from realm_tf import errors
from realm_tf import suggestions
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.ingest import corpus_edit
from realm_tf.data.questions import qa_splits
from realm_tf.index.build import embedding_reuse
from realm_tf.index.build import index_builder
from realm_tf.index.build import refresh_config
from realm_tf.index.build import refresh_plan
from realm_tf.index.job import refresh_job
from realm_tf.index.versions import index_store
from realm_tf.index.versions import index_version
from realm_tf.index.versions import run_index
from realm_tf.runs import exports
from realm_tf.runs import run_config

_log = logging.getLogger(__name__)

_READER = "edit_corpus"


@dataclasses.dataclass(frozen=True)
class IndexToUpdate:
  """The index of the edited corpus's parent, and the export that made it.

  Attributes:
    run_dir: The run that has it.
    version: The index.
    export: The embedder that made it.
    config: How it was made.
  """

  run_dir: str
  version: index_version.IndexVersion
  export: exports.EmbedderExport
  config: refresh_config.RefreshConfig


def run(options: corpus_edit.EditOptions, model_dir: str) -> None:
  """Edits a corpus and brings a run's index up to date.

  Args:
    options: The command's options.
    model_dir: A run of `finetune` or `pretrain` with an index of the corpus;
      "" to write the corpus alone.

  Raises:
    errors.UserError: If a flag, file, record or id is wrong, or the run has no
      index of the corpus.
  """
  if not options.corpus:
    raise errors.UserError("`corpus` is missing: name the corpus to edit.")
  old = corpora.Corpus.open(options.corpus)
  # Before anything is written.
  index = find_index(model_dir, old) if model_dir else None
  new = corpus_edit.edit(options, old)
  if index is None:
    annotating = suggestions.command("annotate_spans", {"corpus": new.path})
    _log.info(
      f"For a run's index of {new.path}, give the same command with "
      f"`model_dir` naming the run. Next, to train on it: {annotating}"
    )
    return
  update_index(index, old, new)
  _log.info(f"Next: {_next_command(model_dir, new)}")


def find_index(model_dir: str, corpus: corpora.Corpus) -> IndexToUpdate:
  """Finds the index that a run searches.

  Args:
    model_dir: A run of `finetune`, whose index may be another run's, or a run
      with an index, of which the newest version is taken.
    corpus: The corpus that it must be of.

  Raises:
    errors.UserError: If there is none of this corpus, or its embedder is gone.
  """
  run = run_config.read(model_dir)
  run_dir, step = model_dir, None
  if isinstance(run.config, schema.OrqaConfig):
    run_dir, step = run_index.place(run, model_dir)
  store = index_store.find_store(run_dir, corpus.fingerprint, step)
  if step is None:
    step = store.latest()
  if step is None:
    raise errors.UserError(
      f"model_dir={model_dir} has no index whose embedder is there: make one "
      "with refresh_index, name a run of `finetune`, or run "
      "finetune(rebuild_index=True) on the edited corpus."
    )
  version = store.open(step, corpus.fingerprint, corpus.num_passages)
  if not store.is_usable(step):
    raise errors.UserError(
      f"model_dir={model_dir}: {exports.path(run_dir, step)}, the embedder "
      f"that made {version.path}, was removed. Run "
      "finetune(rebuild_index=True) on the edited corpus."
    )
  config = refresh_config.RefreshConfig.of(run_config.read(run_dir).config)
  index = dataclasses.replace(config.index, index_dtype=version.manifest.dtype)
  config = dataclasses.replace(config, index=index)
  return IndexToUpdate(run_dir, version, exports.find(run_dir, step), config)


def update_index(
  index: IndexToUpdate, old: corpora.Corpus, new: corpora.Corpus
) -> None:
  """Publishes the index of an edited corpus, unless it exists.

  A job that was killed is taken up again: finished shards are kept.

  Args:
    index: Of the old corpus.
    old: The corpus that was edited.
    new: The edited corpus.

  Raises:
    errors.UserError: If the disk is full or an embedding is not finite.
  """
  step = index.export.step
  found = index_store.find_store(index.run_dir, new.fingerprint, step)
  if found.is_usable(step):
    path = found.path(step)
    manifest = index_version.IndexManifest.read(
      f"{path}/{index_version.MANIFEST}"
    )
    if manifest.corpus_fingerprint == new.fingerprint:
      refresh_job.report(f"index {step} of {new.path} is there: {path}")
      return
  refresh_job.set_up_process()
  started = time.monotonic()
  source = index_store.find_store(index.run_dir, old.fingerprint, step)
  source.announce(_READER, [step])
  reuse = embedding_reuse.Reuse(index.version, old, new)
  refresh_job.report(
    f"index {step}: {reuse.num_known:,} embeddings of {index.version.path} "
    f"stay, {reuse.num_missing:,} passages are to be embedded"
  )
  context = refresh_plan.RefreshContext(
    index_store.store_of_corpus(index.run_dir, new.fingerprint),
    new,
    index.config,
    refresh_job.report,
    reuse=reuse,
  )
  index_builder.VersionBuilder(context, index.export).build()
  refresh_job.report(
    f"index {step}: {reuse.num_known:,} copied and {reuse.num_missing:,} "
    f"embedded in {time.monotonic() - started:.1f} s"
  )


def _next_command(model_dir: str, corpus: corpora.Corpus) -> str:
  """Returns the command that searches the new index."""
  updated = run_config.read(model_dir)
  if isinstance(updated.config, schema.OrqaConfig):
    has_test = qa_splits.has_split(updated.dataset, "test")
    return suggestions.command(
      "evaluate",
      {
        "model_dir": model_dir,
        "corpus": corpus.path,
        "dataset": updated.dataset,
        "split": "test" if has_test else "dev",
      },
    )
  return suggestions.finetuning(
    updated.config, updated.task, model_dir, corpus.path
  )
