"""Edits a corpus: a new version of it, with some passages changed.

The new version's contents depend on the passages alone: adding documents
gives the corpus that `build_corpus` makes of the old documents and the new
ones, with the same vocabulary, passage length and number of shards, down to
its fingerprint. A shard that no change concerns is the old file.
"""

import collections
import dataclasses
import hashlib
import json
import logging
import time
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import errors
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import corpus_folder
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import sentence_folder
from realm_tf.data.corpus import shard_files
from realm_tf.data.ingest import edit_inputs
from realm_tf.data.ingest import edit_plan
from realm_tf.data.ingest import passage_maker
from realm_tf.data.ingest import sources

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class EditOptions:
  """How to edit a corpus.

  Attributes:
    corpus: The folder of the corpus, which is not changed.
    output: The folder to write.
    add: Files, patterns or folders of documents, as `build_corpus` reads them.
    remove: Ids of passages or titles of articles, separated by commas, or
      "@FILE" with one a line.
    replace: As `add`. A document takes the place of its title's article, or, if
      it is a JSON object with `id`, of that passage.
  """

  corpus: str
  output: str
  add: Sequence[str] = ()
  remove: Sequence[str] = ()
  replace: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class _Inputs:
  """What an edit reads, opened and checked.

  Attributes:
    added: Sources of documents.
    replacing: Sources of documents.
    removals: Passages and articles to remove.
  """

  added: list[sources.Source]
  replacing: list[sources.Source]
  removals: list[edit_inputs.Removal]

  def sha256(self, parent: corpus_manifest.CorpusManifest) -> str:
    """Returns a checksum of everything that the new corpus depends on."""
    decisive = [
      corpus_manifest.FORMAT_VERSION,
      parent.fingerprint,
      [source.identity() for source in self.added],
      sorted({removal.name for removal in self.removals}),
      [source.identity() for source in self.replacing],
    ]
    if parent.metadata_fields:  # The fingerprint leaves them out.
      decisive.append([shard.sha256 for shard in parent.shards])
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


def edit(options: EditOptions, corpus: corpora.Corpus) -> corpora.Corpus:
  """Writes the new version, prints the progress, and opens it.

  An output that already holds this edit is left alone. Nothing exists at the
  output before the corpus is complete.

  Args:
    options: The command's options.
    corpus: The corpus that `options` name, opened.

  Raises:
    errors.UserError: At a wrong flag, file, record or id, or an output that
      holds something else.
  """
  started = time.monotonic()
  inputs = _read_flags(options)
  source_sha256 = inputs.sha256(corpus.manifest)
  if corpus_folder.existing(
    options.output, source_sha256, "name another folder"
  ):
    _log.info(f"{options.output} is this very edit already; it stays.")
    return corpora.Corpus.open(options.output)
  _log.info(f"Editing {corpus.num_passages:,} passages of {corpus.path} ...")
  maker = passage_maker.PassageMaker(
    corpus.tokenizer,
    corpus.manifest.max_passage_tokens,
    corpus.manifest.metadata_choice,
    corpus.manifest.list_pages,
  )
  changes = [
    *edit_inputs.read_changes(edit_inputs.REPLACE, inputs.replacing, maker),
    *edit_inputs.read_changes(edit_inputs.ADD, inputs.added, maker),
  ]
  plan = edit_plan.make_plan(corpus, inputs.removals, changes)
  with corpus_folder.staged(options.output) as staging:
    summary = _write_shards(corpus, plan, staging)
    counts = maker.counts + collections.Counter(
      {"duplicate_passage": plan.duplicates}
    )
    counts.update(sources.count_other_kinds([*options.add, *options.replace]))
    manifest = _make_manifest(corpus, plan, summary, counts, source_sha256)
    fields = {*corpus.manifest.metadata_fields, *maker.metadata_fields}
    manifest = dataclasses.replace(
      manifest, metadata_fields=tuple(sorted(fields))
    )
    corpus_folder.publish(staging, options.output, corpus.tokenizer, manifest)
  _print_summary(
    options, manifest, plan.entry, counts, time.monotonic() - started
  )
  return corpora.Corpus.open(options.output)


