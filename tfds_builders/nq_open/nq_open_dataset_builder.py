"""NaturalQuestions-Open, with the splits of ORQA and REALM."""

import json
from typing import Any

import tensorflow_datasets as tfds

from tfds_builders import open_qa
from tfds_builders import source_files

_RAW = (
  "https://raw.githubusercontent.com/google-research-datasets/"
  "natural-questions/a7a113c9fdc2d9986d624bd43b8a18d6d5779eaa/nq_open/"
)
_SOURCES = {
  "train": (
    source_files.Source(
      _RAW + "NQ-open.train.jsonl",
      partial_names=("NQ-open.train.partial.jsonl", "train_partial.jsonl"),
    ),
  ),
  # What is published as dev is the test split of ORQA and of all since.
  "test": (
    source_files.Source(_RAW + "NQ-open.dev.jsonl", also_named=("dev.jsonl",)),
  ),
}


class Builder(open_qa.OpenQaBuilder):
  """Questions of NaturalQuestions with short answers, without passages."""

  VERSION = tfds.core.Version("1.0.0")
  RELEASE_NOTES = {"1.0.0": "First release."}
  MANUAL_DOWNLOAD_INSTRUCTIONS = source_files.instructions(_SOURCES)
  SOURCES = _SOURCES
  PUBLISHED_SIZES = {"train": 79168, "dev": 8757, "test": 3610}
  HOMEPAGE = (
    "https://github.com/google-research-datasets/natural-questions/tree/"
    "master/nq_open"
  )
  LICENSE = "CC BY-SA 3.0"

  def _parse(
    self, file: source_files.SourceFile, text: str
  ) -> list[open_qa.Question]:
    """Reads one JSON object a line: `question` and `answer`, a list.

    A question's id is its place in the published file. A partial file says in
    `row` what that place was, or null where it is not known.
    """
    published = file.source.name.removesuffix(".jsonl")
    questions = []
    for number, line in enumerate(text.removesuffix("\n").split("\n")):
      where = f"{file.path}, line {number + 1}"
      record = _record(line, where)
      row = record.get("row", number)
      place = f"unknown-{number}" if row is None else row
      questions.append(
        open_qa.Question(
          id=f"{published}-{place}",
          question=record["question"],
          answers=tuple(record["answer"]),
        )
      )
    return questions


def _record(line: str, where: str) -> dict[str, Any]:
  try:
    record = json.loads(line)
  except ValueError as e:
    raise source_files.SourceError(f"{where} is not JSON.") from e
  if not isinstance(record, dict):
    raise source_files.SourceError(f"{where} is no JSON object.")
  question, answers = record.get("question"), record.get("answer")
  if not isinstance(question, str) or not question:
    raise source_files.SourceError(f"{where} has no `question`.")
  if not isinstance(answers, list) or not answers:
    raise source_files.SourceError(f"{where} has no `answer`.")
  if not all(isinstance(a, str) and a.strip() for a in answers):
    raise source_files.SourceError(f"{where}: `answer` holds an empty one.")
  return record
