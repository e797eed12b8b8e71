"""Questions with their answers, from JSONL."""

import dataclasses
from collections.abc import Iterable
from typing import Any
from typing import Protocol

from realm_tf import errors
from realm_tf.evaluation import answers as answers_lib
from realm_tf.evaluation import jsonl


class Example(Protocol):
  """What is scored: any question that has these."""

  @property
  def id(self) -> str:
    """Tells it apart from the others of its set."""

  @property
  def question(self) -> str:
    """The question."""

  @property
  def answers(self) -> tuple[str, ...]:
    """The references; any of them will do."""

  @property
  def answer_type(self) -> str:
    """One of `answers.TYPES`."""


@dataclasses.dataclass(frozen=True)
class Question:
  """A question and what a passage must hold to answer it.

  Attributes:
    question: The question.
    answers: Any of them will do.
    subject: What the question is about, which the passage must name too; ""
      where that is not known.
    id: Tells it apart from the others of its set.
    answer_type: One of `answers.TYPES`.
  """

  question: str
  answers: tuple[str, ...]
  subject: str = ""
  id: str = ""
  answer_type: str = answers_lib.STRING


def references(question: Example) -> answers_lib.AnswerSet:
  """Returns what predictions and passages are held against."""
  return answers_lib.AnswerSet(question.answers, question.answer_type)


def read(path: str, answer_type: str = answers_lib.STRING) -> list[Question]:
  """Reads JSONL, gunzipped if its name ends in .gz.

  Each line holds `question` and `answer` (a list), and may hold `subject`,
  `id` (by default the line's number, from 1) and `answer_type`.

  Args:
    path: The file.
    answer_type: Of the lines that do not say; one of `answers.TYPES`.

  Raises:
    errors.UserError: If the file or one of its lines is wrong, or if two
      lines have the same id.
  """

  def parse(record: dict[str, Any], number: int) -> Question:
    return _parse(record, str(number), answer_type)

  questions = jsonl.read(
    path, parse, "question", '"question" and "answer", a list of strings'
  )
  lines: dict[str, int] = {}
  for number, question in enumerate(questions, start=1):
    if question.id in lines:
      raise errors.UserError(
        f"{path}:{number} has the id {question.id!r} of line "
        f"{lines[question.id]}: each question needs an id of its own."
      )
    lines[question.id] = number
  return questions


def _parse(record: dict[str, Any], number: str, answer_type: str) -> Question:
  answers = record["answer"]
  if not isinstance(answers, list) or not answers:
    raise TypeError("`answer` must be a list of strings")
  if not all(isinstance(answer, str) for answer in answers):
    raise TypeError("`answer` must be a list of strings")
  "".join(answers).encode()  # As in `jsonl.text`.
  answer_type = jsonl.text(record, "answer_type", answer_type)
  if answer_type not in answers_lib.TYPES:
    raise ValueError(
      f"`answer_type` must be one of {', '.join(answers_lib.TYPES)}"
    )
  return Question(
    jsonl.text(record, "question"),
    tuple(answers),
    jsonl.text(record, "subject", ""),
    jsonl.text(record, "id", number),
    answer_type,
  )


def write(path: str, questions: Iterable[Question]) -> None:
  """Writes JSONL that `read` understands."""
  jsonl.write(path, (_record(question) for question in questions))


def _record(question: Question) -> dict[str, Any]:
  record: dict[str, Any] = {
    "question": question.question,
    "answer": list(question.answers),
  }
  if question.subject:
    record["subject"] = question.subject
  if question.id:
    record["id"] = question.id
  if question.answer_type != answers_lib.STRING:
    record["answer_type"] = question.answer_type
  return record
