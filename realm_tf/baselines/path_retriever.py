"""PathRetriever: follows links from passage to passage, and reads the paths."""

import logging
from collections.abc import Callable
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import prediction_records
from realm_tf.baselines import baseline_run
from realm_tf.baselines import encoders_of_run
from realm_tf.baselines import links
from realm_tf.baselines import path_beam
from realm_tf.baselines import path_examples
from realm_tf.baselines import path_model
from realm_tf.baselines import path_options
from realm_tf.baselines import span_answers
from realm_tf.baselines import tf_idf
from realm_tf.baselines import trainer
from realm_tf.data.corpus import corpora
from realm_tf.data.examples import order
from realm_tf.data.questions import qa_datasets
from realm_tf.data.questions import token_answers
from realm_tf.models import orqa
from realm_tf.training import training_checkpoints
from realm_tf.training.recipes import question_answers

_log = logging.getLogger(__name__)


def run(options: path_options.Options) -> list[prediction_records.Prediction]:
  """Trains PathRetriever and asks it; see `baseline_run.run`."""
  return baseline_run.run(options, PathRetriever)


class PathRetriever:
  """A retriever of paths and their reader; a `baseline_run.Baseline`."""

  def __init__(self, corpus: corpora.Corpus, options: path_options.Options):
    """Links the corpus, and makes the models or restores them.

    Args:
      corpus: The knowledge corpus.
      options: The settings.
    """
    self._options = options
    self._corpus = corpus
    self._table = corpus.load_passages()
    self._spans = span_answers.SpanAnswers(corpus, self._table)
    self._surroundings = path_examples.Surroundings(
      tf_idf.TfIdf(self._table, corpus.tokenizer),
      links.Links(self._table, corpus.tokenizer),
      options,
    )
    tf.keras.utils.set_random_seed(options.seed)
    self._setup = encoders_of_run.Setup(options, corpus, self._table)
    width = self._setup.config.hidden_size
    self._retriever = path_model.SequenceRetriever(self._setup.encoder(), width)
    self._reader = path_model.PathReader(self._setup.span_reader(), width)
    parts = {"retriever": self._retriever, "reader": self._reader}
    self._weights = [
      *self._retriever.trainable_variables,
      *self._reader.trainable_variables,
    ]
    generators = training_checkpoints.dropout_generators(parts)
    self._trainer = trainer.Trainer(
      options,
      self._setup.optimizer(self._weights),
      parts | {"generators": generators},
    )
    self._represent = tf.function(
      self._represented, autograph=False, reduce_retracing=True
    )
    self._read = tf.function(
      self._best_span, autograph=False, reduce_retracing=True
    )

  def train(self, questions: qa_datasets.QaDataset) -> None:
    """Trains retriever and reader to the last step; see `Baseline`."""
    if self._trainer.is_done:
      return
    options = self._options
    texts = [example.question for example in questions]
    answers = question_answers.match((questions,), self._corpus, self._table)
    null_row = self._setup.null_row
    learned = path_examples.supervise(
      texts, self._surroundings, answers, options, null_row
    )
    count = len(learned.questions)
    if not count:
      raise errors.UserError(
        f"dataset={options.dataset}: no passage that is retrieved answers a "
        "question. Retrieve more, by `seeds`, or name another corpus."
      )
    _log.info(
      f"Learning from {count:,} paths, which answer "
      f"{len(np.unique(learned.questions)):,} of {len(texts):,} questions."
    )
    columns = path_examples.Examples(*map(tf.constant, learned))
    queries = self._setup.queries(texts)

    @tf.function(autograph=False)
    def take_step() -> tf.Tensor:
      chosen = order.shuffled_examples(
        self._trainer.step, options.batch_size, count, options.seed
      )
      batch = path_examples.Examples(
        *(tf.gather(column, chosen) for column in columns)
      )
      asked = tf.gather(queries, batch.questions)
      with tf.GradientTape() as tape:
        loss = self._loss(batch, asked, answers)
      self._trainer.minimize(tape, loss, self._weights)
      return loss

    self._trainer.run(take_step)

  def answer(
    self, questions: qa_datasets.QaDataset
  ) -> list[prediction_records.Prediction]:
    """Answers each question from the path that the reader ranks first."""
    texts = [example.question for example in questions]
    return [
      self._answer(example, near)
      for example, near in zip(
        questions, self._surroundings.of(texts), strict=True
      )
    ]

  def _loss(
    self,
    batch: path_examples.Examples,
    queries: tf.Tensor,
    answers: token_answers.Answers,
  ) -> tf.Tensor:
    """Returns the mean of both models' losses, which share no weights."""
    token_ids, segment_ids = self._setup.joined(queries, batch.pools)
    size, pool, length = token_ids.shape
    flat = [tf.reshape(x, [-1, length]) for x in (token_ids, segment_ids)]
    right = batch.paths[:, 0]  # [batch, T]

    passages = self._retriever(*flat, training=True)
    passages = tf.reshape(passages, [size, pool, -1])
    logits = self._retriever.path_logits(passages, right)
    losses = path_model.path_loss(logits, right, batch.negatives)

    read, spans = self._reader(*flat, training=True)
    read = tf.reshape(read, [size, pool, -1])
    ranks = self._reader.rank(read, batch.paths)
    losses += path_model.rank_loss(ranks, batch.paths)

    spans = tf.reshape(spans, [size, pool, length, -1])
    wanted = self._setup.answers(
      answers, batch.questions, queries, batch.pools, segment_ids
    )
    outputs = orqa.OrqaOutputs(
      span_scores=path_model.of_path(spans, right, orqa.MASKED)
    )
    of_path = path_model.of_path(wanted, right, False)
    losses += orqa.reader_loss(outputs, of_path, hard=False).loss
    return tf.reduce_mean(losses)

  def _answer(
    self, example: qa_datasets.Example, near: path_examples.Nearby
  ) -> prediction_records.Prediction:
    if not near.seeds:
      return self._spans.prediction(example, (), None, {})
    options = self._options
    query = self._setup.queries([example.question])
    paths = path_beam.search(
      _Steps(self._retriever, lambda rows: self._represent(query, rows)),
      near.seeds,
      near.linked,
      beam=options.beam,
      longest=options.path_length,
      kept=options.kept,
    )
    rows = list(dict.fromkeys(row for path in paths for row in path.rows))
    places = np.full([len(paths), options.path_length], -1, np.int32)
    for i, path in enumerate(paths):
      places[i, : len(path.rows)] = [rows.index(row) for row in path.rows]
    best, score, place, start, limit = (
      value.numpy()
      for value in self._read(
        query, tf.constant(rows, tf.int32), tf.constant(places)
      )
    )
    chosen = paths[int(best)]
    span = None
    if score > orqa.MASKED / 2:
      row = chosen.rows[int(place)]
      span = span_answers.Span(row, int(start), int(limit))
    scores = {"retriever": chosen.score, "reader": float(score)}
    return self._spans.prediction(example, rows, span, scores)

  def _represented(self, query: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Returns what the retriever sees in <int32>[n] passages."""
    token_ids, segment_ids = self._setup.joined(query, rows[None])
    return self._retriever(token_ids[0], segment_ids[0])

  def _best_span(
    self, query: tf.Tensor, rows: tf.Tensor, paths: tf.Tensor
  ) -> tuple[tf.Tensor, ...]:
    """Reads the passages of a question's paths.

    Args:
      query: <int32>[1, query_length].
      rows: <int32>[n]. The passages.
      paths: <int32>[E, T]. Places among them, -1 for none.

    Returns:
      The best path, and its best span: score, passage on the path, start and
      limit in the passage's body.
    """
    token_ids, segment_ids = self._setup.joined(query, rows[None])
    read, spans = self._reader(token_ids[0], segment_ids[0])
    best = tf.argmax(self._reader.rank(read[None], paths[None])[0])
    path = tf.gather(paths, best)[None]
    spans = path_model.of_path(spans[None], path, orqa.MASKED)[0]
    _, length, widths = spans.shape
    flat = tf.reshape(spans, [-1])
    place = tf.argmax(flat, output_type=tf.int32)
    start = place // widths % length - self._setup.body_starts(query)[0]
    limit = start + place % widths + 1
    passage = place // (length * widths)
    return best, tf.reduce_max(flat), passage, start, limit


class _Steps:
  """The retriever's steps for one question; a `path_beam.StepModel`."""

  def __init__(
    self,
    model: path_model.SequenceRetriever,
    represent: Callable[[tf.Tensor], tf.Tensor],
  ):
    """Takes the model.

    Args:
      model: The retriever.
      represent: Returns what it sees in <int32>[n] passages.
    """
    self._model = model
    self._represent = represent
    self._seen: dict[int, np.ndarray] = {}
    self.first = model.first.numpy()

  def log_probabilities(
    self, states: np.ndarray, candidates: Sequence[Sequence[int]]
  ) -> list[np.ndarray]:
    """See `path_beam.StepModel`."""
    rows = {row for some in candidates for row in some} - self._seen.keys()
    if rows:
      new = sorted(rows)
      found = self._represent(tf.constant(new, tf.int32)).numpy()
      self._seen.update(zip(new, found, strict=True))
    widest = max(map(len, candidates))
    passages = np.zeros([len(candidates), widest, states.shape[1]], np.float32)
    for i, some in enumerate(candidates):
      for place, row in enumerate(some):
        passages[i, place] = self._seen[row]
    logits = self._model.logits(tf.constant(states), tf.constant(passages))
    logs = tf.math.log_sigmoid(logits).numpy()
    return [
      np.append(one[: len(some)], one[-1])
      for one, some in zip(logs, candidates, strict=True)
    ]

  def advance(self, states: np.ndarray, rows: Sequence[int]) -> np.ndarray:
    """See `path_beam.StepModel`."""
    passages = np.stack([self._seen[row] for row in rows])
    return self._model.advance(
      tf.constant(states), tf.constant(passages)
    ).numpy()
