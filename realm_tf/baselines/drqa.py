"""DrQA: retrieves by TF-IDF, learns to read by distant supervision, answers."""

import dataclasses
import logging
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf import interruption
from realm_tf import progress
from realm_tf import suggestions
from realm_tf.answering import prediction_records
from realm_tf.baselines import drqa_examples
from realm_tf.baselines import drqa_options
from realm_tf.baselines import drqa_reader
from realm_tf.baselines import tf_idf
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_texts
from realm_tf.data.examples import order
from realm_tf.data.questions import qa_datasets
from realm_tf.data.questions import qa_splits
from realm_tf.runs import run_state
from realm_tf.training.recipes import question_answers

_log = logging.getLogger(__name__)

_OPTIONS = "drqa.json"
_QUESTIONS_AT_ONCE = 32
_DROPOUT = 40  # purpose of random draws


def run(options: drqa_options.Options) -> list[prediction_records.Prediction]:
  """Trains DrQA, unless it is trained already, and answers the questions.

  Args:
    options: The settings.

  Returns:
    The answers, which are in the run's folder, too.

  Raises:
    errors.UserError: If anything that the options name does not fit, or nothing
      that is retrieved answers a question.
    interruption.Interrupted: If a signal came. The steps done are saved.
  """
  where: dict[str, Any] = {
    "data_dir": options.data_dir,
    "manual_dir": options.manual_dir,
  }
  train, _ = qa_splits.load_train_and_dev(options.dataset, "", **where)
  asked = qa_splits.load(options.dataset, options.split, **where)
  corpus = corpora.Corpus.open(options.corpus)
  _claim(options)
  with run_state.RunState(options.model_dir).hold():
    drqa = Drqa(corpus, options)
    drqa.train(train)
    predictions = drqa.answer(asked)
    path = predictions_path(options.model_dir, options.split)
    prediction_records.write(path, predictions)
  following = suggestions.command(
    "evaluate",
    {
      "dataset": options.dataset,
      "split": options.split,
      "predictions": path,
      "corpus": options.corpus,
      **where,
    },
  )
  _log.info(f"Wrote {path}. Next:\n  {following}")
  return predictions


def predictions_path(model_dir: str, split: str) -> str:
  """Returns where the answers to a split's questions are written."""
  return os.path.join(model_dir, f"predictions.{split}.jsonl")


class Drqa:
  """A retriever and a reader of one corpus.

  Attributes:
    step: Steps that the reader has been trained.
  """

  def __init__(self, corpus: corpora.Corpus, options: drqa_options.Options):
    """Weighs the corpus, and makes the reader or restores it.

    Args:
      corpus: The knowledge corpus.
      options: The settings.
    """
    self._options = options
    self._corpus, self._tokenizer = corpus, corpus.tokenizer
    self._table = corpus.load_passages()
    self._texts = passage_texts.PassageTexts(corpus)
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
    self._optimizer = tf.keras.optimizers.Adamax(options.learning_rate)
    self._optimizer.build(self._reader.trainable_variables)
    self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
    self._checkpoints = tf.train.CheckpointManager(
      tf.train.Checkpoint(
        reader=self._reader, optimizer=self._optimizer, step=self.step
      ),
      os.path.join(options.model_dir, "checkpoints"),
      max_to_keep=2,
    )
    if self._checkpoints.restore_or_initialize():
      _log.info(f"Resumed {options.model_dir} at step {int(self.step)}.")
    # Of any shapes: batches are as wide as their longest question.
    self._train_step = tf.function(self._step, reduce_retracing=True)
    self._read = tf.function(self._best_spans, reduce_retracing=True)

  def train(self, questions: qa_datasets.QaDataset) -> None:
    """Trains the reader to its last step.

    Args:
      questions: With their answers.

    Raises:
      errors.UserError: If no retrieved passage holds an answer.
    """
    options = self._options
    if int(self.step) >= options.train_steps:
      return
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
    meter = progress.Progress(
      int(self.step), options.train_steps, options.batch_size
    )
    try:
      while int(self.step) < options.train_steps:
        with interruption.deferred():
          loss = self._train_on(texts, learned)
        step = int(self.step)
        if step % options.checkpoint_every_steps == 0:
          self._checkpoints.save(step)
          meter.measure(step)
          _log.info(meter.line(step, {"loss": float(loss)}))
    except interruption.Interrupted as e:
      self._checkpoints.save(int(self.step))
      raise interruption.Interrupted(
        e.number,
        f" at step {int(self.step)}. Run the same command again to go on",
      ) from e
    if options.train_steps % options.checkpoint_every_steps:
      self._checkpoints.save(int(self.step))

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
      self.step, options.batch_size, len(learned.rows), options.seed
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
    seed = order.step_seed(self._options.seed, self.step, _DROPOUT)
    weights = self._reader.trainable_variables
    with tf.GradientTape() as tape:
      starts, ends = self._reader(batch, seed)
      losses = drqa_reader.span_loss(starts, ends, first, last)
      loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, weights)
    gradients, _ = tf.clip_by_global_norm(gradients, self._options.clip_norm)
    self._optimizer.apply_gradients(zip(gradients, weights, strict=True))
    self.step.assign_add(1)
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
    return [
      self._prediction(
        example, rows[i], best[i], *(float(part[i, best[i]]) for part in spans)
      )
      for i, example in enumerate(examples)
    ]

  def _prediction(
    self,
    example: qa_datasets.Example,
    rows: np.ndarray,
    place: int,
    score: float,
    start: float,
    limit: float,
  ) -> prediction_records.Prediction:
    """Returns the answer that a span of the passage at a place is."""
    prediction = prediction_records.Prediction(
      example.question,
      "",
      id=example.id,
      retrieved=tuple(self._table.ids[r].decode() for r in rows if r >= 0),
    )
    row = int(rows[place])
    if row < 0 or not drqa_reader.is_span(score):
      return prediction
    shift = self._passages.body_place(row)
    body = self._texts.body(row)
    _, starts, limits = self._tokenizer.tokenize_with_offsets(
      tf.constant([body])
    )
    span = (
      int(starts[0, int(start) - shift]),
      int(limits[0, int(limit) - 1 - shift]),
    )
    return dataclasses.replace(
      prediction,
      answer=body[slice(*span)].decode(),
      passage_id=self._table.ids[row].decode(),
      passage_title=self._texts.title(row),
      passage_text=body.decode(),
      span=span,
      scores={"reader": score},
    )

  def _batch(self, texts: Sequence[str], rows: np.ndarray) -> drqa_reader.Batch:
    questions = self._tokenizer.tokenize(tf.constant(texts))
    return self._passages.batch(questions, rows)

  def _wanted(self) -> int:
    """Returns how many passages are retrieved."""
    return min(self._options.passages, len(self._table))


def _claim(options: drqa_options.Options) -> None:
  """Records a run's settings; raises if it was started with others."""
  path = os.path.join(options.model_dir, _OPTIONS)
  if not os.path.exists(path):
    os.makedirs(options.model_dir, exist_ok=True)
    files.write_json(path, options.learned())
    return
  try:
    learned = files.read_json(path)
  except ValueError as e:
    raise errors.UserError(f"{path} is damaged: {e}.") from e
  drqa_options.check_same(options, learned)
