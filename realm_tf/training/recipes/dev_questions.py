"""What fine-tuning asks its dev questions for: answers, or passages alone."""

import numpy as np
import tensorflow as tf

from realm_tf.answering import open_qa
from realm_tf.configs import schema
from realm_tf.data.questions import qa_datasets
from realm_tf.evaluation import answer_matching
from realm_tf.evaluation import probability_calibration
from realm_tf.evaluation import reader_view
from realm_tf.evaluation import recall

EXACT_MATCH = "exact_match"
RECALL = "recall@5"
_RECALL_AT = (1, 5)


def metric(config: schema.OrqaConfig) -> str:
  """Returns the metric that the best weights are chosen by."""
  return EXACT_MATCH if config.train_reader else RECALL


class DevQuestions:
  """The dev questions that an evaluation asks."""

  def __init__(
    self,
    dev: qa_datasets.QaDataset,
    knowledge: open_qa.Knowledge,
    config: schema.OrqaConfig,
  ):
    """Takes the first `dev_questions`.

    Args:
      dev: The dev split.
      knowledge: The corpus.
      config: The run's settings.
    """
    self._examples = dev.examples[: config.dev_questions or len(dev)]
    self._references = [
      answer_matching.AnswerSet.of(example) for example in self._examples
    ]
    self._reader_beam = config.reader_beam

    def read_texts(rows: np.ndarray) -> tuple[list[str], list[str]]:
      with tf.device("/cpu:0"):
        found = knowledge.texts.gather(tf.constant(rows, tf.int32))
      return (
        [title.decode() for title in found.titles.numpy()],
        [body.decode() for body in found.bodies.numpy()],
      )

    self._judge = recall.Judge(
      self._examples,
      read_texts,
      reader_view.ReaderView(knowledge.corpus.tokenizer, config),
    )

  def exact_match(self, qa: open_qa.OpenQA) -> tuple[float, dict[str, float]]:
    """Answers the questions.

    Args:
      qa: Answers.

    Returns:
      The share that is right, and facts for the manifest of best weights.
    """
    found = qa.answer(
      [example.id for example in self._examples],
      [example.question for example in self._examples],
      k=self._reader_beam,
    ).predictions
    right = [
      reference.is_right(prediction.answer)
      for reference, prediction in zip(self._references, found, strict=True)
    ]
    threshold = probability_calibration.abstention_threshold(
      np.array([prediction.probability for prediction in found]),
      np.array(right),
    )
    return float(np.mean(right)), {open_qa.THRESHOLD: threshold}

  def recall(self, retrieve: recall.Retrieve) -> dict[str, float]:
    """Returns recall@1 and @5.

    Args:
      retrieve: From texts and k to their passages.
    """
    return self._judge.recall(retrieve, _RECALL_AT)
