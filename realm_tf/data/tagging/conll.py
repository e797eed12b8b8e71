"""Reads labelled sentences: CoNLL files, and CoNLL-U-like ones.

A line holds a word and, in its last column, the word's label; a blank line ends
a sentence. Columns are separated by tabs or spaces; those between are skipped.
A CoNLL-U-like file has each word's number before it, and may have comments.
"""

import dataclasses
import gzip
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.text import entity_types

BIO = "BIO"
IOB1 = "IOB1"
IO = "IO"

_DOCUMENT_MARK = "-DOCSTART-"
_COMMENT = "#"
_FEWEST_COLUMNS = 2
_MOST_COLUMNS = 4
_SPACES = re.compile("[ \t]+")
_LABEL = re.compile(r"([BI])-(.+)")
# CoNLL-U numbers a word of several tokens "3-4", and one that is not in the
# text "3.1": neither has a label of its own.
_NO_TOKEN = re.compile(r"\d+[-.]\d+")


class LabeledSentence(NamedTuple):
  """A sentence as its data set splits it into words.

  Attributes:
    words: The words.
    labels: One of `entity_types.LABELS` each, in BIO.
  """

  words: tuple[str, ...]
  labels: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class ConllFile:
  """The contents of a file.

  Attributes:
    path: The file.
    scheme: Of the file's labels: "BIO", "IOB1" or "IO".
    sentences: The sentences, with labels in BIO whatever the scheme.
    repaired: How many labels did not follow the scheme.
  """

  path: str
  scheme: str
  sentences: list[LabeledSentence]
  repaired: int


class _Row(NamedTuple):
  line: int  # of the file, from 1
  word: str
  prefix: str  # "B", "I", or "" outside of all entities
  kind: str  # as the file has it


def read(path: str, *, repair: bool = False) -> ConllFile:
  """Reads a file; gzip is told by the first bytes.

  The labels tell the scheme: without a B- it is IO; else it is
  the one of BIO (a B- begins each entity) and IOB1 (a B- only parts an entity
  from one of its type right before) that the labels follow, or that they
  offend less often. In IO, entities of one type side by side are one entity:
  the scheme cannot tell them apart.

  Args:
    path: The file, UTF-8.
    repair: Whether labels that do not follow the scheme are taken as what they
      should be: an I- without an entity before it as B-. Data sets that were
      made by machines, such as WikiNEuRal, have some.

  Raises:
    errors.UserError: If the file cannot be read or holds no sentence, or at a
      row with another number of columns than the first, an empty word, a
      number out of order, a label that is none or does not follow the scheme,
      an unknown type, or a sentence without words; names file and line.
  """
  sentences = list(_sentences(path, _read_lines(path)))
  if not sentences:
    raise errors.UserError(f"{path} holds no sentence.")
  scheme, offences = _find_scheme(sentences)
  if offences and not repair:
    row, why = offences[0]
    raise _error(
      path,
      row.line,
      f"the label {row.prefix}-{row.kind} does not follow the file's scheme, "
      f"{scheme}: it {why}. There are {len(offences)} of the kind; "
      "repair_labels=True takes them as what they should be.",
    )
  labelled = [_normalize(rows) for rows in sentences]
  return ConllFile(path, scheme, labelled, len(offences))


def _error(path: str, line: int, what: str) -> errors.UserError:
  return errors.UserError(f"{path}, line {line}: {what}")


def _read_lines(path: str) -> list[str]:
  try:
    content = files.read_bytes(path)
    if content.startswith(b"\x1f\x8b"):
      content = gzip.decompress(content)
  except (tf.errors.OpError, OSError, EOFError, zlib.error) as e:
    raise errors.UserError(
      f"{path} cannot be read: it is missing, or damaged."
    ) from e
  try:
    text = content.decode("utf-8-sig")
  except UnicodeDecodeError as e:
    line = content.count(b"\n", 0, e.start) + 1
    raise _error(path, line, "is not UTF-8.") from e
  # Not `splitlines`: words may hold other characters that it splits at.
  return [line.removesuffix("\r") for line in text.split("\n")]


def _sentences(path: str, lines: list[str]) -> Iterator[list[_Row]]:
  """Yields the rows of each sentence."""
  last = max((i for i, text in enumerate(lines, 1) if text.strip()), default=0)
  layout = _Layout.of(path, lines)
  rows: list[_Row] = []
  blank_is_due = False  # after a document mark
  for number, text in enumerate(lines[:last], 1):
    if layout.is_comment(text):
      continue
    if text.startswith(_DOCUMENT_MARK):
      if rows:
        yield rows
      rows, blank_is_due = [], True
    elif text.strip():
      row = layout.parse(number, text, len(rows))
      blank_is_due = False
      if row:
        rows.append(row)
    elif rows:
      yield rows
      rows = []
    elif blank_is_due:
      blank_is_due = False
    else:
      raise _error(
        path, number, "an empty sentence: a blank line with no word before it."
      )
  if rows:
    yield rows


