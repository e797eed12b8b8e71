"""Predictions: a model's answers, with their passages and scores."""

import collections
import dataclasses
import math
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np

from realm_tf import errors
from realm_tf.answering import replies
from realm_tf.data import jsonl
from realm_tf.data.questions import qa_datasets

_SHOWN = 3
_SHOWN_CHARS = 80


@dataclasses.dataclass(frozen=True)
class Prediction:
  """The answer to one question.

  Attributes:
    question: The question.
    answer: The model's answer; "" for none.
    id: The question's id; None in ORQA's files, which have none.
    passage_id: The passage that the answer was read in; None for none, as
      where the model used no passage.
    passage_title: Its title.
    passage_text: Its body.
    passage_metadata: What else is known of it; None where no passage is known.
    span: [start, limit) of the answer, bytes of the passage's UTF-8 body.
    scores: By name, such as "retriever", "reader" and "total"; in nats.
    retrieved: Ids of the retrieved passages, best first, at
      least as many as recall is asked for; None if that is not known.
    probability: Of the answer, by the model.
    passages: The first of the retrieved passages, best first.
  """

  question: str
  answer: str
  id: str | None = None
  passage_id: str | None = None
  passage_title: str | None = None
  passage_text: str | None = None
  passage_metadata: Mapping[str, Any] | None = None
  span: tuple[int, int] | None = None
  scores: dict[str, float] = dataclasses.field(default_factory=dict)
  retrieved: tuple[str, ...] | None = None
  probability: float | None = None
  passages: tuple[replies.Passage, ...] = ()


class Answered(NamedTuple):
  """The predictions for some questions, with the retrieved passages.

  Attributes:
    predictions: For each question; with answers of "" if nothing was read.
    rows: <int>[questions, k]. Retrieved rows of the corpus, best first;
      -1 for none. None if nothing was looked for.
  """

  predictions: list[Prediction]
  rows: np.ndarray | None


def read(path: str) -> list[Prediction]:
  """Reads predictions as `write` or as ORQA writes them.

  ORQA's lines hold `question` and `prediction`, and nothing else.

  Args:
    path: JSONL, gunzipped if its name ends in .gz.

  Raises:
    errors.UserError: If the file or one of its lines is wrong.
  """
  return jsonl.read(
    path,
    lambda record, number: _parse(record),
    "prediction",
    '"id" and "answer", or "question" and "prediction"',
  )


def write(path: str, predictions: Iterable[Prediction]) -> None:
  """Writes a prediction a line, whole or not at all."""
  jsonl.write(path, (_record(prediction) for prediction in predictions))


def align(
  predictions: Sequence[Prediction],
  questions: Sequence[qa_datasets.Example],
  path: str,
) -> list[Prediction]:
  """Puts predictions in the order of the questions.

  Predictions belong to questions by id. Those without an id, ORQA's, belong
  by the question's text; where a set asks the same twice, they belong in
  order if there are as many, and to all of them if they are all the same.

  Args:
    predictions: In any order.
    questions: With ids.
    path: Of the predictions, for messages.

  Returns:
    A prediction for each question.

  Raises:
    errors.UserError: If questions are unknown, missing, answered twice, or
      not those that the file was written for.
  """
  if predictions[0].id is None:
    return _align_by_text(predictions, questions, path)
  found: dict[str, Prediction] = {}
  twice = []
  for prediction in predictions:
    if prediction.id is None:
      raise errors.UserError(
        f"{path}: some lines have an `id` and others, such as that of "
        f"{prediction.question!r}, have none: write it in all of them."
      )
    if prediction.id in found:
      twice.append(prediction.id)
    found[prediction.id] = prediction
  known = {question.id: question for question in questions}
  _check(path, "answers these ids twice", twice)
  _check(path, "answers ids that are not in the dataset", found, known)
  _check(path, "lacks answers to these ids", known, found)
  changed = [
    question.id
    for question in questions
    if found[question.id].question not in ("", question.question)
  ]
  _check(
    path,
    "was written for another dataset or split, which asks other questions "
    "under these ids",
    changed,
  )
  return [found[question.id] for question in questions]


def _align_by_text(
  predictions: Sequence[Prediction],
  questions: Sequence[qa_datasets.Example],
  path: str,
) -> list[Prediction]:
  answered = collections.defaultdict[str, list[Prediction]](list)
  for prediction in predictions:
    if prediction.id is not None:
      raise errors.UserError(
        f"{path}: some lines have no `id` and others, such as "
        f"{prediction.id!r}, have one: write it in all of them."
      )
    answered[prediction.question].append(prediction)
  asked = collections.Counter(question.question for question in questions)
  _check(path, "answers questions that are not in the dataset", answered, asked)
  _check(path, "lacks answers to these questions", asked, answered)
  twice = [
    text
    for text, given in answered.items()
    if len(given) != asked[text] and any(p != given[0] for p in given)
  ]
  _check(path, "answers these questions in several ways", twice)
  aligned = []
  used = collections.Counter[str]()
  for question in questions:
    given = answered[question.question]
    aligned.append(given[min(used[question.question], len(given) - 1)])
    used[question.question] += 1
  return aligned


