"""GraphRetriever: reads a graph of passages, which pass messages."""

import logging
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import prediction_records
from realm_tf.baselines import baseline_run
from realm_tf.baselines import encoders_of_run
from realm_tf.baselines import graph_model
from realm_tf.baselines import graph_options
from realm_tf.baselines import passage_graphs
from realm_tf.baselines import span_answers
from realm_tf.baselines import trainer
from realm_tf.data.corpus import corpora
from realm_tf.data.examples import order
from realm_tf.data.questions import qa_datasets
from realm_tf.models import orqa
from realm_tf.training import training_checkpoints
from realm_tf.training.recipes import question_answers

_log = logging.getLogger(__name__)

_QUESTIONS_AT_ONCE = 16


def run(options: graph_options.Options) -> list[prediction_records.Prediction]:
  """Trains GraphRetriever and asks it; see `baseline_run.run`."""
  return baseline_run.run(options, GraphRetriever)


class GraphRetriever:
  """Graphs of passages and their reader; a `baseline_run.Baseline`."""

  def __init__(self, corpus: corpora.Corpus, options: graph_options.Options):
    """Links the corpus, and makes the reader or restores it.

    Args:
      corpus: The knowledge corpus.
      options: The settings.
    """
    self._options = options
    self._corpus = corpus
    self._table = corpus.load_passages()
    self._spans = span_answers.SpanAnswers(corpus, self._table)
    self._graphs = passage_graphs.Builder(
      self._table,
      corpus.tokenizer,
      seeds=options.seeds,
      passages=options.passages,
    )
    tf.keras.utils.set_random_seed(options.seed)
    self._setup = encoders_of_run.Setup(options, corpus, self._table)
    self._reader = graph_model.GraphReader(
      self._setup.span_reader(),
      self._setup.config.hidden_size,
      options.fusion_layers,
    )
    parts = {"reader": self._reader}
    generators = training_checkpoints.dropout_generators(parts)
    self._trainer = trainer.Trainer(
      options,
      self._setup.optimizer(self._reader.trainable_variables),
      parts | {"generators": generators},
    )
    self._read = tf.function(
      self._best_spans, autograph=False, reduce_retracing=True
    )

  def train(self, questions: qa_datasets.QaDataset) -> None:
    """Trains the reader to its last step; see `Baseline`."""
    if self._trainer.is_done:
      return
    options = self._options
    texts = [example.question for example in questions]
    answers = question_answers.match((questions,), self._corpus, self._table)
    graphs = self._graphs.build(texts)
    answered = np.concatenate(
      [
        answers.held(
          tf.range(first, first + len(rows), dtype=tf.int64), tf.constant(rows)
        )
        for first, rows in _parts(graphs.rows)
      ]
    ).any(axis=1)
    numbers = np.flatnonzero(answered)
    if not len(numbers):
      raise errors.UserError(
        f"dataset={options.dataset}: no passage that is retrieved answers a "
        "question. Retrieve more, by `seeds`, or name another corpus."
      )
    _log.info(
      f"Learning from {len(numbers):,} of {len(texts):,} questions, which "
      "their passages answer."
    )
    learned = tf.constant(numbers)
    rows, relations = (tf.constant(column) for column in graphs)
    queries = self._setup.queries(texts)
    weights = self._reader.trainable_variables

    @tf.function(autograph=False)
    def take_step() -> tf.Tensor:
      chosen = order.shuffled_examples(
        self._trainer.step, options.batch_size, len(numbers), options.seed
      )
      asked = tf.gather(learned, chosen)
      query, read = tf.gather(queries, asked), tf.gather(rows, asked)
      token_ids, segment_ids = self._setup.joined(query, read)
      wanted = self._setup.answers(answers, asked, query, read, segment_ids)
      with tf.GradientTape() as tape:
        scores = self._reader(
          token_ids, segment_ids, tf.gather(relations, asked), training=True
        )
        outputs = orqa.OrqaOutputs(span_scores=scores)
        losses = orqa.reader_loss(outputs, wanted, hard=False).loss
        loss = tf.reduce_mean(losses)
      self._trainer.minimize(tape, loss, weights)
      return loss

    self._trainer.run(take_step)

  def answer(
    self, questions: qa_datasets.QaDataset
  ) -> list[prediction_records.Prediction]:
    """Answers each question by the best span of its graph."""
    found: list[prediction_records.Prediction] = []
    for _, examples in _parts(questions.examples):
      found += self._answer(examples)
    return found

  def _answer(
    self, examples: Sequence[qa_datasets.Example]
  ) -> list[prediction_records.Prediction]:
    texts = [example.question for example in examples]
    graphs = self._graphs.build(texts)
    queries = self._setup.queries(texts)
    columns = self._read(queries, *map(tf.constant, graphs))
    predictions = []
    for example, rows, score, place, start, limit in zip(
      examples, graphs.rows, *(part.numpy() for part in columns), strict=True
    ):
      span = None
      if score > orqa.MASKED / 2:
        span = span_answers.Span(int(rows[place]), int(start), int(limit))
      scores = {"reader": float(score)}
      predictions.append(
        self._spans.prediction(example, rows.tolist(), span, scores)
      )
    return predictions

  def _best_spans(
    self, queries: tf.Tensor, rows: tf.Tensor, relations: tf.Tensor
  ) -> tuple[tf.Tensor, ...]:
    """Reads graphs.

    Args:
      queries: <int32>[batch, query_length].
      rows: <int32>[batch, n].
      relations: <uint8>[batch, n, n].

    Returns:
      The best span of each: score, passage, start and limit in its body,
      [batch] each.
    """
    token_ids, segment_ids = self._setup.joined(queries, rows)
    scores = self._reader(token_ids, segment_ids, relations)
    _, count, length, widths = scores.shape
    flat = tf.reshape(scores, [-1, count * length * widths])
    place = tf.argmax(flat, axis=1, output_type=tf.int32)
    starts = place // widths % length - self._setup.body_starts(queries)
    limits = starts + place % widths + 1
    passages = place // (length * widths)
    return tf.reduce_max(flat, axis=1), passages, starts, limits


def _parts(values: Any) -> Iterator[tuple[int, Any]]:
  """Yields some values at a time, with the place of their first."""
  for first in range(0, len(values), _QUESTIONS_AT_ONCE):
    yield first, values[first : first + _QUESTIONS_AT_ONCE]
