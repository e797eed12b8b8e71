"""Builds a corpus: an Apache Beam pipeline from documents to passage shards.

documents -> batches -> (shard, passages) -> one file a shard

A title's hash chooses its shard, and a shard is sorted before it is written,
so that the corpus is the same whatever runner works on it, and in whatever
order. A batch of documents is one element, because runners, the local one
above all, cost more for an element than the work on one document does.
"""

import dataclasses
import hashlib
import json
import logging
import math
import time
from collections.abc import Sequence

import apache_beam as beam
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf import suggestions
from realm_tf.configs import loading
from realm_tf.configs import schema
from realm_tf.data import beam_runs
from realm_tf.data.corpus import corpus_folder
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import shard_files
from realm_tf.data.ingest import ordered_inputs
from realm_tf.data.ingest import ordered_shards
from realm_tf.data.ingest import shards
from realm_tf.data.ingest import sources
from realm_tf.data.ingest import vocabulary
from realm_tf.text import wordpiece

_log = logging.getLogger(__name__)

# The smallest corpora get a few shards too: workers of the index refresh share
# them out.
_MIN_SHARDS = 4
_MAX_SHARDS = 1024
_SHARD_BYTES = 4_000_000


@dataclasses.dataclass(frozen=True)
class BuildOptions:
  """How to build a corpus.

  Attributes:
    inputs: Files, patterns, folders, or "encyclopedia"; or one
      `block_records.npy`, or TFRecord files, whose records are the passages.
    output: The folder to write.
    vocab: A vocabulary file; None to learn one from the input.
    vocab_size: Wordpieces of a learned vocabulary, at most.
    lower_case: Whether text is lower-cased and stripped of accents.
    max_passage_tokens: Wordpieces of a passage at most, title and the three
      special tokens included.
    num_shards: Files of passages; None to choose by the input's size.
    metadata: The fields of documents, beside title and text, that stay with
      their passages; None for all.
    list_pages: Whether Wikipedia's lists, indexes, outlines and disambiguation
      pages become passages, too.
    overwrite: Whether to replace the corpus that `output` holds.
    beam_flags: Flags of Beam's own, such as "--runner=DataflowRunner".
  """

  inputs: Sequence[str]
  output: str
  vocab: str | None = None
  vocab_size: int = 30522
  lower_case: bool = True
  max_passage_tokens: int = 288
  num_shards: int | None = None
  metadata: Sequence[str] | None = None
  list_pages: bool = False
  overwrite: bool = False
  beam_flags: Sequence[str] = ()


def build(options: BuildOptions) -> corpus_manifest.CorpusManifest:
  """Builds a corpus, prints the progress, and returns its manifest.

  A corpus that was built from the same input with the same settings is left
  alone. The output does not exist before the corpus is complete.

  Raises:
    errors.UserError: At a wrong flag, file or record, or an output that holds
      something else.
  """
  started = time.monotonic()
  _check_options(options)
  if ordered_inputs.is_ordered(options.inputs):
    return _build_ordered(options, started)
  found = sources.resolve(options.inputs)
  text_bytes = sum(source.text_bytes() for source in found)
  num_shards = options.num_shards or _num_shards(text_bytes)
  identities = [source.identity() for source in found]
  source_sha256 = _source_sha256(options, identities, num_shards)
  existing = _existing(options, source_sha256)
  if existing:
    _log.info(f"{options.output} is this very corpus already; nothing to do.")
    return existing
  _print_plan(options, found, num_shards)
  tokenizer = _make_tokenizer(options, found)
  with corpus_folder.staged(options.output) as staging:
    _run_pipeline(options, found, tokenizer, staging, num_shards)
    summary = shards.read_summaries(staging)
    sources.warn_of_left_out(summary.left_out)
    summary.counts.update(sources.count_other_kinds(options.inputs))
    manifest = _make_manifest(options, tokenizer, summary, source_sha256)
    shards.remove_summaries(staging)
    corpus_folder.publish(staging, options.output, tokenizer, manifest)
  _print_summary(options, manifest, time.monotonic() - started)
  return manifest


