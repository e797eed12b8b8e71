"""Scores predictions: figures with intervals, and what each error is."""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from realm_tf import errors
from realm_tf.data import corpus as corpus_lib
from realm_tf.evaluation import answers as answers_lib
from realm_tf.evaluation import bootstrap
from realm_tf.evaluation import calibration as calibration_lib
from realm_tf.evaluation import coverage
from realm_tf.evaluation import predictions as predictions_lib
from realm_tf.evaluation import questions as questions_lib
from realm_tf.evaluation import recall

RECALL_AT = (1, 5, 20, 50, 100)
NEAR_MISS_F1 = 0.5

RIGHT = "right"
INVALID_REGEX = "invalid_regex"
NEAR_MISS = "near_miss"
NOT_READ = "not_read"
NOT_RETRIEVED = "not_retrieved"
NOT_IN_CORPUS = "not_in_corpus"
WRONG = "wrong"

# In the order in which they are told apart.
CLASSES = {
  RIGHT: "right",
  INVALID_REGEX: "no reference is a valid pattern, nothing could be right",
  NEAR_MISS: f"wrong, but F1 is at least {NEAR_MISS_F1}",
  NOT_READ: "wrong, though a passage that was read holds an answer",
  NOT_RETRIEVED: "wrong, no passage that was read holds an answer, but the "
  "corpus does",
  NOT_IN_CORPUS: "wrong, and no passage of the corpus holds an answer",
  WRONG: "wrong; whether an answer was retrieved is not known",
}


@dataclasses.dataclass(frozen=True)
class Retrieval:
  """What was retrieved, judged.

  Attributes:
    hits: <bool>[questions, k]. Whether the passages found hold an answer, best
      first. k is the number found for every question, so that no recall@k
      is of fewer than k passages.
    answerable: <bool>[questions]. Whether the corpus holds an answer.
    passages_read: How many of the passages the reader has read.
  """

  hits: np.ndarray
  answerable: np.ndarray
  passages_read: int


@dataclasses.dataclass(frozen=True)
class Outcome:
  """How one question went.

  Attributes:
    question: The question.
    prediction: What was answered.
    right: Whether that is right.
    f1: Best F1 over the references; None for regular expressions.
    answer_rank: Rank, from 1, of the first passage found that holds an
      answer; None if none does or retrieval is not known.
    error_class: A key of `CLASSES`.
  """

  question: questions_lib.Example
  prediction: predictions_lib.Prediction
  right: bool
  f1: float | None
  answer_rank: int | None
  error_class: str


@dataclasses.dataclass(frozen=True)
class Scores:
  """How all questions went.

  Attributes:
    outcomes: Of each question.
    figures: By name: "exact_match"; "f1", unless there are regular
      expressions; "reader_oracle" and "recall@k" if retrieval is known.
    recall_curve: <float>[k]. recall@1, recall@2, ...; empty if not known.
    classes: Questions by error class; those that are there.
    invalid_regexes: Ids of questions with a pattern that is none.
    degenerate: Ids of questions for which "" is right: references that
      normalise to nothing, or patterns that match nothing.
    calibration: None unless all predictions have a probability.
    seed: Of the intervals.
  """

  outcomes: tuple[Outcome, ...]
  figures: dict[str, bootstrap.Figure]
  recall_curve: np.ndarray
  classes: dict[str, int]
  invalid_regexes: tuple[str, ...]
  degenerate: tuple[str, ...]
  calibration: calibration_lib.Calibration | None
  seed: int


