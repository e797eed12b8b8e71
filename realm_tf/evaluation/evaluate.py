"""Scores predictions, prints the figures, and writes the results."""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.answering import prediction_records
from realm_tf.data import jsonl
from realm_tf.data.corpus import corpora
from realm_tf.data.questions import qa_splits
from realm_tf.evaluation import answer_report
from realm_tf.evaluation import evaluation_options
from realm_tf.evaluation import intervals
from realm_tf.evaluation import report
from realm_tf.evaluation import scoring

_log = logging.getLogger(__name__)

_READER_BEAM = 5  # of a file, which does not say
_ANSWERS_SHOWN = 10
PREDICTIONS_NAME = "predictions.jsonl"
SUMMARY_NAME = "summary.json"
OUTCOMES_NAME = "outcomes.jsonl"
REPORT_NAME = "report.html"


def score_file(options: evaluation_options.Options) -> scoring.Scores:
  """Scores a file of predictions, logs the figures, writes the report.

  Raises:
    errors.UserError: If anything that the options name does not fit.
  """
  dataset = qa_splits.load(
    options.dataset,
    options.split,
    data_dir=options.data_dir,
    manual_dir=options.manual_dir,
    answer_type=options.answer_type,
  )
  questions = dataset.examples
  predictions = prediction_records.align(
    prediction_records.read(options.predictions), questions, options.predictions
  )
  _log.info(f"Scoring {options.predictions} by {dataset.describe()}.")
  retrieval = None
  if options.corpus:
    corpus = corpora.Corpus.open(options.corpus)
    _log.info(
      f"Looking for the answers in {corpus.num_passages} passages of "
      f"{options.corpus} ..."
    )
    retrieval = scoring.judge_retrieval(
      questions, predictions, corpus, options.reader_beam or _READER_BEAM
    )
  elif any(prediction.retrieved for prediction in predictions):
    _log.info("The passages found are not judged: that needs `corpus`.")
  scores = scoring.score(questions, predictions, retrieval, options.seed)
  facts = {
    "dataset": options.dataset,
    "split": options.split,
    "asked": dataset.describe(),
    "predictions": options.predictions,
    "corpus": options.corpus,
  }
  print_scores(scores)
  if options.output:
    make_folder(options.output)
    write(options.output, facts, scores)
  return scores


def print_scores(scores: scoring.Scores) -> None:
  """Prints figures, classes and warnings."""
  _log.info(f"{'':16}  percent  95% interval")
  for name, figure in scores.figures.items():
    _log.info(
      f"{name:16}  {100 * figure.value:7.1f}  {100 * figure.low:.1f} to "
      f"{100 * figure.high:.1f}"
    )
  if scores.calibration is not None:
    error = 100 * scores.calibration.error
    _log.info(f"{'calibration err.':16}  {error:7.1f}")
  for name, count in scores.classes.items():
    _log.info(f"{name:16}  {count:7d}  {scoring.CLASSES[name]}")
  for warning in report.warnings(scores):
    _log.warning(f"{warning}")


def print_answers(
  predictions: Sequence[prediction_records.Prediction],
) -> None:
  """Prints the first questions, each with its answer and its passage."""
  for prediction in predictions[:_ANSWERS_SHOWN]:
    evidence = answer_report.evidence(prediction)
    passages = [evidence.passage] if evidence else prediction.passages[:1]
    _log.info(prediction.question)
    if prediction.answer:
      sure = prediction.probability
      _log.info(
        f"  {prediction.answer}" + ("" if sure is None else f" ({sure:.0%})")
      )
    for passage in passages:
      places = [passage.metadata.get(name) for name in ("source", "page")]
      where = passage.link or ", page ".join(str(x) for x in places if x)
      _log.info(f"  {passage.title}  {where}".rstrip())
  more = len(predictions) - _ANSWERS_SHOWN
  if more > 0:
    _log.info(f"and {more:,} more")


def print_table(scores: Mapping[str, scoring.Scores]) -> None:
  """Prints a table that compares several retrievers, in percent.

  Args:
    scores: By name, in the order of the columns.
  """
  _log.info(f"{'':16}" + "".join(f"{name:>9}" for name in scores))
  figures = dict.fromkeys(n for one in scores.values() for n in one.figures)
  for figure in figures:
    values = (one.figures.get(figure) for one in scores.values())
    cells = (f"{100 * f.value:9.1f}" if f else f"{'-':>9}" for f in values)
    _log.info(f"{figure:16}" + "".join(cells))


