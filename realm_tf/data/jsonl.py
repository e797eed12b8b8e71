"""Reads and writes JSONL files; errors name the line at fault."""

import json
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any
from typing import TypeVar

from realm_tf import errors
from realm_tf import files
from realm_tf.data import formats

_T = TypeVar("_T")


def read(
  path: str, parse: Callable[[dict[str, Any], int], _T], what: str, fields: str
) -> list[_T]:
  """Parses each line of a file.

  Args:
    path: A file with a JSON object a line; gzip or bzip2 if its name says so.
    parse: From an object and its line's number, from 1, to what it says; a
      ValueError, KeyError or TypeError if it is wrong.
    what: What a line is: "prediction".
    fields: What each line must hold, for the message: '"id" and ...'.

  Raises:
    errors.UserError: If the file or one of its lines is wrong, or none there.
  """
  parsed = []
  for number, line in formats.read_lines(path):
    try:
      record = files.parse_json(line)
      if not isinstance(record, dict):
        raise TypeError("the line is no JSON object")
      parsed.append(parse(record, number))
    except errors.UserError:
      raise
    except (ValueError, KeyError, TypeError) as e:
      raise errors.UserError(
        f"{path}:{number} is no {what}: {e!r}. Each line is a JSON object "
        f"with {fields}."
      ) from e
  if not parsed:
    raise errors.UserError(f"{path} holds no {what}.")
  return parsed


def write(path: str, records: Iterable[dict[str, Any]]) -> None:
  """Writes a JSON object a line, whole or not at all."""
  lines = [
    json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
    for record in records
  ]
  files.write_bytes(path, "".join(lines).encode())


def text(record: dict[str, Any], field: str, default: str | None = None) -> str:
  """Returns a string of a record.

  Args:
    record: A line.
    field: Which one.
    default: Where there is no such field; None if there must be one.

  Raises:
    KeyError: If the field is missing.
    TypeError: If it is no string.
    ValueError: If it is no text.
  """
  value = record[field] if default is None else record.get(field, default)
  if not isinstance(value, str):
    raise TypeError(f"`{field}` must be a string")
  value.encode()  # A UnicodeEncodeError, if it holds half a surrogate pair.
  return value