def _build_ordered(
  options: BuildOptions, started: float
) -> corpus_manifest.CorpusManifest:
  """Builds a corpus of records, in their order; see `build`."""
  shown = ",".join(filter(None, options.inputs))
  if not options.vocab:
    raise errors.UserError(
      f"input={shown} needs `vocab`: the vocab.txt of the weights that its "
      "vectors were made with."
    )
  found = ordered_inputs.find(options.inputs)
  if not len(found.sizes):
    raise errors.UserError(f"input={shown} holds no records.")
  num_shards = options.num_shards or _num_shards(int(found.sizes.sum()))
  source_sha256 = _source_sha256(
    options,
    [["records", files.sha256(path)] for path in found.paths],
    num_shards,
  )
  existing = _existing(options, source_sha256)
  if existing:
    _log.info(f"{options.output} is this very corpus already; nothing to do.")
    return existing
  _log.info(
    f"Building a corpus of {len(found.sizes):,} records of {shown}, each a "
    f"passage, in their order\n"
    f"  vocabulary  {options.vocab}\n"
    f"  output      {options.output} ({num_shards} shards)"
  )
  tokenizer = wordpiece.Tokenizer.from_file(
    options.vocab, lower_case=options.lower_case
  )
  with corpus_folder.staged(options.output) as staging:
    tf.io.gfile.makedirs(
      tf.io.gfile.join(staging, corpus_manifest.PASSAGES_FOLDER)
    )
    shared = _write_ordered(options, found, tokenizer, staging, num_shards)
    manifest = _make_manifest(
      options, tokenizer, shards.read_summaries(staging), source_sha256
    )
    # Without titles all are alike: one, in whatever number of shards.
    articles = manifest.articles - shared if found.has_titles else 1
    manifest = dataclasses.replace(manifest, in_order=True, articles=articles)
    shards.remove_summaries(staging)
    corpus_folder.publish(staging, options.output, tokenizer, manifest)
  _print_summary(options, manifest, time.monotonic() - started)
  if not found.has_titles:
    _log.warning(
      f"{shown} has no titles: none stand before the passages of "
      f"{options.output}. An embedder that was trained with titles embeds them "
      "worse than the vectors that came with the records."
    )
  return manifest


def _write_ordered(
  options: BuildOptions,
  found: ordered_inputs.Ordered,
  tokenizer: wordpiece.Tokenizer,
  staging: str,
  num_shards: int,
) -> int:
  """Writes all shards; returns how many titles two neighbours share."""
  if found.bodies is None:  # Of compressed files, which have no middle.
    writer = ordered_shards.Writer(staging, num_shards, tokenizer)
    return writer.write_examples(found.paths, len(found.sizes))
  parts = ordered_shards.split(found.bodies, found.titles, num_shards)
  writing = ordered_shards.WriteOrderedShard(
    staging, num_shards, tokenizer.vocabulary, tokenizer.lower_case
  )
  beam_options = beam_runs.options(options.beam_flags)
  with beam_runs.user_errors(), beam.Pipeline(options=beam_options) as pipeline:
    _ = (
      pipeline
      | beam.Create(parts)
      | beam.Reshuffle()
      | "Write" >> beam.ParDo(writing)
    )
  if found.titles is None:
    return 0
  return ordered_shards.shared_titles(found.titles, num_shards)


def _check_options(options: BuildOptions) -> None:
  if not options.output:
    raise errors.UserError("`output` is missing: name the folder to write.")
  if options.max_passage_tokens < 16:
    raise errors.UserError(
      f"max_passage_tokens={options.max_passage_tokens} leaves no room for "
      "text: it must be at least 16."
    )
  if options.num_shards is not None and options.num_shards < 1:
    raise errors.UserError(
      f"num_shards={options.num_shards} must be at least 1."
    )


def _num_shards(text_bytes: int) -> int:
  wanted = math.ceil(text_bytes / _SHARD_BYTES)
  return min(_MAX_SHARDS, max(_MIN_SHARDS, wanted))


def _source_sha256(
  options: BuildOptions, identities: Sequence[list[str]], num_shards: int
) -> str:
  """Returns a checksum of everything that the corpus depends on."""
  vocab = (
    wordpiece.Tokenizer.from_file(options.vocab).sha256
    if options.vocab
    else f"learned:{options.vocab_size}"
  )
  decisive = [
    corpus_manifest.FORMAT_VERSION,
    identities,
    vocab,
    options.lower_case,
    options.max_passage_tokens,
    num_shards,
  ]
  if options.metadata is not None:
    decisive.append(sorted(options.metadata))
  if options.list_pages:
    decisive.append("list_pages")
  return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


def _existing(
  options: BuildOptions, source_sha256: str
) -> corpus_manifest.CorpusManifest | None:
  """Returns the manifest of the output if it is this very corpus already."""
  if options.overwrite:
    corpus_folder.check_replaceable(options.output)
    return None
  return corpus_folder.existing(
    options.output,
    source_sha256,
    "name another folder, or replace it with overwrite=True",
  )


def _make_tokenizer(
  options: BuildOptions, found: Sequence[sources.Source]
) -> wordpiece.Tokenizer:
  if options.vocab:
    return wordpiece.Tokenizer.from_file(
      options.vocab, lower_case=options.lower_case
    )
  _log.info("Learning the vocabulary ...")
  started = time.monotonic()
  texts = (text for source in found for text in source.vocabulary_texts())
  learned = vocabulary.learn_vocabulary(
    texts, options.vocab_size, options.lower_case
  )
  _log.info(
    f"  {len(learned):,} wordpieces in {time.monotonic() - started:.1f} s"
  )
  return wordpiece.Tokenizer(learned, lower_case=options.lower_case)