def make_folder(folder: str) -> None:
  """Makes the output folder if it does not exist.

  Raises:
    errors.UserError: If it cannot be made.
  """
  with _writing(folder):
    tf.io.gfile.makedirs(folder)


def write_predictions(
  folder: str, predictions: Sequence[prediction_records.Prediction]
) -> None:
  """Writes predictions, deleting stale summaries first.

  Args:
    folder: As `make_folder` made it.
    predictions: To each question.

  Raises:
    errors.UserError: If the folder cannot be written to.
  """
  with _writing(folder):
    for name in (SUMMARY_NAME, OUTCOMES_NAME, REPORT_NAME):
      path = tf.io.gfile.join(folder, name)
      if tf.io.gfile.exists(path):
        tf.io.gfile.remove(path)
    path = tf.io.gfile.join(folder, PREDICTIONS_NAME)
    prediction_records.write(path, predictions)


def write(
  folder: str, facts: Mapping[str, str], scores: scoring.Scores
) -> None:
  """Writes summary, outcomes and report, and logs where.

  Args:
    folder: As `make_folder` made it.
    facts: Names and values of what was evaluated; empty ones are left out.
    scores: How it went.

  Raises:
    errors.UserError: If the folder cannot be written to.
  """
  facts = {name: value for name, value in facts.items() if value}
  with _writing(folder):
    jsonl.write(
      tf.io.gfile.join(folder, OUTCOMES_NAME),
      (_outcome(outcome) for outcome in scores.outcomes),
    )
    report.write(
      tf.io.gfile.join(folder, REPORT_NAME),
      "Open-domain question answering",
      facts,
      scores,
    )
    files.write_json(
      tf.io.gfile.join(folder, SUMMARY_NAME), summary(facts, scores)
    )
  _log.info(
    f"Wrote {folder}: {SUMMARY_NAME}, {OUTCOMES_NAME}, {REPORT_NAME}, which a "
    "browser shows."
  )


@contextlib.contextmanager
def _writing(folder: str) -> Iterator[None]:
  """Reports a failure to write to the folder as a user's mistake."""
  try:
    yield
  except tf.errors.OpError as e:
    raise errors.UserError(f"output={folder} cannot be written: {e}") from e


def write_answers(
  folder: str,
  facts: Mapping[str, str],
  predictions: Sequence[prediction_records.Prediction],
) -> None:
  """Writes summary and report of questions without known answers.

  Args:
    folder: As `make_folder` made it.
    facts: Names and values of what was asked; empty ones are left out.
    predictions: To each question.

  Raises:
    errors.UserError: If the folder cannot be written to.
  """
  facts = {name: value for name, value in facts.items() if value}
  answered = sum(bool(prediction.answer) for prediction in predictions)
  counts = {"questions": len(predictions), "answered": answered}
  with _writing(folder):
    answer_report.write(
      tf.io.gfile.join(folder, REPORT_NAME), facts, predictions
    )
    files.write_json(tf.io.gfile.join(folder, SUMMARY_NAME), facts | counts)
  _log.info(
    f"Wrote {folder}: {PREDICTIONS_NAME}, {SUMMARY_NAME}, {REPORT_NAME}, which "
    "a browser shows."
  )


def summary(facts: Mapping[str, str], scores: scoring.Scores) -> dict[str, Any]:
  """Returns the summary as JSON; docs/evaluation.md has the fields."""
  calibration = scores.calibration
  return dict(facts) | {
    "questions": len(scores.outcomes),
    "figures": {
      name: {
        "value": f.value,
        "low": f.low,
        "high": f.high,
        "method": f.method,
      }
      for name, f in scores.figures.items()
    },
    "interval": {
      "confidence": intervals.CONFIDENCE,
      "resamples": intervals.RESAMPLES,
      "seed": scores.seed,
    },
    "classes": scores.classes,
    "invalid_regexes": {
      "questions": len(scores.invalid_regexes),
      "ids": list(scores.invalid_regexes),
    },
    "empty_answer_is_right": {
      "questions": len(scores.degenerate),
      "ids": list(scores.degenerate),
    },
    "calibration": dataclasses.asdict(calibration) if calibration else None,
  }


def _outcome(outcome: scoring.Outcome) -> dict[str, Any]:
  return {
    "id": outcome.question.id,
    "question": outcome.question.question,
    "answer": outcome.prediction.answer,
    "references": outcome.question.answers,
    "right": outcome.right,
    "f1": outcome.f1,
    "answer_rank": outcome.answer_rank,
    "class": outcome.error_class,
  }
