"""Questions with their answers, from JSONL."""

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

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
  questions = []
  for number, line in enumerate(files.read_text(path).splitlines(), start=1):
    try:
      record = json.loads(line)
      answers = tuple(record["answer"])
      if not answers or not all(isinstance(a, str) for a in answers):
        raise ValueError("`answer` must be a list of strings")
      questions.append(
          Question(record["question"], answers, record.get("subject", ""))
      )
    except (ValueError, KeyError, TypeError) as e:
      raise errors.UserError(
          f"{path}:{number} is no question: {e!r}. Each line is a JSON object "
          'with "question" and "answer", a list of strings.'
      ) from e
  if not questions:
    raise errors.UserError(f"{path} holds no question.")
  return questions


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
