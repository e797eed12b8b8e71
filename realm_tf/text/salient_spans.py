"""Salient spans: the protocol of a tagger, and a tagger by rules."""

import bisect
import re
from collections.abc import Iterable
from collections.abc import Sequence
from typing import NamedTuple
from typing import Protocol

from realm_tf.text import dates
from realm_tf.text import entities
from realm_tf.text import gazetteers

DATE = "date"
ENTITY = "entity"
NUMBER = "number"

_NUMBER = re.compile(r"(?<![\w.,/-])\d+(?:,\d{3})*(?:\.\d+)?(?![\w/]|[.,-]\d)")


class Span(NamedTuple):
  """A salient span of a text.

  Attributes:
    start: First byte, of the text in UTF-8.
    limit: The byte after the last.
    type: Such as "date" or "entity".
  """

  start: int
  limit: int
  type: str


class SpanTagger(Protocol):
  """Finds the salient spans of texts.

  Attributes:
    name: Short name, for manifests.
  """

  name: str

  def tag(
    self, texts: Sequence[str], titles: Sequence[str] | None = None
  ) -> list[list[Span]]:
    """Returns the spans of each text, sorted, none overlapping another.

    Args:
      texts: A batch: a neural tagger runs once for all of them.
      titles: Titles of the articles that the texts are from, one each; a
        tagger may use them as evidence.
    """


class RuleTagger:
  """Dates and named entities by rules.

  Where spans overlap, a date wins over an entity, and a longer entity over a
  shorter one.
  """

  name = "rules"

  def __init__(self, gazetteer: Iterable[str] = (), numbers: bool = False):
    """Initializes the tagger.

    Args:
      gazetteer: Names that are entities in lower case too, such as titles.
      numbers: Whether stand-alone numbers are spans, of type "number".
    """
    self._gazetteer = gazetteers.Gazetteer(gazetteer)
    self._numbers = numbers

  def tag(
    self, texts: Sequence[str], titles: Sequence[str] | None = None
  ) -> list[list[Span]]:
    """Returns the spans of each text; see `SpanTagger.tag`."""
    titles = titles if titles is not None else [""] * len(texts)
    return [
      to_bytes(text, self._tag_text(text, title))
      for text, title in zip(texts, titles, strict=True)
    ]

  def _tag_text(self, text: str, title: str) -> list[Span]:
    found = [Span(*place, DATE) for place in dates.find_dates(text)]
    names = [
      Span(*place, ENTITY)
      for place in entities.find_entities(text, title)
      + self._gazetteer.find(text)
    ]
    # Stable: of two equally long names, the first stays.
    names.sort(key=lambda span: span.start - span.limit)
    if self._numbers:
      names += find_numbers(text)
    return without_overlaps(found + names)


def with_rules(
  text: str,
  names: Sequence[Span],
  gazetteer: gazetteers.Gazetteer,
  numbers: bool,
) -> list[Span]:
  """Merges a model's names with the spans that rules find.

  Of spans that overlap, the longest stays; of equally long ones, the earliest;
  then a date before a name.

  Args:
    text: The text.
    names: Of the model, in bytes.
    gazetteer: Names that are entities wherever they stand.
    numbers: Whether stand-alone numbers are spans.
  """
  found = to_bytes(
    text, [Span(*place, DATE) for place in dates.find_dates(text)]
  )
  found += to_bytes(text, [Span(*at, ENTITY) for at in gazetteer.find(text)])
  spans = sorted(
    [*found, *names], key=lambda span: (span.start - span.limit, span.start)
  )
  if numbers:
    spans += to_bytes(text, find_numbers(text))
  return without_overlaps(spans)


def find_numbers(text: str) -> list[Span]:
  """Returns the stand-alone numbers of a text, in characters."""
  return [Span(*match.span(), NUMBER) for match in _NUMBER.finditer(text)]


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
  """Returns the spans that overlap none before them, sorted by place.

  Args:
    spans: In order of preference.
  """
  kept: list[Span] = []
  for span in spans:
    at = bisect.bisect_left(kept, span)
    if at and kept[at - 1].limit > span.start:
      continue
    if at < len(kept) and kept[at].start < span.limit:
      continue
    kept.insert(at, span)
  return kept


def to_bytes(text: str, spans: Sequence[Span]) -> list[Span]:
  """Turns offsets of characters into offsets of UTF-8 bytes.

  Args:
    text: The text.
    spans: Sorted, not overlapping, in characters.
  """
  if text.isascii():
    return list(spans)
  result = []
  char = byte = 0
  for start, limit, kind in spans:
    byte += len(text[char:start].encode())
    length = len(text[start:limit].encode())
    result.append(Span(byte, byte + length, kind))
    char, byte = limit, byte + length
  return result


def inside_sentences(
  spans: Sequence[Span], sentences: Sequence[tuple[int, int]]
) -> list[Span]:
  """Returns the spans that lie within one sentence each.

  Args:
    spans: Sorted, in bytes.
    sentences: Bytes [start, limit) of each sentence, sorted.
  """
  kept = []
  i = 0
  for span in spans:
    while i < len(sentences) and sentences[i][1] <= span.start:
      i += 1
    if i == len(sentences):
      break
    if sentences[i][0] <= span.start and span.limit <= sentences[i][1]:
      kept.append(span)
  return kept