def _check(
  path: str,
  what: str,
  names: Iterable[str],
  expected: Iterable[str] = (),
) -> None:
  """Raises if any name is not expected."""
  expected = set(expected)
  others = list(dict.fromkeys(name for name in names if name not in expected))
  if others:
    shown = ", ".join(_shortened(name) for name in others[:_SHOWN])
    more = len(others) - _SHOWN
    shown += f" and {more} more" if more > 0 else ""
    raise errors.UserError(
      f"predictions={path} {what}: {shown}. There must be one line for each "
      "question of `dataset` and no other."
    )


def _shortened(name: str) -> str:
  shown = repr(name)
  return shown if len(shown) <= _SHOWN_CHARS else f"{shown[:_SHOWN_CHARS]}...'"


def _parse(record: dict[str, Any]) -> Prediction:
  if "prediction" in record and "answer" not in record:
    return Prediction(
      jsonl.text(record, "question"),
      jsonl.text(record, "prediction"),
      _optional(record, "id", jsonl.text),
    )
  passage_id = _optional(record, "passage_id", jsonl.text)
  return Prediction(
    question=jsonl.text(record, "question", ""),
    answer=jsonl.text(record, "answer"),
    id=jsonl.text(record, "id"),
    passage_id=passage_id,
    passage_title=_optional(record, "passage_title", jsonl.text),
    passage_text=_optional(record, "passage_text", jsonl.text),
    passage_metadata=_optional(record, "passage_metadata", _metadata),
    span=_optional(record, "span", _span),
    scores=_optional(record, "scores", _scores) or {},
    retrieved=_optional(record, "retrieved", _ids),
    probability=_optional(record, "probability", _probability),
    passages=_optional(record, "passages", _passages) or (),
  )


def _optional(
  record: dict[str, Any],
  field: str,
  parse: Callable[[dict[str, Any], str], Any],
) -> Any:
  return None if record.get(field) is None else parse(record, field)


def _span(record: dict[str, Any], field: str) -> tuple[int, int]:
  value = record[field]
  if (
    not isinstance(value, list)
    or [type(offset) for offset in value] != [int, int]
    or not 0 <= value[0] <= value[1]
  ):
    raise ValueError(f"`{field}` must be [start, limit], two offsets in bytes")
  return value[0], value[1]


def _scores(record: dict[str, Any], field: str) -> dict[str, float]:
  value = record[field]
  if not isinstance(value, dict):
    raise TypeError(f"`{field}` must be an object of numbers")
  return {name: _number(score, field) for name, score in value.items()}


def _ids(record: dict[str, Any], field: str) -> tuple[str, ...]:
  value = record[field]
  if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
    raise TypeError(f"`{field}` must be a list of passage ids")
  return tuple(value)


def _metadata(record: dict[str, Any], field: str) -> dict[str, Any]:
  value = record[field]
  if not isinstance(value, dict):
    raise TypeError(f"`{field}` must be an object")
  return value


def _passages(
  record: dict[str, Any], field: str
) -> tuple[replies.Passage, ...]:
  value = record[field]
  if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
    raise TypeError(f"`{field}` must be a list of objects")
  return tuple(
    replies.Passage(
      jsonl.text(passage, "id"),
      jsonl.text(passage, "title", ""),
      jsonl.text(passage, "text", ""),
      _optional(passage, "metadata", _metadata) or {},
    )
    for passage in value
  )


def _probability(record: dict[str, Any], field: str) -> float:
  value = _number(record[field], field)
  if not 0 <= value <= 1:
    raise ValueError(f"`{field}` must be between 0 and 1")
  return value


def _number(value: Any, field: str) -> float:
  if isinstance(value, bool) or not isinstance(value, (int, float)):
    raise TypeError(f"`{field}` must hold numbers")
  try:
    number = float(value)
  except OverflowError:  # A whole number of hundreds of digits.
    number = math.inf
  if not math.isfinite(number):
    raise ValueError(f"`{field}` must hold finite numbers")
  return number


def _record(prediction: Prediction) -> dict[str, Any]:
  return {
    "id": prediction.id,
    "question": prediction.question,
    "answer": prediction.answer,
    "passage_id": prediction.passage_id,
    "passage_title": prediction.passage_title,
    "passage_text": prediction.passage_text,
    "passage_metadata": prediction.passage_metadata,
    "span": prediction.span,
    "scores": prediction.scores,
    "retrieved": prediction.retrieved,
    "probability": prediction.probability,
    "passages": [dataclasses.asdict(one) for one in prediction.passages],
  }
