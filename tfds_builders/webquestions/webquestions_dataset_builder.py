"""WebQuestions, with the splits of ORQA and REALM."""

import json
from collections.abc import Sequence
from typing import Any

import tensorflow_datasets as tfds

from tfds_builders import open_qa
from tfds_builders import source_files

_RAW = (
  "https://raw.githubusercontent.com/brmson/dataset-factoid-webquestions/"
  "668890853388/main/"
)
_SOURCES = {
  # Together the published training questions.
  "train": tuple(
    source_files.Source(_RAW + name)
    for name in ("trainmodel.json", "val.json", "devtest.json")
  ),
  "test": (source_files.Source(_RAW + "test.json"),),
}


class Builder(open_qa.OpenQaBuilder):
  """Questions asked of a search engine, with names from Freebase."""

  VERSION = tfds.core.Version("1.0.0")
  RELEASE_NOTES = {"1.0.0": "First release."}
  MANUAL_DOWNLOAD_INSTRUCTIONS = source_files.instructions(_SOURCES)
  SOURCES = _SOURCES
  PUBLISHED_SIZES = {"train": 3417, "dev": 361, "test": 2032}
  HOMEPAGE = "https://github.com/brmson/dataset-factoid-webquestions"
  LICENSE = "CC BY 4.0"

  def _read(
    self,
    files: Sequence[source_files.SourceFile],
    sources: list[dict[str, Any]],
  ) -> list[open_qa.Question]:
    # Ids tell the order in which the questions were first published.
    return sorted(super()._read(files, sources), key=lambda q: q.id)

  def _parse(
    self, file: source_files.SourceFile, text: str
  ) -> list[open_qa.Question]:
    """Reads a JSON array of objects: `qId`, `qText` and `answers`.

    Stray quotation marks in answers are the publisher's, and stay.
    """
    try:
      records = json.loads(text)
    except ValueError as e:
      raise source_files.SourceError(f"{file.path} is not JSON: {e}.") from e
    if not isinstance(records, list):
      raise source_files.SourceError(f"{file.path} is no JSON array.")
    return [
      _question(record, f"{file.path}, question {number}")
      for number, record in enumerate(records, start=1)
    ]


def _question(record: object, where: str) -> open_qa.Question:
  if not isinstance(record, dict):
    raise source_files.SourceError(f"{where} is no JSON object.")
  for field in ("qId", "qText"):
    if not isinstance(record.get(field), str) or not record[field]:
      raise source_files.SourceError(f"{where} has no `{field}`.")
  answers = record.get("answers")
  if not isinstance(answers, list) or not answers:
    raise source_files.SourceError(f"{where} has no `answers`.")
  if not all(isinstance(a, str) and a.strip() for a in answers):
    raise source_files.SourceError(f"{where}: `answers` holds an empty one.")
  return open_qa.Question(record["qId"], record["qText"], tuple(answers))
