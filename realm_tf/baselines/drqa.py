"""DrQA: retrieves by TF-IDF, learns to read by distant supervision, answers."""

import logging
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import prediction_records
from realm_tf.baselines import baseline_run
from realm_tf.baselines import drqa_examples
from realm_tf.baselines import drqa_options
from realm_tf.baselines import drqa_reader
from realm_tf.baselines import span_answers
from realm_tf.baselines import tf_idf
from realm_tf.baselines import trainer
from realm_tf.data.corpus import corpora
from realm_tf.data.examples import order
from realm_tf.data.questions import qa_datasets
from realm_tf.training.recipes import question_answers

_log = logging.getLogger(__name__)

_QUESTIONS_AT_ONCE = 32
_DROPOUT = 40  # purpose of random draws


def run(options: drqa_options.Options) -> list[prediction_records.Prediction]:
  """Trains DrQA and answers the questions; see `baseline_run.run`."""
  return baseline_run.run(options, Drqa)


class Drqa:
  """A retriever and a reader of one corpus; a `baseline_run.Baseline`."""

  def __init__(self, corpus: corpora.Corpus, options: drqa_options.Options):
    """Weighs the corpus, and makes the reader or restores it.

    Args:
      corpus: The knowledge corpus.
      options: The settings.
    """
    self._options = options
    self._corpus, self._tokenizer = corpus, corpus.tokenizer
    self._table = corpus.load_passages()
    self._spans = span_answers.SpanAnswers(corpus, self._table)
    self._retriever = tf_idf.TfIdf(self._table, self._tokenizer)
    self._passages = drqa_examples.Passages(
      self._table, self._tokenizer, options.passage_length
    )
    tf.keras.utils.set_random_seed(options.seed)
    self._reader = drqa_reader.DocumentReader(
      self._tokenizer.vocab_size,
      embedding_size=options.embedding_size,
      hidden_size=options.hidden_size,
      num_layers=options.num_layers,
      dropout=options.dropout,
    )
    self._reader(self._batch(["."], np.array([0])))
    optimizer = tf.keras.optimizers.Adamax(options.learning_rate)
    optimizer.build(self._reader.trainable_variables)
    self._trainer = trainer.Trainer(
      options, optimizer, {"reader": self._reader}
    )
    # Of any shapes: batches are as wide as their longest question.
    self._train_step = tf.function(
      self._step, autograph=False, reduce_retracing=True
    )
    self._read = tf.function(
      self._best_spans, autograph=False, reduce_retracing=True
    )

  def train(self, questions: qa_datasets.QaDataset) -> None:
    """Trains the reader to its last step.

    Args:
      questions: With their answers.

    Raises:
      errors.UserError: If no retrieved passage holds an answer.
    """
    if self._trainer.is_done:
      return
    options = self._options
    texts = [example.question for example in questions]
    learned = drqa_examples.supervise(
      self._tokenizer.tokenize(tf.constant(texts)),
      self._retriever.retrieve(texts, self._wanted()).rows,
      question_answers.match((questions,), self._corpus, self._table),
      self._table,
      self._passages,
    )
    count = len(learned.rows)
    if not count:
      raise errors.UserError(
        f"dataset={options.dataset}: no passage that is retrieved answers a "
        "question. Retrieve more, by `passages`, or name another corpus."
      )
    _log.info(
      f"Learning from {count:,} passages, which answer "
      f"{len(np.unique(learned.questions)):,} of {len(texts):,} questions."
    )
    self._trainer.run(lambda: self._train_on(texts, learned))

  def answer(
    self, questions: qa_datasets.QaDataset
  ) -> list[prediction_records.Prediction]:
    """Answers questions, each by the best span of its passages."""
    found = []
    for first in range(0, len(questions.examples), _QUESTIONS_AT_ONCE):
      found += self._answer(
        questions.examples[first : first + _QUESTIONS_AT_ONCE]
      )
    return found

  def _train_on(
    self, texts: Sequence[str], learned: drqa_examples.Supervision
  ) -> tf.Tensor:
    """Takes a step, whose examples its number and the seed choose."""
    options = self._options
    chosen = order.shuffled_examples(
      self._trainer.step,
      options.batch_size,
      len(learned.rows),
      options.seed,
    ).numpy()
    rows, questions = learned.rows[chosen], learned.questions[chosen]
    shift = np.array([self._passages.body_place(row) for row in rows])
    batch = self._batch([texts[i] for i in questions], rows)
    first = learned.starts[chosen] + shift
    last = learned.limits[chosen] + shift - 1
    return self._train_step(
      batch, tf.constant(first, tf.int32), tf.constant(last, tf.int32)
    )

  def _step(
    self, batch: drqa_reader.Batch, first: tf.Tensor, last: tf.Tensor
  ) -> tf.Tensor:
    seed = order.step_seed(self._options.seed, self._trainer.step, _DROPOUT)
    with tf.GradientTape() as tape:
      starts, ends = self._reader(batch, seed)
      losses = drqa_reader.span_loss(starts, ends, first, last)
      loss = tf.reduce_mean(losses)
    self._trainer.minimize(tape, loss, self._reader.trainable_variables)
    return loss

  def _best_spans(self, batch: drqa_reader.Batch) -> drqa_reader.Spans:
    starts, ends = self._reader(batch)
    return drqa_reader.best_spans(starts, ends, self._options.max_span_length)

  def _answer(
    self, examples: Sequence[qa_datasets.Example]
  ) -> list[prediction_records.Prediction]:
    texts = [example.question for example in examples]
    rows = self._retriever.retrieve(texts, self._wanted()).rows
    count = rows.shape[1]
    spans = drqa_reader.Spans(
      *(
        part.numpy().reshape(rows.shape)
        for part in self._read(
          self._batch(np.repeat(texts, count).tolist(), rows.ravel())
        )
      )
    )
    best = spans.scores.argmax(axis=1)
    predictions = []
    for i, example in enumerate(examples):
      row = int(rows[i, best[i]])
      score, start, limit = (part[i, best[i]] for part in spans)
      span = None
      if row >= 0 and drqa_reader.is_span(score):
        shift = self._passages.body_place(row)
        span = span_answers.Span(row, int(start) - shift, int(limit) - shift)
      scores = {"reader": float(score)}
      predictions.append(self._spans.prediction(example, rows[i], span, scores))
    return predictions

  def _batch(self, texts: Sequence[str], rows: np.ndarray) -> drqa_reader.Batch:
    questions = self._tokenizer.tokenize(tf.constant(texts))
    return self._passages.batch(questions, rows)

  def _wanted(self) -> int:
    """Returns how many passages are retrieved."""
    return min(self._options.passages, len(self._table))