@dataclasses.dataclass(frozen=True)
class _Layout:
  """The columns of a file, told by its first sentences.

  Attributes:
    path: The file.
    columns: How many.
    tabs: Whether they are separated by tabs.
    first_index: Number of a sentence's first word; None if words have none.
  """

  path: str
  columns: int
  tabs: bool
  first_index: int | None

  @classmethod
  def of(cls, path: str, lines: list[str]) -> "_Layout":
    """Looks at the sentences up to the first of more than one word."""
    sentences: list[list[tuple[int, str]]] = [[]]
    for number, text in enumerate(lines, 1):
      if text.strip() and not text.startswith(_DOCUMENT_MARK):
        sentences[-1].append((number, text))
      elif len(_without_comments(sentences[-1])) > 1:
        break
      elif sentences[-1]:
        sentences.append([])
    numbered = cls._numbered(path, sentences)
    if numbered:
      return numbered
    if not sentences[0]:
      return cls(path, _FEWEST_COLUMNS, True, None)
    number, text = sentences[0][0]
    tabs = "\t" in text
    return cls(path, _count(path, number, text, tabs, 0), tabs, None)

  @classmethod
  def _numbered(
    cls, path: str, sentences: list[list[tuple[int, str]]]
  ) -> "_Layout | None":
    """Returns the layout if words are numbers, each sentence's from 0 or 1.

    Whether they count up is for `parse` to say.
    """
    rows = [_without_comments(sentence) for sentence in sentences]
    rows = [sentence for sentence in rows if sentence]
    if not rows:
      return None
    number, text = rows[0][0]
    tabs = "\t" in text
    if len(_split(text, tabs)) <= _FEWEST_COLUMNS:
      return None
    indices = [[_split(text, tabs)[0] for _, text in row] for row in rows]
    indices = [
      [index for index in row if not _NO_TOKEN.fullmatch(index)]
      for row in indices
    ]
    for first in (0, 1):
      if all(
        row[:1] in ([], [str(first)]) and all(map(str.isdecimal, row))
        for row in indices
      ):
        return cls(path, _count(path, number, text, tabs, 1), tabs, first)
    return None

  def is_comment(self, text: str) -> bool:
    # Elsewhere "#" is a word like others.
    return self.first_index is not None and text.startswith(_COMMENT)

  def parse(self, number: int, text: str, place: int) -> _Row | None:
    """Returns a line's row; None if it has no label of its own.

    Args:
      number: Of the line.
      text: The line.
      place: Of the word in its sentence, from 0.
    """
    cells = _split(text, self.tabs)
    if len(cells) != self.columns:
      raise _error(
        self.path,
        number,
        f"{len(cells)} columns, where the first row has {self.columns}.",
      )
    if self.first_index is not None:
      if _NO_TOKEN.fullmatch(cells[0]):
        return None
      if cells[0] != str(self.first_index + place):
        raise _error(
          self.path,
          number,
          f"the word's number is {cells[0]!r}, but "
          f"{self.first_index + place} is due.",
        )
      cells = cells[1:]
    word, label = cells[0], cells[-1]
    if not word.strip():
      raise _error(self.path, number, "the word is empty.")
    if label == entity_types.OUTSIDE:
      return _Row(number, word, "", "")
    match = _LABEL.fullmatch(label)
    if not match:
      raise _error(
        self.path,
        number,
        f"{label!r} is no label: those of BIO, IOB1 and IO are O, B-TYPE and "
        "I-TYPE.",
      )
    if entity_types.map_type(match[2]) is None:
      raise _error(
        self.path,
        number,
        f"the type {match[2]!r} is unknown; known are "
        f"{', '.join(entity_types.KNOWN)}.",
      )
    return _Row(number, word, match[1], match[2])


def _without_comments(rows: list[tuple[int, str]]) -> list[tuple[int, str]]:
  return [row for row in rows if not row[1].startswith(_COMMENT)]


def _split(text: str, tabs: bool) -> list[str]:
  # Not `split()`: words may hold a no-break space.
  return text.split("\t") if tabs else _SPACES.split(text.strip(" \t"))


def _count(path: str, number: int, text: str, tabs: bool, extra: int) -> int:
  """Returns the number of columns of the first row."""
  count = len(_split(text, tabs))
  if not _FEWEST_COLUMNS + extra <= count <= _MOST_COLUMNS + extra:
    raise _error(
      path,
      number,
      f"{count} columns; a row has {_FEWEST_COLUMNS} to {_MOST_COLUMNS}, the "
      "word first and its label last, and its number before them in files "
      "like CoNLL-U.",
    )
  return count


def _find_scheme(
  sentences: list[list[_Row]],
) -> tuple[str, list[tuple[_Row, str]]]:
  """Returns the scheme of the labels, and the labels that violate it."""
  offences: dict[str, list[tuple[_Row, str]]] = {IO: [], BIO: [], IOB1: []}
  for rows in sentences:
    before = ""
    for row in rows:
      if row.prefix == "B":
        offences[IO].append((row, "is none of IO's"))
      if row.prefix == "I" and row.kind != before:
        why = f"begins an entity, so that it should be B-{row.kind}"
        offences[BIO].append((row, why))
      if row.prefix == "B" and row.kind != before:
        why = f"parts no two entities, so that it should be I-{row.kind}"
        offences[IOB1].append((row, why))
      before = row.kind
  if not offences[IO]:
    return IO, []
  scheme = min((BIO, IOB1), key=lambda name: len(offences[name]))
  return scheme, offences[scheme]


def _normalize(rows: list[_Row]) -> LabeledSentence:
  """Returns a sentence with its labels in BIO and its types mapped."""
  labels, before = [], ""
  for row in rows:
    if not row.prefix:
      labels.append(entity_types.OUTSIDE)
    else:
      begins = row.prefix == "B" or row.kind != before
      prefix = "B" if begins else "I"
      labels.append(f"{prefix}-{entity_types.map_type(row.kind)}")
    before = row.kind
  return LabeledSentence(tuple(row.word for row in rows), tuple(labels))
