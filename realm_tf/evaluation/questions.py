"""Questions with their answers, from JSONL."""

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf import files


@dataclasses.dataclass(frozen=True)
class Question:
  """A question and what a passage must hold to answer it.

  Attributes:
    text: The question.
    answers: Any of them will do.
    subject: What the question is about, which the passage must name too; ""
      where that is not known.
  """

  text: str
  answers: tuple[str, ...]
  subject: str = ""


def read(path: str) -> list[Question]:
  """Reads JSONL: `question`, `answer` (a list), and `subject` if it is known.

  Raises:
    errors.UserError: If the file or one of its lines is wrong.
  """
  try:
    text = files.read_text(path).removesuffix("\n")
  except tf.errors.OpError as e:
    raise errors.UserError(f"{path} cannot be read.") from e
  except UnicodeDecodeError as e:
    raise errors.UserError(f"{path} is not UTF-8.") from e
  questions = []
  for number, line in enumerate(text.split("\n") if text else [], start=1):
    try:
      questions.append(_parse(json.loads(line)))
    except (ValueError, KeyError, TypeError) as e:
      raise errors.UserError(
        f"{path}:{number} is no question: {e!r}. Each line is a JSON object "
        'with "question" and "answer", a list of strings.'
      ) from e
  if not questions:
    raise errors.UserError(f"{path} holds no question.")
  return questions


def _parse(record: dict[str, Any]) -> Question:
  text, answers = record["question"], record["answer"]
  subject = record.get("subject", "")
  if not isinstance(text, str) or not isinstance(subject, str):
    raise TypeError("`question` and `subject` must be strings")
  if not isinstance(answers, list) or not answers:
    raise TypeError("`answer` must be a list of strings")
  if not all(isinstance(answer, str) for answer in answers):
    raise TypeError("`answer` must be a list of strings")
  return Question(text, tuple(answers), subject)


def write(path: str, questions: Iterable[Question]) -> None:
  """Writes JSONL that `read` understands."""
  lines = []
  for question in questions:
    record: dict[str, Any] = {
      "question": question.text,
      "answer": list(question.answers),
    }
    if question.subject:
      record["subject"] = question.subject
    lines.append(json.dumps(record, ensure_ascii=False) + "\n")
  files.write_bytes(path, "".join(lines).encode())
