"""What the command `edit_corpus` does: a new corpus, and a run's index of it.

The index is of the embedder that made the old one, which is fixed: passages
that stayed keep their embeddings, and only the others are embedded.
"""

import dataclasses
import time

from realm_tf import errors
from realm_tf import suggestions
from realm_tf.configs import run_config
from realm_tf.configs import schema
from realm_tf.data import corpus as corpus_lib
from realm_tf.data import edit as edit_lib
from realm_tf.data import qa_splits
from realm_tf.index import exports
from realm_tf.index import job
from realm_tf.index import plan as plan_lib
from realm_tf.index import refresh
from realm_tf.index import reuse as reuse_lib
from realm_tf.index import settings as settings_lib
from realm_tf.index import store as store_lib
from realm_tf.index import version as version_lib

_READER = "edit_corpus"


@dataclasses.dataclass(frozen=True)
class IndexToUpdate:
  """The index of the corpus that is edited, and what made it.

  Attributes:
    run_dir: The run that has it.
    version: The index.
    export: The embedder that made it.
    config: How it was made.
  """

  run_dir: str
  version: version_lib.IndexVersion
  export: exports.EmbedderExport
  config: settings_lib.IndexConfig


def run(options: edit_lib.EditOptions, model_dir: str) -> None:
  """Edits a corpus and brings a run's index up to date.

  Args:
    options: What is edited, and how.
    model_dir: A run of `finetune` or `pretrain` with an index of the corpus;
      "" to write the corpus alone.

  Raises:
    errors.UserError: If a flag, file, record or id is wrong, or the run has no
      index of the corpus.
  """
  if not options.corpus:
    raise errors.UserError("--corpus is missing: name the corpus to edit.")
  old = corpus_lib.Corpus.open(options.corpus)
  # Before anything is written.
  index = find_index(model_dir, old) if model_dir else None
  new = edit_lib.edit(options, old)
  if index is None:
    annotating = suggestions.command("annotate_spans", {"corpus": new.path})
    print(
      f"For a run's index of {new.path}, give the same command with "
      f"--model_dir naming the run. Next, to train on it: {annotating}"
    )
    return
  update_index(index, old, new)
  print(f"Next: {_next_command(model_dir, new)}")


def find_index(model_dir: str, corpus: corpus_lib.Corpus) -> IndexToUpdate:
  """Finds the index that a run searches.

  Args:
    model_dir: A run of `finetune`, whose index may be another run's, or a run
      with an index, of which the newest version is taken.
    corpus: What it must be of.

  Raises:
    errors.UserError: If there is none of this corpus, or its embedder is gone.
  """
  run = run_config.read(model_dir)
  run_dir, step = model_dir, None
  if isinstance(run.config, schema.OrqaConfig):
    run_dir, step = run.index_run or model_dir, run.index_step
  store = store_lib.find_store(run_dir, corpus.fingerprint, step)
  if step is None:
    step = store.latest()
  if step is None:
    raise errors.UserError(
      f"--model_dir={model_dir} has no index whose embedder is there: make one "
      "with refresh_index, name a run of `finetune`, or fine-tune with "
      "--rebuild_index on the edited corpus."
    )
  version = store.open(step, corpus.fingerprint, corpus.num_passages)
  if not store.is_usable(step):
    raise errors.UserError(
      f"--model_dir={model_dir}: {exports.path(run_dir, step)}, the embedder "
      f"that made {version.path}, was removed. Fine-tune with --rebuild_index "
      "on the edited corpus."
    )
  config = settings_lib.IndexConfig.from_task(run_config.read(run_dir).config)
  config = dataclasses.replace(config, index_dtype=version.manifest.dtype)
  return IndexToUpdate(run_dir, version, exports.find(run_dir, step), config)


def update_index(
  index: IndexToUpdate, old: corpus_lib.Corpus, new: corpus_lib.Corpus
) -> None:
  """Publishes the index of an edited corpus, unless it is there.

  A job that was killed is taken up again: finished shards are kept.

  Args:
    index: Of the old corpus.
    old: The corpus that was edited.
    new: What has become of it.

  Raises:
    errors.UserError: If the disk is full or an embedding is not finite.
  """
  step = index.export.step
  found = store_lib.find_store(index.run_dir, new.fingerprint, step)
  if found.is_usable(step):
    path = found.path(step)
    manifest = version_lib.IndexManifest.read(f"{path}/{version_lib.MANIFEST}")
    if manifest.corpus_fingerprint == new.fingerprint:
      job.report(f"index {step} of {new.path} is there: {path}")
      return
  job.quiet()
  started = time.monotonic()
  source = store_lib.find_store(index.run_dir, old.fingerprint, step)
  source.announce(_READER, [step])
  reuse = reuse_lib.Reuse(index.version, old, new)
  job.report(
    f"index {step}: {reuse.num_known:,} embeddings of {index.version.path} "
    f"stay, {reuse.num_missing:,} passages are to be embedded"
  )
  context = plan_lib.RefreshContext(
    store_lib.store_of_edited(index.run_dir, new.fingerprint),
    new,
    index.config,
    job.report,
    reuse=reuse,
  )
  refresh.VersionBuilder(context, index.export).build()
  job.report(
    f"index {step}: {reuse.num_known:,} copied and {reuse.num_missing:,} "
    f"embedded in {time.monotonic() - started:.1f} s"
  )


def _next_command(model_dir: str, corpus: corpus_lib.Corpus) -> str:
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
