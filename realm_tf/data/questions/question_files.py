"""Files of questions: JSONL, CSV, and text with a question a line."""

import contextlib
from collections.abc import Iterator
from typing import Any

from realm_tf import errors
from realm_tf import files
from realm_tf.data import formats

_JSONL = (".jsonl", ".ndjson", ".json")
_CSV = ".csv"
_TEXT = ".txt"
_COMPRESSED = (".gz", ".bz2")
_CSV_FIELDS = (
  *("question", "answer", "answers", "id", "answer_type", "subject"),
)


def is_file_name(dataset: str) -> bool:
  """Whether a dataset is named as a file of questions."""
  return _plain(dataset).endswith((*_JSONL, _CSV, _TEXT))


def _plain(path: str) -> str:
  """Returns a path in lower case, without the suffix of a compression."""
  name = path.lower()
  for suffix in _COMPRESSED:
    name = name.removesuffix(suffix)
  return name


def read(path: str) -> Iterator[tuple[str, int, dict[str, Any]]]:
  """Yields file and line for errors, a number, and what is said of a question.

  The number is that of the line, or of the row below a CSV file's header.

  Args:
    path: JSONL unless its name says CSV or text; gzip or bzip2 if it says so.

  Raises:
    errors.UserError: Naming file and line, if that is not of the format.
  """
  name = _plain(path)
  if name.endswith(_CSV):
    rows = formats.read_rows(path, ("question",))
    for number, (where, row) in enumerate(rows, start=1):
      yield where, number, _of_row(row)
    return
  for number, line in formats.read_lines(path):
    if not line.strip():
      continue
    where = f"{path}, line {number}"
    if name.endswith(_TEXT):
      yield where, number, {"question": line.strip()}
      continue
    try:
      record = files.parse_json(line)
    except ValueError as e:
      raise errors.UserError(f"{where} is not JSON: {e}.") from e
    if not isinstance(record, dict):
      raise errors.UserError(
        f"{where} is no JSON object: it must hold `question` and `answer`."
      )
    yield where, number, record


def _of_row(row: dict[str, str]) -> dict[str, Any]:
  """Returns a row of a CSV file as a line of JSONL would have it.

  Several answers are a JSON list in one cell.
  """
  record: dict[str, Any] = {
    column.lower(): cell
    for column, cell in row.items()
    if column.lower() in _CSV_FIELDS and cell.strip()
  }
  for field in ("answer", "answers"):
    with contextlib.suppress(ValueError):
      answers = files.parse_json(record.get(field, ""))
      if isinstance(answers, list):
        record[field] = answers
  return record
