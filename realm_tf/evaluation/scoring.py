"""Scores predictions: figures with intervals, and a class for each error."""

import collections
import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from realm_tf import errors
from realm_tf.answering import prediction_records
from realm_tf.data.corpus import corpora
from realm_tf.data.questions import qa_datasets
from realm_tf.evaluation import answer_matching
from realm_tf.evaluation import coverage
from realm_tf.evaluation import intervals
from realm_tf.evaluation import probability_calibration
from realm_tf.evaluation import reader_view
from realm_tf.evaluation import recall

RECALL_AT = (1, 5, 20, 50, 100)
NEAR_MISS_F1 = 0.5

RIGHT = "right"
INVALID_REGEX = "invalid_regex"
NEAR_MISS = "near_miss"
MISREAD = "misread"
NOT_READ = "not_read"
RETRIEVED = "retrieved"
NOT_RETRIEVED = "not_retrieved"
NOT_IN_CORPUS = "not_in_corpus"
WRONG = "wrong"

# In the order in which they are checked.
CLASSES = {
  RIGHT: "right",
  INVALID_REGEX: "no reference is a valid pattern, nothing could be right",
  NEAR_MISS: f"wrong, but F1 is at least {NEAR_MISS_F1}",
  MISREAD: "wrong, though a passage that was read holds an answer",
  NOT_READ: "none of the passages that were read holds an answer, but another "
  "that was found",
  RETRIEVED: "nothing was read; one of the passages found holds an answer",
  NOT_RETRIEVED: "none of the passages found holds an answer, but the corpus "
  "does",
  NOT_IN_CORPUS: "no passage of the corpus holds an answer",
  WRONG: "wrong; whether an answer was retrieved is not known",
}


@dataclasses.dataclass(frozen=True)
class Retrieval:
  """Judged retrieval results.

  Attributes:
    hits: <bool>[questions, k]. Whether the retrieved passages hold an answer,
      best first. k is the number retrieved for every question, so that no
      recall@k is of fewer than k passages.
    answerable: <bool>[questions]. Whether the corpus holds an answer.
    passages_read: How many of the passages the reader has read.
  """

  hits: np.ndarray
  answerable: np.ndarray
  passages_read: int


@dataclasses.dataclass(frozen=True)
class Outcome:
  """The result for one question.

  Attributes:
    question: The question.
    prediction: The answer.
    right: Whether that is right; None where nothing was read.
    f1: Best F1 over the references; None for regular expressions, and where
      nothing was read.
    answer_rank: Rank, from 1, of the first retrieved passage that holds an
      answer; None if none does or retrieval is not known.
    error_class: A key of `CLASSES`.
  """

  question: qa_datasets.Example
  prediction: prediction_records.Prediction
  right: bool | None
  f1: float | None
  answer_rank: int | None
  error_class: str


@dataclasses.dataclass(frozen=True)
class Scores:
  """The results for all questions.

  Attributes:
    outcomes: Of each question.
    figures: By name: "exact_match"; "f1", unless there are regular
      expressions; "reader_oracle" and "recall@k" if retrieval is known. Where
      nothing was read, "recall@k" alone.
    recall_curve: <float>[k]. recall@1, recall@2, ...; empty if not known.
    classes: Questions by error class; those that are there.
    invalid_regexes: Ids of questions with an invalid pattern.
    degenerate: Ids of questions for which "" is right: references that
      normalise to nothing, or patterns that match nothing.
    calibration: None unless all predictions have a probability.
    seed: Seed of the bootstrap.
  """

  outcomes: tuple[Outcome, ...]
  figures: dict[str, intervals.Figure]
  recall_curve: np.ndarray
  classes: dict[str, int]
  invalid_regexes: tuple[str, ...]
  degenerate: tuple[str, ...]
  calibration: probability_calibration.Calibration | None
  seed: int


