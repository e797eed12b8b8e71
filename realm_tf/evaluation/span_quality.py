"""Precision and recall of a tagger's spans against labels made by hand."""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from realm_tf.data import jsonl
from realm_tf.text import salient_spans

DATE_LABEL = "DATE"
ENTITY_LABELS = ("PER", "LOC", "ORG", "MISC")

Place = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class LabelledSentence:
  """A sentence of a corpus, known by its place alone, and its spans.

  Attributes:
    passage: Fingerprint of the passage; see `passage_table.passage_uid`.
    start: The sentence's first byte in the passage.
    limit: The byte after its last.
    spans: Sorted; types are `DATE_LABEL` and `ENTITY_LABELS`.
  """

  passage: int
  start: int
  limit: int
  spans: tuple[salient_spans.Span, ...]


@dataclasses.dataclass(frozen=True)
class Score:
  """Counts of spans, from which precision and recall follow.

  Attributes:
    found: Spans that the tagger marked.
    wanted: Spans that are labelled.
    found_right: Marked spans that match a labelled one.
    wanted_found: Labelled spans that match a tagged one.
  """

  found: int
  wanted: int
  found_right: int
  wanted_found: int

  @property
  def precision(self) -> float:
    """Share of the tagged spans that are right; 0 if there are none."""
    return self.found_right / self.found if self.found else 0.0

  @property
  def recall(self) -> float:
    """Share of the labelled spans that were tagged; 0 if there are none."""
    return self.wanted_found / self.wanted if self.wanted else 0.0

  @property
  def f1(self) -> float:
    """Harmonic mean of precision and recall."""
    total = self.precision + self.recall
    return 2 * self.precision * self.recall / total if total else 0.0


def score(
  found: Sequence[Sequence[Place]],
  wanted: Sequence[Sequence[Place]],
  overlap: bool = False,
) -> Score:
  """Compares spans, sentence by sentence.

  Args:
    found: Bytes [start, limit) of the spans of each sentence.
    wanted: The same of the labels.
    overlap: Whether one common byte makes a match; else both ends must agree.
  """
  counts = [0, 0, 0, 0]
  for ours, theirs in zip(found, wanted, strict=True):
    counts[0] += len(ours)
    counts[1] += len(theirs)
    counts[2] += sum(_matches(place, theirs, overlap) for place in ours)
    counts[3] += sum(_matches(place, ours, overlap) for place in theirs)
  return Score(*counts)


def _matches(place: Place, others: Iterable[Place], overlap: bool) -> bool:
  if not overlap:
    return place in others
  return any(place[0] < limit and start < place[1] for start, limit in others)


def tag_sentences(
  tagger: salient_spans.SpanTagger,
  sentences: Sequence[LabelledSentence],
  passages: Mapping[int, tuple[str, str]],
) -> list[list[salient_spans.Span]]:
  """Returns the tagger's spans of each sentence.

  The tagger reads whole passages, as in the annotation of a corpus.

  Args:
    tagger: The tagger.
    sentences: Which sentences.
    passages: Title and body by fingerprint.
  """
  titles, texts = zip(*(passages[s.passage] for s in sentences), strict=True)
  tagged = tagger.tag(texts, titles)
  return [
    salient_spans.inside_sentences(spans, [(sentence.start, sentence.limit)])
    for spans, sentence in zip(tagged, sentences, strict=True)
  ]


def read_labels(path: str) -> list[LabelledSentence]:
  """Reads JSONL: `passage`, `sentence` and `spans`, in bytes.

  Raises:
    errors.UserError: If the file or one of its lines is wrong.
  """
  return jsonl.read(
    path,
    _parse,
    "labelled sentence",
    '"passage", "sentence": [start, limit] and "spans": [[start, limit, type], '
    "...]",
  )


def _parse(record: dict[str, Any], number: int) -> LabelledSentence:
  del number
  start, limit = record["sentence"]
  spans = tuple(salient_spans.Span(*span) for span in record["spans"])
  at = start
  for span in spans:
    if span.type not in (DATE_LABEL, *ENTITY_LABELS):
      raise ValueError(f"type {span.type!r} is unknown")
    if not at <= span.start < span.limit <= limit:
      raise ValueError(f"span {list(span)} is out of order or outside")
    at = span.limit
  return LabelledSentence(record["passage"], start, limit, spans)
