"""Readers of text files: each yields (title, text), or names the bad line."""

import bz2
import contextlib
import csv
import gzip
import html
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from realm_tf import errors

# csv refuses fields of more than 128 KiB by default; articles are longer.
_MAX_FIELD_CHARS = 2**31 - 1
_WIKI_DOCUMENT = re.compile(r"<doc\s[^>]*?title=\"(.*?)\"[^>]*>\s*$")
_LINE_BREAK = re.compile(r"\r?\n")
_WIKI_END = "</doc>"
_SHOWN_CHARS = 60


def read_jsonl(path: str) -> Iterator[tuple[str, str]]:
  """Yields title and text of each line; blank lines are passed over.

  Args:
    path: A file of JSON objects with the strings `title` and `text`, one a
      line; gzip or bzip2 if its name says so.

  Raises:
    errors.UserError: Naming file and line, if a line is not such an object.
  """
  for where, record in read_objects(path):
    yield string(record, "title", where), string(record, "text", where)


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
      record = json.loads(line)
    except (ValueError, RecursionError) as e:
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


def read_csv(path: str) -> Iterator[tuple[str, str]]:
  """Yields the columns `title` and `text` of each row.

  Args:
    path: A CSV file with a header; quoted fields may hold line breaks.

  Raises:
    errors.UserError: Naming file and line, if a column or field is missing.
  """
  csv.field_size_limit(_MAX_FIELD_CHARS)
  rows = csv.reader((line for _, line in read_lines(path)), strict=True)
  try:
    header = [name.strip().lower() for name in next(rows, [])]
    for name in ("title", "text"):
      if name not in header:
        raise errors.UserError(
          f"{path} has no column `{name}`: its first line must name the "
          f"columns, but reads {','.join(header)[:_SHOWN_CHARS]!r}."
        )
    title, text = header.index("title"), header.index("text")
    for row in rows:
      if len(row) not in (0, len(header)):
        raise errors.UserError(
          f"{path}, line {rows.line_num}: the row has {len(row)} fields, the "
          f"header {len(header)}."
        )
      if row:
        yield row[title], row[text]
  except csv.Error as e:
    raise errors.UserError(
      f"{path}, line {rows.line_num} is not CSV: {e}."
    ) from e


def read_wikiextractor(path: str) -> Iterator[tuple[str, str]]:
  """Yields the articles of one of WikiExtractor's files, text or --json.

  WikiExtractor writes a paragraph a line, so that each line break becomes a
  blank line, and the title once more before the text, where it is dropped.

  Raises:
    errors.UserError: Naming file and line, if the file is of neither format.
  """
  first = next((line for _, line in read_lines(path) if line.strip()), "")
  if first.lstrip().startswith("{"):
    articles = read_jsonl(path)
  else:
    articles = _read_doc_elements(path)
  for title, text in articles:
    # Not `splitlines`: a paragraph may hold other characters it splits at.
    lines = [line for line in _LINE_BREAK.split(text) if line.strip()]
    if lines and lines[0].strip() == title.strip():
      lines = lines[1:]
    yield title, "\n\n".join(lines)


def _read_doc_elements(path: str) -> Iterator[tuple[str, str]]:
  """Yields title and raw text of each <doc title="...">...</doc>."""
  title: str | None = None
  started, lines = 0, list[str]()
  for number, line in read_lines(path):
    if title is None:
      match = _WIKI_DOCUMENT.match(line)
      if match:
        title, started, lines = html.unescape(match[1]), number, []
      elif line.strip():
        raise errors.UserError(
          f'{path}, line {number}: expected <doc ... title="..."> or a JSON '
          f"object, as WikiExtractor writes, but found "
          f"{line.strip()[:_SHOWN_CHARS]!r}."
        )
    elif line.strip() == _WIKI_END:
      yield title, "".join(lines)
      title = None
    else:
      lines.append(line)
  if title is not None:
    raise errors.UserError(
      f"{path}, line {started}: the <doc> of {title!r} has no </doc>; the file "
      "is cut short."
    )


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
    errors.UserError: If the file cannot be read, is damaged, or not UTF-8.
  """
  with contextlib.ExitStack() as stack:
    try:
      file = stack.enter_context(tf.io.gfile.GFile(path, "rb"))
      if path.endswith(".gz"):
        file = stack.enter_context(gzip.GzipFile(fileobj=file))
      elif path.endswith(".bz2"):
        file = stack.enter_context(bz2.BZ2File(file))
      for number, line in enumerate(file, start=1):
        yield number, _decode(line, path, number)
    except (EOFError, OSError, zlib.error) as e:
      raise errors.UserError(f"{path} is damaged: {e}.") from e
    except tf.errors.OpError as e:
      raise errors.UserError(f"Cannot read {path}: {e}.") from e


def _decode(line: bytes, path: str, number: int) -> str:
  try:
    # Only a file's first line may hold a byte order mark.
    return line.decode("utf-8-sig" if number == 1 else "utf-8")
  except UnicodeDecodeError as e:
    raise errors.UserError(
      f"{path}, line {number} is not UTF-8 (byte {e.start + 1} of the line)."
    ) from e
