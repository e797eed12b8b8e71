"""Documents from JSONL, CSV, WikiExtractor's folders and the encyclopedia."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import absent
from realm_tf import errors
from realm_tf import files
from realm_tf.data import formats

ENCYCLOPEDIA = "encyclopedia"

_COMPRESSED = (".gz", ".bz2")
_JSONL = (".jsonl", ".ndjson", ".json")
_CSV = (".csv",)
_WIKI_FILE_PREFIX = "wiki_"
# What gzip and bzip2 make of English, roughly; only sizes shards.
_COMPRESSION_RATIO = 3
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
  """

  title: str
  text: str
  position: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Source:
  """One file of documents, or the embedded encyclopedia.

  Attributes:
    kind: "jsonl", "csv", "wikiextractor" or "encyclopedia".
    path: The file; "encyclopedia", perhaps with kinds, for the encyclopedia.
    index: The source's number in the whole input.
  """

  kind: str
  path: str
  index: int

  def read(self) -> Iterator[Document]:
    """Yields the documents in the order of the file.

    Raises:
      errors.UserError: At a bad record, naming its file and line.
    """
    if self.kind == ENCYCLOPEDIA:
      records = _encyclopedia_records(self.path)
    elif self.kind == "csv":
      records = formats.read_csv(self.path)
    elif self.kind == "wikiextractor":
      records = formats.read_wikiextractor(self.path)
    else:
      records = formats.read_jsonl(self.path)
    for number, (title, text) in enumerate(records):
      yield Document(title, text, (self.index, number))

  def vocabulary_texts(self) -> Iterator[str]:
    """Yields the texts to learn a vocabulary from.

    The encyclopedia's training questions too: the words that questions are
    put in need wordpieces as much as the words of the answers.
    """
    for title, text in self._records():
      yield f"{title}\n{text}"
    if self.kind == ENCYCLOPEDIA:
      yield from _training_questions(self.path)

  def text_bytes(self) -> int:
    """Returns about how many bytes of text the source holds."""
    if self.kind == ENCYCLOPEDIA:
      return sum(len(title) + len(text) for title, text in self._records())
    size = tf.io.gfile.stat(self.path).length
    return size * (_COMPRESSION_RATIO if self.path.endswith(_COMPRESSED) else 1)

  def sha256(self) -> str:
    """Returns the checksum of the content, without the file's name.

    Raises:
      errors.UserError: If the file cannot be read.
    """
    if self.kind == ENCYCLOPEDIA:
      digest = hashlib.sha256()
      for record in self._records():
        digest.update(json.dumps(record).encode())
      return digest.hexdigest()
    try:
      return files.sha256(self.path)
    except tf.errors.OpError as e:
      raise errors.UserError(f"{self.path} cannot be read: {e.message}.") from e

  def _records(self) -> Iterator[tuple[str, str]]:
    return ((document.title, document.text) for document in self.read())


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
      shows in its name: .jsonl or .csv, perhaps with .gz or .bz2 after it, or
      wiki_NN, as WikiExtractor calls its files.
    flag: The flag's name, for messages.

  Returns:
    The sources, in the order given; the files of one pattern or folder by
    name. No file stands twice.

  Raises:
    errors.UserError: If nothing is there, or of no known kind.
  """
  if not any(inputs):
    raise errors.UserError(
      f"`{flag}` is missing: give JSONL, CSV or WikiExtractor files, or "
      f"{ENCYCLOPEDIA!r} for the embedded corpus."
    )
  sources: dict[str, Source] = {}
  for value in filter(None, inputs):
    paths = [value] if _is_encyclopedia(value) else _expand(value, flag)
    for path in paths:
      sources.setdefault(path, Source(_kind(path, flag), path, len(sources)))
  return list(sources.values())


def _expand(value: str, flag: str) -> list[str]:
  """Returns the files of a path, pattern or folder, sorted."""
  if tf.io.gfile.isdir(value):
    paths = sorted(
      tf.io.gfile.join(folder, name)
      for folder, _, names in tf.io.gfile.walk(value)
      for name in names
      if _known_kind(name)
    )
    if not paths:
      raise errors.UserError(
        f"{flag}={value} is a folder without wiki_NN, JSONL or CSV files."
      )
    return paths
  if tf.io.gfile.exists(value):
    return [value]
  found = tf.io.gfile.glob(value)
  paths = sorted(path for path in found if not tf.io.gfile.isdir(path))
  if not paths:
    raise absent.path(flag, value)
  return paths


def _known_kind(path: str) -> str | None:
  name = path.replace("\\", "/").rsplit("/", 1)[-1].lower()
  for suffix in _COMPRESSED:
    name = name.removesuffix(suffix)
  if name.endswith(_JSONL):
    return "jsonl"
  if name.endswith(_CSV):
    return "csv"
  if name.startswith(_WIKI_FILE_PREFIX):
    return "wikiextractor"
  return None


def _kind(path: str, flag: str) -> str:
  kind = ENCYCLOPEDIA if _is_encyclopedia(path) else _known_kind(path)
  if kind is None:
    raise errors.UserError(
      f"{flag}={path} is of no known kind: the name must end in .jsonl or "
      ".csv (perhaps with .gz or .bz2), or be WikiExtractor's wiki_NN."
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
