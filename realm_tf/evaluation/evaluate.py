"""What `evaluate` does: scores predictions and writes what it found."""

import dataclasses
from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.data import corpus as corpus_lib
from realm_tf.evaluation import answers as answers_lib
from realm_tf.evaluation import bootstrap
from realm_tf.evaluation import jsonl
from realm_tf.evaluation import predictions as predictions_lib
from realm_tf.evaluation import questions as questions_lib
from realm_tf.evaluation import report
from realm_tf.evaluation import scoring

SUMMARY_NAME = "summary.json"
OUTCOMES_NAME = "outcomes.jsonl"
REPORT_NAME = "report.html"


@dataclasses.dataclass(frozen=True)
class FileOptions:
  """What to score.

  Attributes:
    predictions: JSONL of predictions, ours or ORQA's.
    dataset: JSONL of questions and answers.
    answer_type: Of the questions that do not say; one of `answers.TYPES`.
    corpus: Folder of the corpus that was retrieved from; "" to leave
      retrieval unjudged.
    passages_read: How many of the passages found the reader has read.
    output: Folder for summary, outcomes and report; "" for none.
    seed: Of the intervals.
  """

  predictions: str
  dataset: str
  answer_type: str = answers_lib.STRING
  corpus: str = ""
  passages_read: int = 5
  output: str = ""
  seed: int = 0


def score_file(options: FileOptions) -> scoring.Scores:
  """Scores a file of predictions, prints the figures, writes the report.

  Raises:
    errors.UserError: If anything that the options name does not fit.
  """
  questions = questions_lib.read(options.dataset, options.answer_type)
  predictions = predictions_lib.align(
    predictions_lib.read(options.predictions), questions, options.predictions
  )
  print(
    f"Scoring {len(questions)} answers of {options.predictions} by "
    f"{options.dataset}.",
    flush=True,
  )
  retrieval = None
  if options.corpus:
    corpus = corpus_lib.Corpus.open(options.corpus)
    print(
      f"Looking for the answers in {corpus.num_passages} passages of "
      f"{options.corpus} ...",
      flush=True,
    )
    retrieval = scoring.judge_retrieval(
      questions, predictions, corpus, options.passages_read
    )
  elif any(prediction.retrieved for prediction in predictions):
    print("The passages found are not judged: that needs --corpus.")
  scores = scoring.score(questions, predictions, retrieval, options.seed)
  facts = {"dataset": options.dataset, "predictions": options.predictions}
  facts |= {"corpus": options.corpus} if options.corpus else {}
  print_scores(scores)
  if options.output:
    write(options.output, facts, scores)
  return scores


def print_scores(scores: scoring.Scores) -> None:
  """Prints figures, classes and warnings."""
  print(f"{'':16}  percent  95% interval")
  for name, figure in scores.figures.items():
    print(
      f"{name:16}  {100 * figure.value:7.1f}  {100 * figure.low:.1f} to "
      f"{100 * figure.high:.1f}"
    )
  if scores.calibration is not None:
    error = 100 * scores.calibration.error
    print(f"{'calibration err.':16}  {error:7.1f}")
  for name, count in scores.classes.items():
    print(f"{name:16}  {count:7d}  {scoring.CLASSES[name]}")
  for warning in report.warnings(scores):
    print(f"warning: {warning}")


def write(folder: str, facts: dict[str, str], scores: scoring.Scores) -> None:
  """Writes summary, outcomes and report, and says so.

  Args:
    folder: Made if need be.
    facts: What was evaluated, by name.
    scores: How it went.

  Raises:
    errors.UserError: If the folder cannot be written to.
  """
  try:
    tf.io.gfile.makedirs(folder)
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
  except tf.errors.OpError as e:
    raise errors.UserError(f"--output={folder} cannot be written: {e}") from e
  print(
    f"Wrote {folder}: {SUMMARY_NAME}, {OUTCOMES_NAME}, {REPORT_NAME}, which a "
    "browser shows."
  )


def summary(facts: dict[str, str], scores: scoring.Scores) -> dict[str, Any]:
  """Returns what the summary's JSON says; docs/evaluation.md has the fields."""
  calibration = scores.calibration
  return facts | {
    "questions": len(scores.outcomes),
    "figures": {
      name: {"value": f.value, "low": f.low, "high": f.high}
      for name, f in scores.figures.items()
    },
    "interval": {
      "confidence": bootstrap.CONFIDENCE,
      "method": "percentile bootstrap",
      "resamples": bootstrap.RESAMPLES,
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
