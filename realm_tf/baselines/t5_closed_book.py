"""T5, closed book: pre-trained on salient spans, fine-tuned on questions."""

import logging

import numpy as np
import tensorflow as tf

from realm_tf.answering import prediction_records
from realm_tf.baselines import baseline_run
from realm_tf.baselines import t5_examples
from realm_tf.baselines import t5_model
from realm_tf.baselines import t5_options
from realm_tf.baselines import trainer
from realm_tf.data.corpus import corpora
from realm_tf.data.examples import order
from realm_tf.data.questions import qa_datasets
from realm_tf.data.sentences import annotated_corpus

_log = logging.getLogger(__name__)

_QUESTIONS_AT_ONCE = 64
_DROPOUT = 45  # purpose of random draws


def run(options: t5_options.Options) -> list[prediction_records.Prediction]:
  """Trains T5 and has it answer; see `baseline_run.run`."""
  return baseline_run.run(options, ClosedBookT5)


class ClosedBookT5:
  """A T5 of a corpus's vocabulary; a `baseline_run.Baseline`."""

  def __init__(self, corpus: corpora.Corpus, options: t5_options.Options):
    """Makes the model or restores it.

    Args:
      corpus: An annotated corpus.
      options: The settings.
    """
    self._options = options
    self._corpus, self._tokenizer = corpus, corpus.tokenizer
    tf.keras.utils.set_random_seed(options.seed)
    self._model = t5_model.T5(
      t5_options.SIZES[options.size],
      self._tokenizer.vocab_size,
      self._tokenizer.sep_id,
      options.dropout,
    )
    optimizer = tf.keras.optimizers.Adam(
      tf.keras.optimizers.schedules.PolynomialDecay(
        options.learning_rate / options.warmup_steps,
        options.warmup_steps,
        options.learning_rate,
      )
    )
    optimizer.build(self._model.weights)
    self._trainer = trainer.Trainer(
      options, optimizer, {"t5": self._model.module}
    )
    self._write = tf.function(
      self._model.write, autograph=False, reduce_retracing=True
    )

  def train(self, questions: qa_datasets.QaDataset) -> None:
    """Pre-trains on the corpus's spans, then learns the questions.

    Args:
      questions: With their answers.

    Raises:
      errors.UserError: If the corpus has no sentence, or no question an answer,
        to learn from.
    """
    if self._trainer.is_done:
      return
    options, step = self._options, self._trainer.step
    asked = t5_examples.QuestionExamples(questions, options, self._tokenizer)
    tune = tf.function(lambda: self._step(*asked(step)), autograph=False)
    pretrain = tune
    if int(step) < options.pretrain_steps:
      sentences = annotated_corpus.load(options.corpus, self._tokenizer)
      spans = t5_examples.SpanExamples(sentences, options, self._tokenizer)
      pretrain = tf.function(lambda: self._step(*spans(step)), autograph=False)
    _log.info(
      f"{options.pretrain_steps:,} steps on salient spans, then on "
      f"{len(asked):,} answers."
    )
    self._trainer.run(
      lambda: pretrain() if int(step) < options.pretrain_steps else tune()
    )

  def answer(
    self, questions: qa_datasets.QaDataset
  ) -> list[prediction_records.Prediction]:
    """Answers questions, without any passage."""
    options, found = self._options, []
    for first in range(0, len(questions.examples), _QUESTIONS_AT_ONCE):
      examples = questions.examples[first : first + _QUESTIONS_AT_ONCE]
      inputs = t5_examples.ended(
        self._tokenizer.tokenize(tf.constant([e.question for e in examples])),
        options.input_length,
        self._tokenizer,
      )
      written, scores = self._write(inputs, options.max_span_length + 1)
      for example, ids, score in zip(
        examples, written.numpy(), scores.numpy(), strict=True
      ):
        found.append(
          prediction_records.Prediction(
            example.question,
            t5_examples.text(ids, self._tokenizer),
            id=example.id,
            scores={"reader": float(score)},
            retrieved=(),
            probability=float(np.exp(score)),
          )
        )
    return found

  def _step(self, inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    seed = order.step_seed(self._options.seed, self._trainer.step, _DROPOUT)
    self._model.seed = seed
    with tf.GradientTape() as tape:
      loss = self._model.loss(inputs, targets, training=True)
    self._trainer.minimize(tape, loss, self._model.weights)
    return loss