def _run_pipeline(
  options: BuildOptions,
  found: Sequence[sources.Source],
  tokenizer: wordpiece.Tokenizer,
  staging: str,
  num_shards: int,
) -> None:
  tf.io.gfile.makedirs(
    tf.io.gfile.join(staging, corpus_manifest.PASSAGES_FOLDER)
  )
  beam_options = beam_runs.options(options.beam_flags)
  with beam_runs.user_errors(), beam.Pipeline(options=beam_options) as pipeline:
    parts = (
      pipeline
      | "Sources" >> beam.Create(list(sources.grouped(found)))
      | "SpreadSources" >> beam.Reshuffle()
      | "Read" >> beam.FlatMap(shards.read_batches)
      | "SpreadDocuments" >> beam.Reshuffle()
      | "MakePassages"
      >> beam.ParDo(
        shards.MakePassages(
          tokenizer.vocabulary,
          tokenizer.lower_case,
          options.max_passage_tokens,
          num_shards,
          options.metadata,
          options.list_pages,
        )
      )
    )
    # So that a shard without passages is written too.
    empty = pipeline | "AllShards" >> beam.Create(
      [(shard, shard_files.ShardPart()) for shard in range(num_shards)]
    )
    _ = (
      (parts, empty)
      | beam.Flatten()
      | "Gather" >> beam.GroupByKey()
      | "Write" >> beam.ParDo(shards.WriteShard(staging, num_shards))
    )


def _make_manifest(
  options: BuildOptions,
  tokenizer: wordpiece.Tokenizer,
  summary: shard_files.Summary,
  source_sha256: str,
) -> corpus_manifest.CorpusManifest:
  dropped = dict(sorted(summary.counts.items()))
  split_sentences = dropped.pop("split_sentence", 0)
  if not summary.passages:
    reasons = ", ".join(f"{n} {why}" for why, n in dropped.items())
    raise errors.UserError(
      "`input` holds no text for passages"
      + (f": left out {reasons}." if reasons else "; it is empty.")
    )
  return corpus_manifest.CorpusManifest(
    format_version=corpus_manifest.FORMAT_VERSION,
    passages=summary.passages,
    articles=summary.articles,
    documents=summary.documents,
    dropped=dropped,
    split_sentences=split_sentences,
    token_dtype=corpus_manifest.token_dtype(tokenizer.vocab_size),
    max_passage_tokens=options.max_passage_tokens,
    tokenizer=corpus_manifest.TokenizerEntry(
      tokenizer.sha256, tokenizer.vocab_size, tokenizer.lower_case
    ),
    shards=summary.shards,
    fingerprint=corpus_folder.fingerprint(summary.id_digests, tokenizer),
    source_sha256=source_sha256,
    metadata_fields=summary.metadata_fields,
    metadata_choice=None
    if options.metadata is None
    else tuple(sorted(options.metadata)),
    list_pages=options.list_pages,
  )


def _print_plan(
  options: BuildOptions, found: Sequence[sources.Source], num_shards: int
) -> None:
  shown = ", ".join(source.path for source in found[:3])
  more = f" and {len(found) - 3} more" if len(found) > 3 else ""
  vocab = options.vocab or f"learned, at most {options.vocab_size:,} wordpieces"
  _log.info(
    f"Building a corpus from {shown}{more}\n"
    f"  vocabulary  {vocab}\n"
    f"  passages    at most {options.max_passage_tokens} wordpieces\n"
    f"  output      {options.output} ({num_shards} shards)"
  )


def _print_summary(
  options: BuildOptions,
  manifest: corpus_manifest.CorpusManifest,
  seconds: float,
) -> None:
  dropped = ", ".join(f"{n:,} {why}" for why, n in manifest.dropped.items())
  _log.info(
    f"{manifest.passages:,} passages of {manifest.articles:,} articles in "
    f"{seconds:.1f} s ({manifest.passages / seconds:,.0f} passages/s)\n"
    f"  left out    {dropped or 'nothing'}\n"
    f"  metadata    {', '.join(manifest.metadata_fields) or 'none'}\n"
    f"  sentences longer than a passage, cut: {manifest.split_sentences:,}\n"
    f"{_cut_by_presets(options.max_passage_tokens)}"
    f"  written to  {options.output}\n"
    "Next: " + suggestions.command("annotate_spans", {"corpus": options.output})
  )


def _cut_by_presets(max_passage_tokens: int) -> str:
  """Returns a line on presets that read less of a passage, if any do."""
  configs = {
    name: loading.load("pretrain", name, {}) for name in loading.PRESETS
  }
  shorter = ", ".join(
    f"{name} ({config.passage_length})"
    for name, config in configs.items()
    if isinstance(config, schema.CorpusConfig)
    and config.passage_length < max_passage_tokens
  )
  if not shorter:
    return ""
  return (
    f"  cut by      config={shorter}, which read fewer than "
    f"{max_passage_tokens} wordpieces: max_passage_tokens=N fits passages\n"
  )
