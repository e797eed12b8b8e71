"""Questions for training and evaluation, from TFDS builders or files.

A dataset is named by its builder in `tfds_builders`, or by the path of a JSONL
or CSV file with `question` and `answer`, such as ORQA's resplit files, or of a
text file with a question a line. A path that holds "{split}" stands for one
file for each split.
"""

import dataclasses
import json
import os
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from realm_tf import absent
from realm_tf import errors
from realm_tf import files
from realm_tf.data.questions import question_files

# Those of `tfds_builders.open_qa`, which takes a second to import: it is loaded
# when a dataset needs it.
SPLITS = ("train", "dev", "test")
STRING = "string"
REGEX = "regex"

_SPLIT_FIELD = "{split}"
# ORQA's files do not say that their answers are patterns; its evaluator tells
# them by this name too.
_ORQA_REGEX_FILES = "CuratedTrec."


@dataclasses.dataclass(frozen=True)
class Example:
  """A question with its answers.

  Attributes:
    id: Unique in its split.
    question: The question.
    answers: Any of them will do; () where they are not known.
    answer_type: "string", or "regex": answers are patterns to search for.
    subject: The question's subject, which a passage that answers it must name,
      too; "" if unknown.
  """

  id: str
  question: str
  answers: tuple[str, ...]
  answer_type: str = STRING
  subject: str = ""


@dataclasses.dataclass(frozen=True)
class QaDataset:
  """One split of a dataset, in the order of its source.

  Attributes:
    name: Its name or path.
    split: As it was asked for; None for a file that is all there is.
    examples: The questions.
    published_size: How many questions the published split has; None if this
      is no published dataset.
    complete: False if the builder's sources were only a part.
    invalid_patterns: Why Python's `re` refuses a pattern, by the example's id.
      These questions are among the examples: nothing can match such a pattern,
      and callers that score or train must count them.
  """

  name: str
  split: str | None
  examples: tuple[Example, ...]
  published_size: int | None
  complete: bool
  invalid_patterns: dict[str, str]

  def __iter__(self) -> Iterator[Example]:
    return iter(self.examples)

  def __len__(self) -> int:
    return len(self.examples)

  @property
  def has_answers(self) -> bool:
    """Whether the answers are known: of all questions, or of none."""
    return all(example.answers for example in self.examples)

  def describe(self) -> str:
    """Returns one line to print: the number of questions, and any defects."""
    of = f" of {self.published_size}" if not self.complete else ""
    split = f" {self.split}" if self.split else ""
    parts = [f"{self.name}{split}: {len(self)}{of} questions"]
    if not self.complete:
      parts.append("INCOMPLETE")
    if not self.has_answers:
      parts.append("without answers")
    if self.invalid_patterns:
      example_id, reason = next(iter(self.invalid_patterns.items()))
      parts.append(
        f"{len(self.invalid_patterns)} invalid patterns, such as that of "
        f"{example_id} ({reason})"
      )
    return ", ".join(parts)


def names() -> list[str]:
  """Returns the names of the builders."""
  from realm_tf.data.questions import tfds_questions

  return tfds_questions.names()


def load(
  dataset: str,
  split: str | None = None,
  *,
  data_dir: str | None = None,
  manual_dir: str | None = None,
  answer_type: str | None = None,
  unanswered: bool = False,
) -> QaDataset:
  """Loads a split; a builder's data is prepared when it is first asked for.

  A test split has its own source, and needs no other: it is read from its
  file where the dataset is not prepared.

  Args:
    dataset: Name of a builder, or path of a file (gzip and bzip2 too). Each
      line of a JSONL file has `question`, `answer` or `answers` (a list, or
      one string), perhaps `id` (else its number), `answer_type` and `subject`.
      The header of a CSV file names the same; a text file has a question a
      line.
    split: "train", "dev" or "test". Not needed for a path without "{split}",
      whose file stands for whichever split is asked for.
    data_dir: TFDS's folder of prepared data; by default its own.
    manual_dir: Folder with the builder's sources, which are then not
      downloaded; they may be in a folder in it of the dataset's name. Data
      that was prepared from other files is refused.
    answer_type: "string" or "regex" for the lines of a file that do not say.
      By default, files named as ORQA's CuratedTREC hold patterns, others
      strings.
    unanswered: Whether a file may have questions alone.

  Raises:
    errors.UserError: If the dataset or split does not exist, a source is
      missing or wrong, or a question has no answer, though it must have one or
      others have.
  """
  if _is_path(dataset):
    return _load_file(dataset, split, answer_type, unanswered)
  if answer_type is not None:
    raise errors.UserError(
      f"The dataset {dataset!r} says itself what its answers are: leave out "
      "the answer type."
    )
  return _load_builder(dataset, split, data_dir, manual_dir)


def write(path: str, examples: Iterable[Example]) -> None:
  """Writes JSONL that `load` understands, whole or not at all."""
  lines = (
    json.dumps(_record(example), ensure_ascii=False) + "\n"
    for example in examples
  )
  files.write_bytes(path, "".join(lines).encode())


def _record(example: Example) -> dict[str, Any]:
  record: dict[str, Any] = {
    "id": example.id,
    "question": example.question,
    "answer": list(example.answers),
  }
  if example.answer_type != STRING:
    record["answer_type"] = example.answer_type
  if example.subject:
    record["subject"] = example.subject
  return record