def _read_flags(options: EditOptions) -> _Inputs:
  """Opens the files of the edit, and reads the names to remove."""
  if not options.output:
    raise errors.UserError("`output` is missing: name the folder to write.")
  inputs = _Inputs(
    added=_resolve(options.add, edit_inputs.ADD),
    replacing=_resolve(options.replace, edit_inputs.REPLACE),
    removals=edit_inputs.read_removals(options.remove),
  )
  if not (inputs.added or inputs.replacing or inputs.removals):
    raise errors.UserError(
      "There is nothing to edit: give `add`, `remove` or `replace`."
    )
  return inputs


def _resolve(values: Sequence[str], flag: str) -> list[sources.Source]:
  return sources.resolve(values, flag) if any(values) else []


def _write_shards(
  corpus: corpora.Corpus, plan: edit_plan.EditPlan, staging: str
) -> shard_files.Summary:
  """Writes all shards; copies those that do not change."""
  tf.io.gfile.makedirs(
    tf.io.gfile.join(staging, corpus_manifest.PASSAGES_FOLDER)
  )
  summaries = []
  for shard, kept in enumerate(plan.kept):
    changed = plan.shards.get(shard)
    if changed is None:
      tf.io.gfile.copy(
        corpus.shard_paths[shard], tf.io.gfile.join(staging, kept.entry.file)
      )
      summaries.append(kept)
      continue
    ids, titles = corpus.read_keys(shard)
    records = passage_table.read_shard_records(corpus.shard_paths[shard])
    staying = [
      shard_files.Record(
        (titles[row].decode(), row, 0, 0), ids[row].decode(), record
      )
      for row, record in enumerate(records)
      if row not in changed.dropped_rows
    ]
    part = shard_files.ShardPart(
      [*staying, *changed.records], changed.documents
    )
    summaries.append(
      shard_files.write_shard(staging, shard, len(plan.kept), [part])
    )
  return shard_files.summarize(summaries)


def _make_manifest(
  corpus: corpora.Corpus,
  plan: edit_plan.EditPlan,
  summary: shard_files.Summary,
  counts: collections.Counter[str],
  source_sha256: str,
) -> corpus_manifest.CorpusManifest:
  parent = corpus.manifest
  dropped = collections.Counter(parent.dropped) + summary.counts + counts
  split_sentences = dropped.pop("split_sentence", 0)
  return dataclasses.replace(
    parent,
    passages=summary.passages,
    articles=summary.articles,
    documents=parent.documents + summary.documents,
    dropped=dict(sorted(dropped.items())),
    split_sentences=parent.split_sentences + split_sentences,
    shards=summary.shards,
    fingerprint=corpus_folder.fingerprint(summary.id_digests, corpus.tokenizer),
    source_sha256=source_sha256,
    edit=plan.entry,
    in_order=False,
  )


def _print_summary(
  options: EditOptions,
  manifest: corpus_manifest.CorpusManifest,
  entry: corpus_manifest.EditEntry,
  counts: collections.Counter[str],
  seconds: float,
) -> None:
  dropped = ", ".join(
    f"{n:,} {why}"
    for why, n in sorted(counts.items())
    if n and why != "split_sentence"
  )
  _log.info(
    f"{manifest.passages:,} passages of {manifest.articles:,} articles in "
    f"{seconds:.1f} s\n"
    f"  added       {entry.added:,}\n"
    f"  removed     {entry.removed:,}\n"
    f"  replaced    {entry.replaced:,}, by {entry.replacements:,}\n"
    f"  left out    {dropped or 'nothing'}\n"
    f"  written to  {options.output}"
  )
  if tf.io.gfile.isdir(sentence_folder.path(options.corpus)):
    _log.info(
      f"  sentences   those of {options.corpus} are not taken over; to train "
      f"on the new, run annotate_spans(corpus={options.output})"
    )
