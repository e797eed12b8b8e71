"""Documents from files of many kinds, folders and the encyclopedia."""

import collections
import dataclasses
import hashlib
import json
import logging
import os
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from realm_tf import absent
from realm_tf import errors
from realm_tf import files
from realm_tf.data import formats
from realm_tf.data.documents import extra
from realm_tf.data.documents import read_document

_log = logging.getLogger(__name__)

ENCYCLOPEDIA = "encyclopedia"
OTHER_KIND = "other_kind"

_COMPRESSED = (".gz", ".bz2")
_SUFFIXES = {
  "jsonl": (".jsonl", ".ndjson", ".json"),
  "csv": (".csv",),
  "text": (".txt", ".text"),
  "markdown": (".md", ".markdown"),
  "html": (".html", ".htm", ".xhtml"),
  "pdf": (".pdf",),
}
_WIKIEXTRACTOR = "wikiextractor"
_WIKI_FILE_PREFIX = "wiki_"
_RECORD_READERS: dict[str, Callable[[str], Iterator[formats.Record]]] = {
  "jsonl": formats.read_jsonl,
  "csv": formats.read_csv,
  _WIKIEXTRACTOR: formats.read_wikiextractor,
}
_PATTERN_CHARS = re.compile(r"[*?\[]")
# Text in a byte of a file, roughly; only sizes shards.
_COMPRESSION_RATIO = 3
_TEXT_PARTS = {"html": 1 / 4, "pdf": 1 / 16}
_BATCH_DOCUMENTS = 256
_BATCH_CHARS = 1 << 19


@dataclasses.dataclass(frozen=True)
class Document:
  """One article, or one part of it, to be cut into passages.

  Attributes:
    title: Its subject.
    text: Its text; a blank line ends a paragraph.
    position: Which document of which source it is. Together with the title it
      orders the passages of a corpus, whatever order a runner works in.
    fields: What else is known of it, by name; values of JSON.
    page_starts: Where each of its pages begins, in characters of the text,
      which then is normalized; none where it has no pages.
    is_article: Whether it may be a page of Wikipedia that only lists others.
  """

  title: str
  text: str
  position: tuple[int, int]
  fields: dict[str, Any] = dataclasses.field(default_factory=dict)
  page_starts: tuple[int, ...] = ()
  is_article: bool = True


@dataclasses.dataclass(frozen=True)
class Source:
  """One file of documents, or the embedded encyclopedia.

  Attributes:
    kind: "jsonl", "csv", "wikiextractor", one of `read_document.KINDS`, or
      "encyclopedia".
    path: The file; "encyclopedia", perhaps with kinds, for the encyclopedia.
    index: The source's number in the whole input.
    name: The file's path below the folder that was given.
    is_named: Whether the file itself was named, and not found in a folder or
      by a pattern. What was found may turn out to be unfit.
  """

  kind: str
  path: str
  index: int
  name: str = ""
  is_named: bool = True

  def read(self) -> Iterator[Document]:
    """Yields the documents in the order of the file.

    Raises:
      formats.UnfitFile: If the file holds no documents at all.
      errors.UserError: At a bad record, naming its file and line.
    """
    if self.kind == ENCYCLOPEDIA:
      for number, (title, text) in enumerate(_encyclopedia_records(self.path)):
        yield Document(title, text, (self.index, number))
      return
    if self.kind in read_document.KINDS:
      found = read_document.read(self.path, self.kind)
      yield Document(
        found.title,
        found.text,
        (self.index, 0),
        {**found.fields, "source": self.name},
        found.page_starts,
        is_article=False,
      )
      return
    if not self.is_named and not tf.io.gfile.stat(self.path).length:
      raise formats.UnfitFile(formats.EMPTY_FILE, f"{self.path} is empty.")
    records = _RECORD_READERS[self.kind](self.path)
    for number, (title, text, fields) in enumerate(records):
      yield Document(title, text, (self.index, number), fields)

  def vocabulary_texts(self) -> Iterator[str]:
    """Yields the texts to learn a vocabulary from.

    The encyclopedia's training questions too: the words that questions are
    put in need wordpieces as much as the words of the answers.

    Raises:
      errors.UserError: As `read_fit`.
    """
    for document in read_fit([self], lambda unfit: None):
      yield f"{document.title}\n{document.text}"
    if self.kind == ENCYCLOPEDIA:
      yield from _training_questions(self.path)

  def text_bytes(self) -> int:
    """Returns about how many bytes of text the source holds."""
    if self.kind == ENCYCLOPEDIA:
      return sum(len(d.title) + len(d.text) for d in self.read())
    size = tf.io.gfile.stat(self.path).length
    if self.path.endswith(_COMPRESSED):
      size *= _COMPRESSION_RATIO
    return int(size * _TEXT_PARTS.get(self.kind, 1))

  def identity(self) -> list[str]:
    """Returns what tells the source's documents from those of others.

    It leaves out where the file lies, unless a document has it as a field.

    Raises:
      errors.UserError: If the file cannot be read.
    """
    if self.kind == ENCYCLOPEDIA:
      digest = hashlib.sha256()
      for document in self.read():
        digest.update(json.dumps([document.title, document.text]).encode())
      return [self.kind, digest.hexdigest()]
    try:
      checksum = files.sha256(self.path)
    except tf.errors.OpError as e:
      raise errors.UserError(f"{self.path} cannot be read: {e.message}.") from e
    # Before passages kept their fields, the list ended here.
    is_document = self.kind in read_document.KINDS
    return [self.kind, checksum, self.name if is_document else "fields"]