def _is_path(dataset: str) -> bool:
  return "/" in dataset or question_files.is_file_name(dataset)


def _check_split(dataset: str, split: str | None) -> str:
  """Returns the split; raises if there is no such split."""
  if split is None or split not in SPLITS:
    said = f"has no split {split!r}" if split else "needs a split"
    raise errors.UserError(
      f"The dataset {dataset!r} {said}: choose one of {', '.join(SPLITS)}."
    )
  return split


def _load_builder(
  name: str, split: str | None, data_dir: str | None, manual_dir: str | None
) -> QaDataset:
  from realm_tf.data.questions import tfds_questions

  if name not in tfds_questions.names():
    raise absent.dataset(name, tfds_questions.names())
  split = _check_split(name, split)
  read = tfds_questions.load(name, split, data_dir, manual_dir)
  examples = tuple(Example(*question) for question in read.questions)
  return QaDataset(
    name=name,
    split=split,
    examples=examples,
    published_size=read.published_size,
    # The test split is whole even where the training questions are not.
    complete=len(examples) == read.published_size,
    invalid_patterns=_invalid_patterns(examples),
  )


def _load_file(
  dataset: str, split: str | None, answer_type: str | None, unanswered: bool
) -> QaDataset:
  if answer_type not in (None, STRING, REGEX):
    raise errors.UserError(
      f"There is no answer type {answer_type!r}: choose {STRING} or {REGEX}."
    )
  path = dataset
  if _SPLIT_FIELD in dataset or split is not None:
    _check_split(dataset, split)
  if _SPLIT_FIELD in dataset:
    path = dataset.replace(_SPLIT_FIELD, str(split))
    if not tf.io.gfile.exists(path):
      there = [
        s
        for s in SPLITS
        if tf.io.gfile.exists(dataset.replace(_SPLIT_FIELD, s))
      ]
      raise errors.UserError(
        f"{path} does not exist: of {dataset}, there is "
        f"{', '.join(there) or 'no split'}."
      )
  if answer_type is None:
    is_regex = os.path.basename(path).startswith(_ORQA_REGEX_FILES)
    answer_type = REGEX if is_regex else STRING
  examples = list[Example]()
  seen: dict[str, str] = {}
  for where, number, record in question_files.read(path):
    example = _parse(record, number, where, answer_type, unanswered)
    first = seen.setdefault(example.id, where)
    if first != where:
      line = first.rpartition(", ")[2]
      raise errors.UserError(
        f"{where}: the id {example.id!r:.80} is that of {line} already."
      )
    if examples and bool(example.answers) != bool(examples[0].answers):
      has, had = ("an", "none") if example.answers else ("no", "one")
      raise errors.UserError(
        f"{where}: the question has {has} answer, and the first has {had}: "
        "give answers to all or to none."
      )
    examples.append(example)
  if not examples:
    raise errors.UserError(f"{path} holds no question.")
  return QaDataset(
    name=dataset,
    split=split,
    examples=tuple(examples),
    published_size=None,
    complete=True,
    invalid_patterns=_invalid_patterns(examples),
  )


def _invalid_patterns(examples: Iterable[Example]) -> dict[str, str]:
  """Returns why Python's `re` refuses a pattern, by the example's id."""
  patterns = [(e.id, e.answers) for e in examples if e.answer_type == REGEX]
  if not patterns:
    return {}
  from tfds_builders import open_qa

  return open_qa.invalid_patterns(patterns)


def _parse(
  record: dict[str, Any],
  number: int,
  where: str,
  answer_type: str,
  unanswered: bool,
) -> Example:
  question = record.get("question", "")
  if not _is_text(question) or not question.strip():
    raise errors.UserError(f"{where} has no `question`, a string.")
  kind = record.get("answer_type", answer_type)
  if kind not in (STRING, REGEX):
    raise errors.UserError(
      f"{where}: `answer_type` is {kind!r}, not {STRING} or {REGEX}."
    )
  example_id = record.get("id", number)
  if not _is_text(str(example_id)) or not isinstance(example_id, str | int):
    raise errors.UserError(f"{where}: `id` is no string.")
  subject = record.get("subject", "")
  if not _is_text(subject):
    raise errors.UserError(f"{where}: `subject` is no string.")
  given = (record.get("answers"), record.get("answer"))
  answers: tuple[str, ...] = ()
  if given != (None, None) or not unanswered:
    answers = _answers(record, where)
  return Example(str(example_id), question, answers, kind, subject)


def _is_text(value: Any) -> bool:
  """Whether a value is a string, and one without half a surrogate pair."""
  if not isinstance(value, str):
    return False
  try:
    value.encode()
  except UnicodeEncodeError:
    return False
  return True


def _answers(record: dict[str, Any], where: str) -> tuple[str, ...]:
  field = "answers" if "answers" in record else "answer"
  answers = record.get(field)
  if isinstance(answers, str):
    answers = [answers]
  if not isinstance(answers, list) or not answers:
    raise errors.UserError(
      f"{where}: the question has no answers; `answer` must be a list of "
      "strings with at least one."
    )
  if not all(_is_text(answer) and answer.strip() for answer in answers):
    raise errors.UserError(
      f"{where}: `{field}` holds an empty answer or one that is no string."
    )
  return tuple(answers)