def judge_retrieval(
  questions: Sequence[questions_lib.Example],
  predictions: Sequence[predictions_lib.Prediction],
  corpus: corpus_lib.Corpus,
  passages_read: int,
) -> Retrieval:
  """Looks for answers in the passages found, then in all.

  Args:
    questions: What was asked.
    predictions: For each question, with `retrieved`.
    corpus: That the passages are of.
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
      f"--corpus={corpus.path} is to judge the passages found, but the "
      f"prediction for {questions[which].question!r} lists none under "
      "`retrieved`. Leave out --corpus, or write what was retrieved."
    )
  ids = [passage for found in retrieved for passage in (found or ())[:depth]]
  rows = corpus.find_rows(ids)
  if rows.min() < 0:
    unknown = ids[int(np.argmin(rows))]
    raise errors.UserError(
      f"--corpus={corpus.path} has no passage {unknown!r}, which --predictions "
      "lists under `retrieved`: it is not the corpus that was retrieved from."
    )
  judge = recall.Judge(questions, corpus.read_texts)
  hits = judge.hits(rows.reshape(len(questions), depth))
  answerable = hits.any(axis=1)
  open_questions = np.flatnonzero(~answerable)
  if len(open_questions):
    asked = [questions[i] for i in open_questions]
    answerable[open_questions] = coverage.answerable(
      asked, recall.Judge(asked, corpus.read_texts), corpus.iterate_bodies()
    )
  return Retrieval(hits, answerable, passages_read)


def score(
  questions: Sequence[questions_lib.Example],
  predictions: Sequence[predictions_lib.Prediction],
  retrieval: Retrieval | None,
  seed: int = 0,
) -> Scores:
  """Scores the predictions.

  Args:
    questions: At least one.
    predictions: For each question, as `predictions.align` gives them.
    retrieval: None if it is not known.
    seed: Of the intervals.
  """
  references = [questions_lib.references(question) for question in questions]
  outcomes = tuple(
    _outcome(i, question, prediction, reference, retrieval)
    for i, (question, prediction, reference) in enumerate(
      zip(questions, predictions, references, strict=True)
    )
  )
  columns, curve = _columns(outcomes, retrieval)
  values = np.stack(list(columns.values()), axis=1)  # [questions, figures]
  counted = collections.Counter(outcome.error_class for outcome in outcomes)
  return Scores(
    outcomes=outcomes,
    figures=dict(zip(columns, bootstrap.means(values, seed), strict=True)),
    recall_curve=curve,
    classes={name: counted[name] for name in CLASSES if counted[name]},
    invalid_regexes=tuple(
      question.id
      for question, reference in zip(questions, references, strict=True)
      if reference.invalid
    ),
    degenerate=tuple(
      question.id
      for question, reference in zip(questions, references, strict=True)
      if reference.degenerate
    ),
    calibration=_calibration(outcomes),
    seed=seed,
  )


def _outcome(
  number: int,
  question: questions_lib.Example,
  prediction: predictions_lib.Prediction,
  reference: answers_lib.AnswerSet,
  retrieval: Retrieval | None,
) -> Outcome:
  right = reference.is_right(prediction.answer)
  f1 = reference.f1(prediction.answer)
  rank = None
  if retrieval is not None and retrieval.hits[number].any():
    rank = int(retrieval.hits[number].argmax()) + 1
  if right:
    error_class = RIGHT
  elif len(reference.invalid) == len(reference.answers):
    error_class = INVALID_REGEX
  elif f1 is not None and f1 >= NEAR_MISS_F1:
    error_class = NEAR_MISS
  elif retrieval is None:
    error_class = WRONG
  elif rank is not None and rank <= retrieval.passages_read:
    error_class = NOT_READ
  elif retrieval.answerable[number]:
    error_class = NOT_RETRIEVED
  else:
    error_class = NOT_IN_CORPUS
  return Outcome(question, prediction, right, f1, rank, error_class)


def _columns(
  outcomes: Sequence[Outcome], retrieval: Retrieval | None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
  """Returns the values whose means are the figures, and the recall curve."""
  columns = {"exact_match": np.array([o.right for o in outcomes], np.float64)}
  f1 = [outcome.f1 for outcome in outcomes if outcome.f1 is not None]
  if len(f1) == len(outcomes):
    columns["f1"] = np.array(f1)
  if retrieval is None:
    return columns, np.empty([0])
  # [questions, k]. Whether one of the first k passages holds an answer.
  by_rank = np.logical_or.accumulate(retrieval.hits, axis=1)
  depth = by_rank.shape[1]
  read = min(retrieval.passages_read, depth)
  columns["reader_oracle"] = by_rank[:, read - 1].astype(np.float64)
  for k in RECALL_AT:
    if k <= depth:
      columns[f"recall@{k}"] = by_rank[:, k - 1].astype(np.float64)
  return columns, by_rank.mean(axis=0)


def _calibration(
  outcomes: Sequence[Outcome],
) -> calibration_lib.Calibration | None:
  known = [
    (outcome.prediction.probability, outcome.right)
    for outcome in outcomes
    if outcome.prediction.probability is not None
  ]
  if len(known) < len(outcomes):
    return None
  probabilities, right = zip(*known, strict=True)
  return calibration_lib.calibration(np.array(probabilities), np.array(right))
