"""Annotates a corpus: a Beam pipeline from passage shards to sentence shards.

One shard is one element, so that a restarted job makes only the shards that
are not there yet.
"""

import collections
import dataclasses
import logging
import os
import time
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.options import pipeline_options

from realm_tf import errors
from realm_tf import files
from realm_tf import suggestions
from realm_tf.data import beam_runs
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import sentence_folder
from realm_tf.data.sentences import annotate_shards

_log = logging.getLogger(__name__)

_FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True)
class AnnotateOptions:
  """How to annotate a corpus.

  Attributes:
    corpus: Folder of the corpus.
    tagger: The tagger and its settings.
    limit: How many passages, from the first; all if None.
    preview: How many sentences to print, in place of writing; 0 to write.
    overwrite: Whether to replace an annotation that is finished.
    beam_flags: Flags of Beam's own, such as "--runner=DataflowRunner".
  """

  corpus: str
  tagger: annotate_shards.TaggerSettings = annotate_shards.TaggerSettings()
  limit: int | None = None
  preview: int = 0
  overwrite: bool = False
  beam_flags: Sequence[str] = ()


def annotate(options: AnnotateOptions) -> dict[str, Any] | None:
  """Annotates a corpus, prints the progress, and returns the manifest.

  Returns:
    The manifest: tagger and settings, fingerprint of the corpus, counts,
    shards; None after a preview.

  Raises:
    errors.UserError: If there is no corpus or no such tagger, if the corpus
      has an annotation of other settings or files that are none of ours, or at
      a damaged file.
  """
  started = time.monotonic()
  if not options.corpus:
    raise errors.UserError("`corpus` is missing: name the corpus's folder.")
  options.tagger.check()
  corpus = corpora.Corpus.open(options.corpus)
  if options.preview:
    _preview(options, corpus)
    return None
  settings = _settings(options, corpus)
  folder = sentence_folder.path(options.corpus)
  manifest_path = tf.io.gfile.join(folder, sentence_folder.MANIFEST)
  beam_options = beam_runs.options(options.beam_flags)
  try:
    existing = None if options.overwrite else _existing(options, settings)
    if existing:
      _log.info(f"{folder} holds this very annotation already; nothing to do.")
      return existing
    corpus.check_files()
    tasks = _tasks(options, corpus, folder, settings)
    # A finished annotation is replaced as a whole, an unfinished one completed.
    kept = []
    if not tf.io.gfile.exists(manifest_path):
      kept = [task for task in tasks if task.finished_counts() is not None]
    _remove_others(folder, kept)
    _print_plan(options, corpus, len(tasks), len(kept), folder)
    todo = [task for task in tasks if task not in kept]
    if todo:
      _run_pipeline(options, corpus, todo, beam_options)
    manifest = _manifest(settings, tasks)
    files.write_json(manifest_path, manifest)
  except tf.errors.OpError as e:
    raise errors.UserError(f"Cannot write {folder}: {e.message}.") from e
  _print_summary(options, manifest, todo, time.monotonic() - started)
  return manifest


def _settings(
  options: AnnotateOptions, corpus: corpora.Corpus
) -> dict[str, Any]:
  return {
    "format_version": _FORMAT_VERSION,
    **options.tagger.identity(),
    "limit": options.limit,
    "corpus_fingerprint": corpus.fingerprint,
  }


def _existing(
  options: AnnotateOptions, settings: dict[str, Any]
) -> dict[str, Any] | None:
  """Returns the manifest of a finished annotation with the same settings."""
  manifest = sentence_folder.read_manifest(options.corpus)
  if manifest is None or manifest["settings"] == settings:
    return manifest
  raise errors.UserError(
    f"`corpus`: {sentence_folder.path(options.corpus)} holds an annotation "
    "made with other settings; replace it with overwrite=True."
  )


def _tasks(
  options: AnnotateOptions,
  corpus: corpora.Corpus,
  folder: str,
  settings: dict[str, Any],
) -> list[annotate_shards.ShardTask]:
  shards = len(corpus.shard_paths)
  tasks = []
  for i, path in enumerate(corpus.shard_paths):
    target = tf.io.gfile.join(folder, sentence_folder.shard_name(i, shards))
    limit = _limit(options, corpus, i)
    tasks.append(annotate_shards.ShardTask(path, target, limit, settings))
  return tasks


def _limit(
  options: AnnotateOptions, corpus: corpora.Corpus, shard: int
) -> int | None:
  """Returns how many passages of a shard to annotate; None for all."""
  if options.limit is None:
    return None
  return max(0, options.limit - int(corpus.shard_offsets[shard]))


def _remove_others(
  folder: str, kept: Sequence[annotate_shards.ShardTask]
) -> None:
  """Leaves only finished shards in the folder, which is made if need be.

  Raises:
    errors.UserError: If the folder holds files of other programs.
  """
  tf.io.gfile.makedirs(folder)
  names = {os.path.basename(task.target) for task in kept}
  names |= {os.path.basename(task.summary_path) for task in kept}
  others = sorted(set(tf.io.gfile.listdir(folder)) - names)
  for name in others:
    if not sentence_folder.is_own(name):
      raise errors.UserError(
        f"`corpus`: {folder} holds {name}, which annotate_spans has not "
        "written: move it elsewhere first."
      )
  # The manifest is the first of them: shards that it names must all be there.
  for name in others:
    tf.io.gfile.remove(tf.io.gfile.join(folder, name))