def judge_retrieval(
  questions: Sequence[qa_datasets.Example],
  predictions: Sequence[prediction_records.Prediction],
  corpus: corpora.Corpus,
  passages_read: int,
) -> Retrieval:
  """Judges retrieved passages, then searches the whole corpus.

  Args:
    questions: The questions.
    predictions: For each question, with `retrieved`.
    corpus: The corpus of the passages.
    passages_read: How many of them the reader has read.

  Raises:
    errors.UserError: If predictions do not say what was retrieved, or if it is
      not of this corpus.
  """
  retrieved = [prediction.retrieved for prediction in predictions]
  depth = min(len(ids or ()) for ids in retrieved)
  if not depth:
    which = next(i for i, ids in enumerate(retrieved) if not ids)
    raise errors.UserError(
      f"corpus={corpus.path} is to judge the passages found, but the "
      f"prediction for {questions[which].question!r} lists none under "
      "`retrieved`. Leave out `corpus`, or write what was retrieved."
    )
  ids = [passage for found in retrieved for passage in (found or ())[:depth]]
  rows = corpus.find_rows(ids)
  if rows.min() < 0:
    unknown = ids[int(np.argmin(rows))]
    raise errors.UserError(
      f"corpus={corpus.path} has no passage {unknown!r}, which `predictions` "
      "lists under `retrieved`: it is not the corpus that was retrieved from."
    )
  found = {"": rows.reshape(len(questions), depth)}
  return judge_rows(questions, found, corpus, passages_read)[""]


def judge_rows(
  questions: Sequence[qa_datasets.Example],
  rows: Mapping[str, np.ndarray],
  corpus: corpora.Corpus,
  passages_read: int,
  view: reader_view.ReaderView | None = None,
) -> dict[str, Retrieval]:
  """Judges the passages of all retrievers, then searches the whole corpus.

  A passage is cut into words once, for all questions and retrievers.

  Args:
    questions: The questions.
    rows: <int>[questions, k] by retriever, one at least. Rows of the corpus,
      best first; -1 for none.
    corpus: The corpus of the passages.
    passages_read: How many of them the reader has read.
    view: Cuts bodies as the reader does; None for whole bodies. Whether the
      corpus holds an answer at all does not depend on it.
  """
  judge = recall.Judge(questions, corpus.read_texts, view)
  hits = judge.hits(np.concatenate(list(rows.values()), axis=1))
  answerable = hits.any(axis=1)
  open_questions = np.flatnonzero(~answerable)
  if len(open_questions):
    asked = [questions[i] for i in open_questions]
    answerable[open_questions] = coverage.answerable(
      asked, recall.Judge(asked, corpus.read_texts), corpus.iterate_bodies()
    )
  limits = np.cumsum([found.shape[1] for found in rows.values()])
  return {
    name: Retrieval(part, answerable, passages_read)
    for name, part in zip(
      rows, np.split(hits, limits[:-1], axis=1), strict=True
    )
  }


def score(
  questions: Sequence[qa_datasets.Example],
  predictions: Sequence[prediction_records.Prediction],
  retrieval: Retrieval | None,
  seed: int = 0,
) -> Scores:
  """Scores the predictions.

  Args:
    questions: At least one.
    predictions: For each question, as `prediction_records.align` gives them.
    retrieval: None if it is not known.
    seed: Seed of the bootstrap.
  """
  references = [
    answer_matching.AnswerSet.of(question) for question in questions
  ]
  outcomes = tuple(
    _outcome(i, question, prediction, reference, retrieval)
    for i, (question, prediction, reference) in enumerate(
      zip(questions, predictions, references, strict=True)
    )
  )
  columns = {"exact_match": np.array([o.right for o in outcomes], np.float64)}
  f1 = [outcome.f1 for outcome in outcomes if outcome.f1 is not None]
  if len(f1) == len(outcomes):
    columns["f1"] = np.array(f1)
  if retrieval is not None:
    by_rank = _by_rank(retrieval)
    read = min(retrieval.passages_read, by_rank.shape[1])
    columns["reader_oracle"] = by_rank[:, read - 1].astype(np.float64)
  scores = _scores(outcomes, references, columns, retrieval, seed)
  return dataclasses.replace(
    scores,
    degenerate=tuple(
      question.id
      for question, reference in zip(questions, references, strict=True)
      if reference.degenerate
    ),
    calibration=_calibration(outcomes),
  )


