"""Readers of text files: each yields records, or names the bad line."""

import bz2
import contextlib
import csv
import gzip
import html
import io
import json
import re
import zlib
from collections.abc import Iterator
from collections.abc import Sequence
from typing import IO
from typing import Any
from typing import NamedTuple
from typing import TypeVar

import tensorflow as tf

from realm_tf import errors
from realm_tf import files

# csv refuses fields of more than 128 KiB by default; articles are longer.
_MAX_FIELD_CHARS = 2**31 - 1
# Of a <doc ...>, whose title has 255 bytes at most.
_MOST_HEADER_CHARS = 10_000
_WIKI_TITLE = ' title="'
_WIKI_ATTRIBUTE = re.compile(r"\b(\w++)=\"([^\"]*+)\"")
_WIKI_LAST_ATTRIBUTE = re.compile(r"\"\s++\w++=\"[^\"]*+$")
_LINE_BREAK = re.compile(r"\r?\n")
_WIKI_END = "</doc>"
_SHOWN_CHARS = 60
# Text is packed to a third or a tenth of its size. What unpacks to more than
# these together was made to fill a disk or a memory.
_MOST_UNPACKED_TIMES = 200
MOST_UNPACKED_BYTES = 1 << 26
_T = TypeVar("_T")

EMPTY_FILE = "empty_file"
NO_FILE = "pipe_or_device"
NOT_TEXT = "not_text"
NO_RECORDS = "no_records"
NO_HEADER = "csv_without_header"


class UnfitFile(errors.UserError):
  """A file that holds no records or no text at all, of its kind.

  Attributes:
    reason: A short name, to count such files by.
  """

  def __init__(self, reason: str, message: str):
    super().__init__(message)
    self.reason = reason


class Record(NamedTuple):
  """A document of a file.

  Attributes:
    title: Its title.
    text: Its text.
    fields: The other fields, by name; values of JSON.
  """

  title: str
  text: str
  fields: dict[str, Any]


def read_jsonl(path: str) -> Iterator[Record]:
  """Yields the record of each line; blank lines are passed over.

  Args:
    path: A file of JSON objects with the strings `title` and `text`, one a
      line; gzip or bzip2 if its name says so.

  Raises:
    UnfitFile: If the first line is not such an object.
    errors.UserError: Naming file and line, if another one is not.
  """
  records = (to_record(found, where) for where, found in read_objects(path))
  return unfit_at_first(records)


def to_record(found: dict[str, Any], where: str) -> Record:
  """Returns an object of a JSONL file as a record.

  Args:
    found: From `read_objects`.
    where: File and line, for errors.

  Raises:
    errors.UserError: If title or text are missing, or a value is not JSON's.
  """
  title, text = string(found, "title", where), string(found, "text", where)
  fields = {k: v for k, v in found.items() if k not in ("title", "text")}
  try:
    # Python reads NaN and halves of surrogate pairs, but they are not JSON.
    json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
  except ValueError as e:
    names = ", ".join(f"`{name}`" for name in fields)
    raise errors.UserError(
      f"{where}: one of the fields {names} holds what is no JSON: {e}."
    ) from e
  return Record(title, text, fields)


def unfit_at_first(items: Iterator[_T]) -> Iterator[_T]:
  """Yields what a file holds; a file is unfit if its first item is wrong.

  Raises:
    UnfitFile: Instead of the error of the first item.
  """
  try:
    first = next(items, None)
  except UnfitFile:
    raise
  except errors.UserError as e:
    raise UnfitFile(NO_RECORDS, str(e)) from e
  if first is not None:
    yield first
    yield from items


