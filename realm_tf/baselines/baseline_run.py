"""A baseline's run: it is trained, asked, and its answers are written."""

import logging
import os
from collections.abc import Callable
from typing import Any
from typing import Protocol
from typing import TypeVar

from realm_tf import errors
from realm_tf import files
from realm_tf import suggestions
from realm_tf.answering import prediction_records
from realm_tf.baselines import run_options
from realm_tf.data.corpus import corpora
from realm_tf.data.questions import qa_datasets
from realm_tf.data.questions import qa_splits
from realm_tf.runs import run_state

_log = logging.getLogger(__name__)

_Options = TypeVar("_Options", bound=run_options.RunOptions)


class Baseline(Protocol):
  """A system that is trained on questions and answers others."""

  def train(self, questions: qa_datasets.QaDataset) -> None:
    """Trains to the last step.

    Args:
      questions: With their answers.

    Raises:
      errors.UserError: If nothing can be learned from them.
    """

  def answer(
    self, questions: qa_datasets.QaDataset
  ) -> list[prediction_records.Prediction]:
    """Returns an answer to each question."""


def run(
  options: _Options, make: Callable[[corpora.Corpus, _Options], Baseline]
) -> list[prediction_records.Prediction]:
  """Trains a baseline, unless it is trained already, and asks the questions.

  Args:
    options: The settings.
    make: Makes the baseline, or restores it.

  Returns:
    The answers, which are in the run's folder, too.

  Raises:
    errors.UserError: If anything that the options name does not fit, or nothing
      that is retrieved answers a question.
    interruption.Interrupted: If a signal came. The steps done are saved.
  """
  where = options.where
  train, _ = qa_splits.load_train_and_dev(options.dataset, "", **where)
  asked = qa_splits.load(options.dataset, options.split, **where)
  corpus = corpora.Corpus.open(options.corpus)
  _claim(options)
  path = options.predictions_path()
  with run_state.RunState(options.model_dir).hold():
    baseline = make(corpus, options)
    baseline.train(train)
    predictions = baseline.answer(asked)
    prediction_records.write(path, predictions)
  flags: dict[str, Any] = {
    "dataset": options.dataset,
    "split": options.split,
    "predictions": path,
    "corpus": options.corpus,
  }
  following = suggestions.command("evaluate", flags | where)
  _log.info(f"Wrote {path}. Next:\n  {following}")
  return predictions


def _claim(options: run_options.RunOptions) -> None:
  """Records a run's settings; raises if it was started with others."""
  path = os.path.join(options.model_dir, f"{options.name}.json")
  if not os.path.exists(path):
    os.makedirs(options.model_dir, exist_ok=True)
    files.write_json(path, options.learned())
    return
  try:
    learned = files.read_json(path)
  except ValueError as e:
    raise errors.UserError(f"{path} is damaged: {e}.") from e
  options.check_same(learned)
