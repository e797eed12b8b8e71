"""CuratedTREC, with the splits of ORQA and REALM."""

import tensorflow_datasets as tfds

from tfds_builders import open_qa
from tfds_builders import source_files

_RAW = (
  "https://raw.githubusercontent.com/brmson/dataset-factoid-curated/"
  "3b757bfe8e88/"
)
_SOURCES = {
  "train": (source_files.Source(_RAW + "large2470-train.tsv"),),
  "test": (source_files.Source(_RAW + "large2470-test.tsv"),),
}

# Added after DrQA took the dataset, whose questions ORQA and REALM use.
_LATER_ADDITIONS = "lfb"
_FIELDS = 4


class Builder(open_qa.OpenQaBuilder):
  """Questions of TREC's QA tracks, with patterns that match the answers."""

  VERSION = tfds.core.Version("1.0.0")
  RELEASE_NOTES = {"1.0.0": "First release."}
  MANUAL_DOWNLOAD_INSTRUCTIONS = source_files.instructions(_SOURCES)
  SOURCES = _SOURCES
  PUBLISHED_SIZES = {"train": 1353, "dev": 133, "test": 694}
  ANSWER_TYPE = open_qa.REGEX
  HOMEPAGE = "https://github.com/brmson/dataset-factoid-curated"
  LICENSE = "Questions and patterns of NIST's TREC: public domain"

  def _parse(
    self, file: source_files.SourceFile, text: str
  ) -> list[open_qa.Question]:
    r"""Reads tab-separated id, kind, question and pattern, without escapes.

    The pattern is one regular expression, kept whole: its `|` may stand in
    groups, and its `\ ` before a no-break space.
    """
    questions = []
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
      fields = line.removesuffix("\r").split("\t")
      if len(fields) != _FIELDS or not all(field.strip() for field in fields):
        raise source_files.SourceError(
          f"{file.path}, line {number} does not hold {_FIELDS} fields (id, "
          "kind, question, answer pattern) with tabs between them."
        )
      question_id, _, question, pattern = fields
      if not question_id.startswith(_LATER_ADDITIONS):
        questions.append(open_qa.Question(question_id, question, (pattern,)))
    return questions