def score_retrieval(
  questions: Sequence[qa_datasets.Example],
  predictions: Sequence[prediction_records.Prediction],
  retrieval: Retrieval,
  seed: int = 0,
) -> Scores:
  """Scores retrieval alone, when no passage was read.

  Args:
    questions: At least one.
    predictions: For each question; their answers say nothing.
    retrieval: The judged passages.
    seed: Seed of the bootstrap.
  """
  references = [
    answer_matching.AnswerSet.of(question) for question in questions
  ]
  outcomes = []
  for i, (question, prediction, reference) in enumerate(
    zip(questions, predictions, references, strict=True)
  ):
    rank = _rank(retrieval, i)
    if len(reference.invalid) == len(reference.answers):
      error_class = INVALID_REGEX
    elif rank is not None:
      error_class = RETRIEVED
    else:
      error_class = _not_found(retrieval, i)
    outcomes.append(
      Outcome(question, prediction, None, None, rank, error_class)
    )
  return _scores(tuple(outcomes), references, {}, retrieval, seed)


def _scores(
  outcomes: tuple[Outcome, ...],
  references: Sequence[answer_matching.AnswerSet],
  columns: dict[str, np.ndarray],
  retrieval: Retrieval | None,
  seed: int,
) -> Scores:
  """Returns the figures of columns and of recall, with their intervals.

  Args:
    outcomes: Of each question.
    references: Of each question.
    columns: <float>[questions] by figure: the values whose means they are.
    retrieval: None if it is not known.
    seed: Seed of the bootstrap.
  """
  curve = np.empty([0])
  if retrieval is not None:
    by_rank = _by_rank(retrieval)
    curve = by_rank.mean(axis=0)
    columns = columns | {
      f"recall@{k}": by_rank[:, k - 1].astype(np.float64)
      for k in RECALL_AT
      if k <= by_rank.shape[1]
    }
  counted = collections.Counter(outcome.error_class for outcome in outcomes)
  return Scores(
    outcomes=outcomes,
    figures={
      name: intervals.mean(values, seed) for name, values in columns.items()
    },
    recall_curve=curve,
    classes={name: counted[name] for name in CLASSES if counted[name]},
    invalid_regexes=tuple(
      outcome.question.id
      for outcome, reference in zip(outcomes, references, strict=True)
      if reference.invalid
    ),
    degenerate=(),
    calibration=None,
    seed=seed,
  )


def _outcome(
  number: int,
  question: qa_datasets.Example,
  prediction: prediction_records.Prediction,
  reference: answer_matching.AnswerSet,
  retrieval: Retrieval | None,
) -> Outcome:
  right = reference.is_right(prediction.answer)
  f1 = reference.f1(prediction.answer)
  rank = None if retrieval is None else _rank(retrieval, number)
  if right:
    error_class = RIGHT
  elif len(reference.invalid) == len(reference.answers):
    error_class = INVALID_REGEX
  elif f1 is not None and f1 >= NEAR_MISS_F1:
    error_class = NEAR_MISS
  elif retrieval is None:
    error_class = WRONG
  elif rank is not None:
    is_read = rank <= retrieval.passages_read
    error_class = MISREAD if is_read else NOT_READ
  else:
    error_class = _not_found(retrieval, number)
  return Outcome(question, prediction, right, f1, rank, error_class)


def _rank(retrieval: Retrieval, number: int) -> int | None:
  """Returns the rank, from 1, of the first passage with an answer."""
  hits = retrieval.hits[number]
  return int(hits.argmax()) + 1 if hits.any() else None


def _not_found(retrieval: Retrieval, number: int) -> str:
  """Returns the error class when no retrieved passage holds an answer."""
  return NOT_RETRIEVED if retrieval.answerable[number] else NOT_IN_CORPUS


def _by_rank(retrieval: Retrieval) -> np.ndarray:
  """<bool>[questions, k]. Whether one of the first k holds an answer."""
  return np.logical_or.accumulate(retrieval.hits, axis=1)


def _calibration(
  outcomes: Sequence[Outcome],
) -> probability_calibration.Calibration | None:
  known = [
    (outcome.prediction.probability, outcome.right)
    for outcome in outcomes
    if outcome.prediction.probability is not None
  ]
  if len(known) < len(outcomes):
    return None
  probabilities, right = zip(*known, strict=True)
  return probability_calibration.calibration(
    np.array(probabilities), np.array(right)
  )
