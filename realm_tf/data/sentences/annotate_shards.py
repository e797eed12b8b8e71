"""The step of the annotation pipeline: sentences and spans of one shard."""

import collections
import dataclasses
import sys
import time
import uuid
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.utils import shared

from realm_tf import errors
from realm_tf import files
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import sentence_folder
from realm_tf.data.sentences import sentence_records
from realm_tf.text import model_tagger
from realm_tf.text import salient_spans
from realm_tf.text import sentence_splitter
from realm_tf.text import spacy_tagger

# How many passages a tagger gets at once.
_BATCH = 256
_PROGRESS_SECS = 5.0


@dataclasses.dataclass(frozen=True)
class TaggerSettings:
  """The choice of a tagger, and its settings.

  Attributes:
    tagger: "rules", the path of a trained tagger (see
      `model_tagger.find_export`), or "spacy:" and the package of a pipeline.
    gazetteer: "titles": those of the corpus are entities in lower case too;
      or "".
    numbers: Whether stand-alone numbers are spans.
  """

  tagger: str = "rules"
  gazetteer: str = ""
  numbers: bool = False

  @property
  def is_rules(self) -> bool:
    """Whether the rules find the spans, and no trained tagger."""
    return self.tagger == salient_spans.RuleTagger.name

  @property
  def is_spacy(self) -> bool:
    """Whether a pipeline of spaCy finds the names."""
    return self.tagger.startswith(spacy_tagger.PREFIX)

  def check(self) -> None:
    """Raises on an unknown setting."""
    if self.gazetteer not in ("", "titles"):
      raise errors.UserError(
        f"gazetteer={self.gazetteer} is unknown: give titles, or leave it out."
      )
    if self.is_spacy:
      spacy_tagger.check(self.tagger)
    elif not self.is_rules:
      model_tagger.find_export(self.tagger)

  def identity(self) -> dict[str, Any]:
    """Returns the settings that the spans depend on, for manifests.

    A trained tagger is known by its weights: where it lies does not matter. A
    pipeline of spaCy is known by its version.
    """
    fields = dataclasses.asdict(self)
    if self.is_spacy:
      fields |= spacy_tagger.identity(self.tagger)
    elif not self.is_rules:
      _, manifest = model_tagger.find_export(self.tagger)
      fields["tagger"] = model_tagger.ModelTagger.name
      fields["tagger_fingerprint"] = manifest["fingerprint"]
    return fields

  def make(self, shard_paths: Sequence[str]) -> salient_spans.SpanTagger:
    """Returns the tagger.

    Args:
      shard_paths: The corpus's files of passages.
    """
    self.check()
    titles: set[bytes] = set()
    if self.gazetteer:
      for path in shard_paths:
        titles.update(passage_table.read_shard_texts(path)[0])
    gazetteer = (title.decode() for title in titles)
    if self.is_rules:
      return salient_spans.RuleTagger(gazetteer, self.numbers)
    if self.is_spacy:
      return spacy_tagger.SpacyTagger(self.tagger, gazetteer, self.numbers)
    return model_tagger.ModelTagger(self.tagger, gazetteer, self.numbers)


@dataclasses.dataclass(frozen=True)
class Annotated:
  """A passage with its sentences and those spans that lie in one of them.

  Attributes:
    title: Title, UTF-8.
    text: Body, UTF-8.
    sentences: Bytes [start, limit) of each.
    spans: Sorted.
    dropped_spans: How many spans lay across sentences.
  """

  title: bytes
  text: bytes
  sentences: list[tuple[int, int]]
  spans: list[salient_spans.Span]
  dropped_spans: int

  def counts(self) -> collections.Counter[str]:
    """Returns the counts that a manifest adds up; see `annotate`."""
    counts = collections.Counter(f"spans/{s.type}" for s in self.spans)
    filled, i = 0, 0
    for start, limit in self.sentences:
      while i < len(self.spans) and self.spans[i].start < start:
        i += 1
      filled += i < len(self.spans) and self.spans[i].start < limit
    counts["passages"] = 1
    counts["sentences"] = len(self.sentences)
    counts["sentences_without_span"] = len(self.sentences) - filled
    counts["spans_across_sentences"] = self.dropped_spans
    return counts