def read_objects(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
  """Yields file and line, for errors, and the object of each JSONL line.

  Raises:
    errors.UserError: Naming file and line, if a line is no JSON object.
  """
  for number, line in read_lines(path):
    if not line.strip():
      continue
    where = f"{path}, line {number}"
    try:
      record = files.parse_json(line)
    except ValueError as e:
      shown = line.strip()[:_SHOWN_CHARS]
      raise errors.UserError(
        f"{where} is not JSON ({shown!r}): each line must be one object with "
        "`title` and `text`."
      ) from e
    if not isinstance(record, dict):
      raise errors.UserError(
        f"{where} is no JSON object: it must hold `title` and `text`."
      )
    yield where, record


def read_csv(path: str) -> Iterator[Record]:
  """Yields the record of each row.

  Args:
    path: A CSV file whose header names `title` and `text`, in any case. Other
      columns are fields; empty cells are left out.

  Raises:
    UnfitFile: If there is no such header.
    errors.UserError: Naming file and line, if a row is wrong.
  """
  for _, row in read_rows(path, ("title", "text")):
    title, text = row.pop("title"), row.pop("text")
    fields = {name: cell for name, cell in row.items() if name and cell}
    yield Record(title, text, fields)


def read_rows(
  path: str, required: Sequence[str]
) -> Iterator[tuple[str, dict[str, str]]]:
  """Yields file and line, for errors, and the cells of each row by column.

  Args:
    path: A CSV file with a header; quoted fields may hold line breaks.
    required: Columns, in lower case; a header may write them otherwise.

  Raises:
    UnfitFile: If the header lacks one of them.
    errors.UserError: Naming file and line, if a row has too many or too few
      cells, or is no CSV.
  """
  csv.field_size_limit(_MAX_FIELD_CHARS)
  rows = csv.reader((line for _, line in read_lines(path)), strict=True)
  try:
    header = [name.strip() for name in next(rows, [])]
    names = [n.lower() if n.lower() in required else n for n in header]
    for name in required:
      if name not in names:
        raise UnfitFile(
          NO_HEADER,
          f"{path} has no column `{name}`: its first line must name the "
          f"columns, but reads {','.join(header)[:_SHOWN_CHARS]!r}.",
        )
    for row in rows:
      where = f"{path}, line {rows.line_num}"
      if len(row) not in (0, len(names)):
        raise errors.UserError(
          f"{where}: the row has {len(row)} fields, the header {len(names)}."
        )
      if row:
        yield where, dict(zip(names, row, strict=True))
  except csv.Error as e:
    raise errors.UserError(
      f"{path}, line {rows.line_num} is not CSV: {e}."
    ) from e


def read_wikiextractor(path: str) -> Iterator[Record]:
  """Yields the articles of one of WikiExtractor's files, text or --json.

  WikiExtractor writes a paragraph a line, so that each line break becomes a
  blank line, and the title once more before the text, where it is dropped.

  Raises:
    UnfitFile: If the file begins in neither format.
    errors.UserError: Naming file and line, if it goes on in neither.
  """
  first = next((line for _, line in read_lines(path) if line.strip()), "")
  if first.lstrip().startswith("{"):
    articles = read_jsonl(path)
  else:
    articles = unfit_at_first(_read_doc_elements(path))
  for title, text, fields in articles:
    # Not `splitlines`: a paragraph may hold other characters it splits at.
    lines = [line for line in _LINE_BREAK.split(text) if line.strip()]
    if lines and lines[0].strip() == title.strip():
      lines = lines[1:]
    yield Record(title, "\n\n".join(lines), fields)


def _read_doc_elements(path: str) -> Iterator[Record]:
  """Yields title, raw text and attributes of each <doc ...>...</doc>."""
  title: str | None = None
  started, lines, fields = 0, list[str](), dict[str, str]()
  for number, line in read_lines(path):
    if title is None:
      header = _wiki_header(line)
      if header:
        (title, fields), started, lines = header, number, []
      elif line.strip():
        raise errors.UserError(
          f'{path}, line {number}: expected <doc ... title="..."> or a JSON '
          f"object, as WikiExtractor writes, but found "
          f"{line.strip()[:_SHOWN_CHARS]!r}."
        )
    elif line.strip() == _WIKI_END:
      yield Record(title, "".join(lines), fields)
      title = None
    else:
      lines.append(line)
  if title is not None:
    raise errors.UserError(
      f"{path}, line {started}: the <doc> of {title!r} has no </doc>; the file "
      "is cut short."
    )


def _wiki_header(line: str) -> tuple[str, dict[str, str]] | None:
  """Returns title and other attributes of a <doc ...>; None if it is none.

  WikiExtractor does not escape the quotation marks of a title: it goes on to
  the end of the line, or to the attributes that follow.
  """
  if len(line) > _MOST_HEADER_CHARS:
    return None
  line = line.strip()
  before, found, title = line.partition(_WIKI_TITLE)
  if not (line.startswith("<doc ") and found and title.endswith('">')):
    return None
  title = title[:-2]
  attributes = before
  while match := _WIKI_LAST_ATTRIBUTE.search(title):
    title, attributes = title[: match.start()], f'{attributes}{match[0][1:]}"'
  fields = {
    name: html.unescape(value)
    for name, value in _WIKI_ATTRIBUTE.findall(attributes)
    if value
  }
  return html.unescape(title), fields


def string(record: dict[str, Any], field: str, where: str) -> str:
  """Returns a field of a record, which must be text.

  Args:
    record: From `read_objects`.
    field: Its name.
    where: File and line, for errors.

  Raises:
    errors.UserError: If it is missing or no text.
  """
  if field not in record:
    raise errors.UserError(
      f"{where} lacks `{field}`: each record needs `title` and `text`."
    )
  value = record[field]
  if not isinstance(value, str):
    raise errors.UserError(f"{where}: `{field}` must be a string.")
  try:
    value.encode()
  except UnicodeEncodeError as e:
    raise errors.UserError(
      f"{where}: `{field}` holds half a surrogate pair, which is not text."
    ) from e
  return value


def read_lines(path: str) -> Iterator[tuple[int, str]]:
  """Yields the number, from 1, and the text of each line, with its line break.

  Args:
    path: A UTF-8 file; gzip or bzip2 if its name says so.

  Raises:
    UnfitFile: If the first line is not UTF-8.
    errors.UserError: If the file cannot be read, is damaged, or not UTF-8.
  """
  with _opened(path) as file:
    for number, line in enumerate(file, start=1):
      yield number, _decode(line, path, number)


def read_bytes(path: str) -> bytes:
  """Returns the content of a file.

  Args:
    path: A file; gzip or bzip2 if its name says so.

  Raises:
    UnfitFile: If it is empty.
    errors.UserError: If it cannot be read or is damaged.
  """
  with _opened(path) as file:
    content = file.read()
  if not content:
    raise UnfitFile(EMPTY_FILE, f"{path} is empty.")
  return content


@contextlib.contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
  """Opens a file, and reports in one line what fails meanwhile."""
  if files.is_special(path):
    raise UnfitFile(NO_FILE, f"{path} is a pipe or a device: give a file.")
  files.check_readable(path)
  with contextlib.ExitStack() as stack:
    try:
      file = stack.enter_context(tf.io.gfile.GFile(path, "rb"))
      if path.endswith((".gz", ".bz2")):
        packed = tf.io.gfile.stat(path).length
        if not packed:  # gzip would take it for an empty text.
          raise EOFError("it has no bytes")
        unpacked = (
          gzip.GzipFile(fileobj=file)
          if path.endswith(".gz")
          else (bz2.BZ2File(file))
        )
        file = stack.enter_context(
          io.BufferedReader(_Bounded(unpacked, packed))
        )
      yield file
    except (EOFError, OSError, zlib.error) as e:
      raise errors.UserError(f"{path} is damaged: {e}.") from e
    except tf.errors.OpError as e:
      raise errors.UserError(f"Cannot read {path}: {e}.") from e


class _Bounded(io.RawIOBase):
  """Unpacks a file, but not to far more than it holds."""

  def __init__(self, unpacked: gzip.GzipFile | bz2.BZ2File, packed_bytes: int):
    super().__init__()
    self._unpacked = unpacked
    self._left = MOST_UNPACKED_BYTES + _MOST_UNPACKED_TIMES * packed_bytes

  def readable(self) -> bool:
    """See base class."""
    return True

  def readinto(self, buffer: Any) -> int:
    """See base class; an OSError beyond the bound."""
    count = self._unpacked.readinto(buffer)
    self._left -= count
    if self._left < 0:
      raise OSError(
        f"it unpacks to more than {_MOST_UNPACKED_TIMES} times its size"
      )
    return count


def _decode(line: bytes, path: str, number: int) -> str:
  try:
    # Only a file's first line may hold a byte order mark.
    return line.decode("utf-8-sig" if number == 1 else "utf-8")
  except UnicodeDecodeError as e:
    message = (
      f"{path}, line {number} is not UTF-8 (byte {e.start + 1} of the line)."
    )
    if number == 1:
      raise UnfitFile(NOT_TEXT, message) from e
    raise errors.UserError(message) from e