def _run_pipeline(
  options: AnnotateOptions,
  corpus: corpora.Corpus,
  tasks: Sequence[annotate_shards.ShardTask],
  beam_options: pipeline_options.PipelineOptions,
) -> None:
  do_fn = annotate_shards.AnnotateShard(options.tagger, corpus.shard_paths)
  with (
    beam_runs.user_errors(),
    beam.Pipeline(options=beam_options) as pipeline,
  ):
    _ = (
      pipeline
      | "Shards" >> beam.Create(list(tasks))
      | "Spread" >> beam.Reshuffle()
      | "Annotate" >> beam.ParDo(do_fn)
    )


def _manifest(
  settings: dict[str, Any], tasks: Sequence[annotate_shards.ShardTask]
) -> dict[str, Any]:
  counts: collections.Counter[str] = collections.Counter()
  shards = []
  for task in tasks:
    shard = task.finished_counts()
    if shard is None:
      raise errors.UserError(
        f"{task.target} is not there after all. Run annotate_spans again."
      )
    counts.update(shard)
    shards.append(
      {
        "file": os.path.basename(task.target),
        "passages": shard.get("passages", 0),
        "sha256": files.sha256(task.target),
      }
    )
  by_type = {
    name.removeprefix("spans/"): count
    for name, count in sorted(counts.items())
    if name.startswith("spans/")
  }
  return {
    "tagger": settings["tagger"],
    "settings": settings,
    "corpus_fingerprint": settings["corpus_fingerprint"],
    "passages": counts["passages"],
    "sentences": counts["sentences"],
    "spans": by_type,
    "sentences_without_span": counts["sentences_without_span"],
    "spans_across_sentences": counts["spans_across_sentences"],
    "shards": shards,
  }


def _preview(options: AnnotateOptions, corpus: corpora.Corpus) -> None:
  """Prints sentences with their spans underlined."""
  tagger = options.tagger.make(corpus.shard_paths)
  left = options.preview
  for shard, path in enumerate(corpus.shard_paths):
    limit = _limit(options, corpus, shard)
    # A passage has at least one sentence.
    limit = left if limit is None else min(left, limit)
    for passage in annotate_shards.annotate_passages(path, tagger, limit):
      for start, limit_byte in passage.sentences:
        if not left:
          return
        left -= 1
        inside = [
          (span.start - start, span.limit - start)
          for span in passage.spans
          if start <= span.start < limit_byte
        ]
        _log.info(underlined(passage.text[start:limit_byte], inside))


def underlined(sentence: bytes, spans: Sequence[tuple[int, int]]) -> str:
  """Returns a sentence and, in a second line, ^^^ below its spans.

  Args:
    sentence: UTF-8.
    spans: Bytes [start, limit) of each, sorted.
  """
  below = ""
  for start, limit in spans:
    below = below.ljust(len(sentence[:start].decode()))
    below += "^" * len(sentence[start:limit].decode())
  shown = " ".join(sentence.decode().splitlines())
  return f"{shown}\n{below}"


def _print_plan(
  options: AnnotateOptions,
  corpus: corpora.Corpus,
  shards: int,
  kept: int,
  folder: str,
) -> None:
  tagger = options.tagger
  extras = [f"gazetteer={tagger.gazetteer}"] if tagger.gazetteer else []
  extras += ["numbers"] if tagger.numbers else []
  passages = corpus.num_passages
  if options.limit is not None:
    passages = min(passages, options.limit)
  _log.info(
    f"Annotating {passages:,} passages of {options.corpus}\n"
    f"  tagger      {' '.join([tagger.tagger, *extras])}\n"
    f"  output      {folder} ({shards} shards, {kept} of them finished before)"
  )


def _print_summary(
  options: AnnotateOptions,
  manifest: dict[str, Any],
  made: Sequence[annotate_shards.ShardTask],
  seconds: float,
) -> None:
  counts = [task.finished_counts() or {} for task in made]
  passages = sum(count.get("passages", 0) for count in counts)
  sentences = sum(count.get("sentences", 0) for count in counts)
  spans = ", ".join(f"{n:,} {kind}" for kind, n in manifest["spans"].items())
  share = manifest["sentences_without_span"] / max(1, manifest["sentences"])
  _log.info(
    f"{passages:,} passages in {seconds:.1f} s "
    f"({passages / seconds:,.0f} passages/s, "
    f"{sentences / seconds:,.0f} sentences/s)\n"
    f"  sentences   {manifest['sentences']:,}, {share:.1%} without a span\n"
    f"  spans       {spans or 'none'}\n"
    f"  left out    {manifest['spans_across_sentences']:,} spans across "
    "sentences\n"
    f"Next: {suggestions.first_training('pretrain_ict', options.corpus)}"
  )