def read_fit(
  found: Iterable[Source], leave_out: Callable[[formats.UnfitFile], None]
) -> Iterator[Document]:
  """Yields the documents of all sources that hold any.

  Args:
    found: The sources.
    leave_out: Is told of files that were found and are unfit.

  Raises:
    errors.UserError: At a bad record, or a file that was named and is unfit.
  """
  for source in found:
    try:
      yield from source.read()
    except formats.UnfitFile as e:
      if source.is_named:
        # By its own name: a Beam runner may hand it on as text.
        raise errors.UserError(str(e)) from e
      leave_out(e)


def grouped(found: Sequence[Source]) -> Iterator[list[Source]]:
  """Yields neighbouring sources together, if they are small.

  A folder may hold very many files, each of which has one document.
  """
  group, total = list[Source](), 0
  for source in found:
    group.append(source)
    is_file = source.kind != ENCYCLOPEDIA
    total += source.text_bytes() if is_file else _BATCH_CHARS
    if len(group) == _BATCH_DOCUMENTS or total >= _BATCH_CHARS:
      yield group
      group, total = [], 0
  if group:
    yield group


def batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
  """Yields documents in batches of about half a megabyte."""
  batch, chars = [], 0
  for document in documents:
    batch.append(document)
    chars += len(document.text)
    if len(batch) == _BATCH_DOCUMENTS or chars >= _BATCH_CHARS:
      yield batch
      batch, chars = [], 0
  if batch:
    yield batch


def resolve(inputs: Sequence[str], flag: str = "input") -> list[Source]:
  """Returns the sources that paths, patterns and folders stand for.

  Args:
    inputs: Files, patterns, folders, or "encyclopedia" (of some kinds alone:
      "encyclopedia:countries+rivers"). The kind of a file
      shows in its name: .jsonl, .csv, .txt, .md, .html or .pdf, perhaps with
      .gz or .bz2 after it, or wiki_NN, as WikiExtractor calls its files. Of a
      folder, hidden files and folders are left out, and files of other kinds.
    flag: The flag's name, for messages.

  Returns:
    The sources, in the order given; the files of one pattern or folder by
    name. No file stands twice.

  Raises:
    errors.UserError: If nothing is there, or of no known kind.
  """
  if not any(inputs):
    raise errors.UserError(
      f"`{flag}` is missing: give a folder, files, or {ENCYCLOPEDIA!r} for the "
      "embedded corpus."
    )
  sources: dict[str, Source] = {}
  for value in filter(None, inputs):
    is_named = _is_named(value)
    for path, name in _expand(value, flag):
      source = Source(_kind(path, flag), path, len(sources), name, is_named)
      if path not in sources:
        extra.check(source.kind, path)
        sources[path] = source
  return list(sources.values())


def warn_of_left_out(lines: Iterable[str]) -> None:
  """Logs a line on each file that was left out."""
  for line in lines:
    _log.warning(f"left out: {line}")


