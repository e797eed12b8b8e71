"""`finetune` on another retriever's passages: the reader alone."""

from collections.abc import Sequence

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.data.examples import candidates
from realm_tf.data.examples import packing
from realm_tf.data.questions import qa_examples
from realm_tf.data.questions import token_answers
from realm_tf.text import wordpiece
from realm_tf.training import base_task
from realm_tf.training.tasks import orqa_task
from realm_tf.training.tasks import pipelines

# Passages among which `read_answering` looks for one that does, at most.
_DEPTH = 100


class ReaderTask(orqa_task.OrqaTask):
  """Trains a span reader on the passages that a search by words finds.

  The BERT baseline of the paper's Table 1: what is read is a function of the
  question alone, and spans of all passages compete by the reader's scores.
  """

  def __init__(
    self,
    config: schema.OrqaConfig,
    tokenizer: wordpiece.Tokenizer,
    passages: packing.PackedPassages,
    train_questions: Sequence[str],
    dev_questions: Sequence[str],
    answers: token_answers.Answers,
    search: candidates.TokenSearch,
  ):
    """Builds the model and the examples; call it in the strategy's scope.

    Args:
      config: The settings.
      tokenizer: Of the corpus.
      passages: The corpus.
      train_questions: Training questions.
      dev_questions: Held-out questions.
      answers: Of the former, then of the latter, by their joint number.
      search: Finds passages for wordpieces of questions.
    """
    super().__init__(
      config, tokenizer, passages, train_questions, dev_questions, answers
    )
    self._search = search
    self._beam = qa_examples.BeamFeatures(config, passages, None)

  def prepare(self, features: base_task.Features) -> base_task.Features:
    """The pipelines have prepared all; see base class."""
    return features

  def train_pipeline(self, first_step: int) -> tf.data.Dataset:
    """See base class."""
    return pipelines.by_step(
      lambda step: self._read(self._train(step)),
      first_step,
      self._config.train_steps,
    )

  def eval_pipeline(self) -> tf.data.Dataset:
    """See base class."""
    last = min(self._config.eval_batches, self._dev.num_batches)
    return pipelines.by_step(lambda step: self._read(self._dev(step)), 0, last)

  def _read(self, features: qa_examples.Features) -> qa_examples.Features:
    """Joins a batch of questions to their passages; pure TensorFlow.

    This host's rows of the batch only, as each is read by itself.
    """
    features = self._host.rows(features)
    numbers, token_ids = features["questions"], features["query_token_ids"]
    count = self._config.reader_beam
    if self._config.read_answering:
      count = max(count, min(self._config.retriever_beam, _DEPTH))
    count = min(count, self._passages.null_row)
    _, found, valid = self._search(token_ids, count)
    rows = self._to_read(self._beam, numbers, self._beam.rows(found, valid))
    features = features | self._beam.joint(token_ids, rows)
    spans = self._beam.spans(self._answers, numbers, rows, features)
    return features | {"answer_spans": spans}