def annotate_passages(
  path: str, tagger: salient_spans.SpanTagger, limit: int | None = None
) -> Iterator[Annotated]:
  """Yields the passages of one file, annotated.

  Args:
    path: A file of passages.
    tagger: Finds the spans.
    limit: How many passages, from the first; all if None.
  """
  titles, texts = passage_table.read_shard_texts(path)
  titles, texts = titles[:limit], texts[:limit]
  for begin in range(0, len(texts), _BATCH):
    raw_titles = titles[begin : begin + _BATCH]
    raw_texts = texts[begin : begin + _BATCH]
    decoded = [text.decode() for text in raw_texts]
    tagged = tagger.tag(decoded, [title.decode() for title in raw_titles])
    for title, raw, text, spans in zip(
      raw_titles, raw_texts, decoded, tagged, strict=True
    ):
      sentences = sentence_splitter.sentence_byte_spans(text)
      inside = salient_spans.inside_sentences(spans, sentences)
      dropped = len(spans) - len(inside)
      yield Annotated(title, raw, sentences, inside, dropped)


@dataclasses.dataclass(frozen=True)
class ShardTask:
  """One file to annotate.

  Attributes:
    source: The file of passages.
    target: The file of annotated passages.
    limit: How many passages, from the first; all if None.
    settings: All settings that the result depends on; stored beside it.
  """

  source: str
  target: str
  limit: int | None
  settings: dict[str, Any]

  @property
  def summary_path(self) -> str:
    """Returns the file of the shard's counts, written after the shard."""
    return self.target.removesuffix(sentence_folder.SHARD_SUFFIX) + ".json"

  def finished_counts(self) -> dict[str, int] | None:
    """Returns a shard's counts if it was made with these settings."""
    if not tf.io.gfile.exists(self.summary_path):
      return None
    try:
      summary = files.read_json(self.summary_path)
      settings, counts = summary["settings"], summary["counts"]
    except errors.MALFORMED:  # damaged
      return None
    finished = settings == self.settings and tf.io.gfile.exists(self.target)
    return counts if finished else None


class AnnotateShard(beam.DoFn):
  """Annotates one shard, writes it, and then its counts."""

  def __init__(self, tagger: TaggerSettings, shard_paths: Sequence[str]):
    """Takes the settings of the workers' tagger.

    Args:
      tagger: The tagger and its settings.
      shard_paths: The corpus's files of passages.
    """
    self._settings = tagger
    self._shard_paths = list(shard_paths)
    self._shared = shared.Shared()

  def setup(self) -> None:
    """Makes the tagger, once a worker, whose threads share it."""
    self._tagger = self._shared.acquire(
      lambda: self._settings.make(self._shard_paths)
    )
    self._progress = _Progress()

  def process(self, task: ShardTask) -> None:
    """Writes one file.

    Raises:
      errors.UserError: If a file cannot be read or written.
    """
    counts: collections.Counter[str] = collections.Counter()
    records = []
    for passage in annotate_passages(task.source, self._tagger, task.limit):
      counts.update(passage.counts())
      self._progress.add_passage(len(passage.sentences))
      spans = [(span.start, span.limit) for span in passage.spans]
      records.append(
        sentence_records.encode(
          passage.title, passage.text, passage.sentences, spans
        )
      )
    try:
      _write_shard(task, records, counts)
    except tf.errors.OpError as e:
      raise errors.UserError(f"Cannot write {task.target}: {e.message}") from e


def _write_shard(
  task: ShardTask, records: Iterable[bytes], counts: Mapping[str, int]
) -> None:
  """Writes a shard, and then its counts."""
  # Readers take all *.tfrecord*, so a half-written file is named otherwise.
  stem = task.target.removesuffix(sentence_folder.SHARD_SUFFIX)
  temporary = f"{stem}.{uuid.uuid4().hex[:8]}.tmp"
  try:
    sentence_records.write(temporary, records)
    tf.io.gfile.rename(temporary, task.target, overwrite=True)
  finally:
    if tf.io.gfile.exists(temporary):
      tf.io.gfile.remove(temporary)
  files.write_json(
    task.summary_path, {"settings": task.settings, "counts": dict(counts)}
  )


class _Progress:
  """Prints now and then how many passages a worker has annotated."""

  def __init__(self) -> None:
    self._started = self._printed = time.monotonic()
    self._passages = self._sentences = 0

  def add_passage(self, sentences: int) -> None:
    self._passages += 1
    self._sentences += sentences
    now = time.monotonic()
    if now - self._printed < _PROGRESS_SECS:
      return
    self._printed = now
    seconds = now - self._started
    # In a worker of Beam's, whose log is not shown.
    print(
      f"  {self._passages:,} passages "
      f"({self._passages / seconds:,.0f} passages/s, "
      f"{self._sentences / seconds:,.0f} sentences/s)",
      file=sys.stderr,
      flush=True,
    )