def count_other_kinds(inputs: Sequence[str]) -> dict[str, int]:
  """Counts the files of folders and patterns that are of no known kind.

  Args:
    inputs: As for `resolve`.

  Returns:
    Under `OTHER_KIND`, how many; nothing if there are none. A warning says of
    which kinds they are.
  """
  counts: collections.Counter[str] = collections.Counter()
  for value in filter(None, inputs):
    if not _is_named(value):
      for path in _candidates(value)[1]:
        if _known_kind(path) is None:
          counts[os.path.splitext(path)[1].lower() or "without suffix"] += 1
  if not counts:
    return {}
  shown = ", ".join(f"{n:,} {suffix}" for suffix, n in sorted(counts.items()))
  warn_of_left_out([f"files of kinds that are not read: {shown}."])
  return {OTHER_KIND: counts.total()}


def _is_named(value: str) -> bool:
  """Whether an input is a file or the encyclopedia, and not a way to files."""
  if _is_encyclopedia(value):
    return True
  return tf.io.gfile.exists(value) and not tf.io.gfile.isdir(value)


def _expand(value: str, flag: str) -> list[tuple[str, str]]:
  """Returns the files of a path, pattern or folder, sorted, with their names.

  A name is the path below the folder, or below that of a pattern.
  """
  if _is_named(value):
    return [(value, _name(value))]
  folder, candidates = _candidates(value)
  paths = [path for path in candidates if _known_kind(path)]
  if not candidates and not tf.io.gfile.isdir(value):
    raise absent.path(flag, value)
  if not paths:
    raise errors.UserError(
      f"{flag}={value} is a folder or pattern without text, Markdown, HTML, "
      "PDF, JSONL, CSV or wiki_NN files."
    )
  return [(path, path.removeprefix(folder).lstrip("/")) for path in paths]


def _candidates(value: str) -> tuple[str, list[str]]:
  """Returns the folder of a folder or pattern, and the files there, sorted."""
  if tf.io.gfile.isdir(value):
    return value, _files_below(value)
  # Up to the last folder before the pattern's first special character.
  folder = _PATTERN_CHARS.split(value, maxsplit=1)[0].rpartition("/")[0]
  found = tf.io.gfile.glob(value)
  return folder, sorted(path for path in found if not tf.io.gfile.isdir(path))


def _files_below(folder: str) -> list[str]:
  """Returns the files below a folder, sorted, without hidden ones.

  Links are followed, but a folder is read once: a link may lead into itself.
  """
  return sorted(_walk(folder, set()))


def _walk(folder: str, seen: set[str]) -> Iterator[str]:
  """Yields the files below a folder, and adds the folders to `seen`."""
  place = files.resolve(folder)
  if place in seen:
    return
  seen.add(place)
  for name in sorted(tf.io.gfile.listdir(folder)):
    path = tf.io.gfile.join(folder, name.rstrip("/"))
    if _name(path).startswith("."):
      continue
    if tf.io.gfile.isdir(path):
      yield from _walk(path, seen)
    else:
      yield path


def _known_kind(path: str) -> str | None:
  name = _name(path).lower()
  for suffix in _COMPRESSED:
    name = name.removesuffix(suffix)
  for kind, suffixes in _SUFFIXES.items():
    if name.endswith(suffixes):
      return kind
  return _WIKIEXTRACTOR if name.startswith(_WIKI_FILE_PREFIX) else None


def _name(path: str) -> str:
  return path.replace("\\", "/").rsplit("/", 1)[-1]


def _kind(path: str, flag: str) -> str:
  kind = ENCYCLOPEDIA if _is_encyclopedia(path) else _known_kind(path)
  if kind is None:
    raise errors.UserError(
      f"{flag}={path} is of no known kind: the name must end in .jsonl, .csv, "
      ".txt, .md, .html or .pdf (perhaps with .gz or .bz2), or be "
      "WikiExtractor's wiki_NN."
    )
  return kind


def _is_encyclopedia(value: str) -> bool:
  return value.partition(":")[0] == ENCYCLOPEDIA


def _encyclopedia_records(path: str) -> Iterator[tuple[str, str]]:
  from realm_tf import encyclopedia

  kinds = encyclopedia.select_kinds(path.partition(":")[2])
  for article in encyclopedia.articles(kinds):
    yield article.title, article.text


def _training_questions(path: str) -> Iterator[str]:
  from realm_tf import encyclopedia

  kinds = encyclopedia.select_kinds(path.partition(":")[2])
  for question in encyclopedia.questions(kinds):
    if question.split == "train":
      yield question.question
