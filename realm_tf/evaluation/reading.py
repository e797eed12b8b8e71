"""Answers questions: reads what was found, takes the best span's own text."""

from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.data import features as features_lib
from realm_tf.data import passage_texts
from realm_tf.data import passages as passages_lib
from realm_tf.data import qa_examples
from realm_tf.evaluation import predictions
from realm_tf.models import orqa
from realm_tf.text import tokenizer as tokenizer_lib


class SpanAnswerer:
  """A fine-tuned model over a corpus and its index."""

  def __init__(
    self,
    model: orqa.OrqaModel,
    config: schema.OrqaConfig,
    beam: qa_examples.BeamFeatures,
    passages: passages_lib.PassageTable,
    texts: passage_texts.PassageTexts,
    tokenizer: tokenizer_lib.Tokenizer,
  ):
    """Takes the model and what it reads.

    Args:
      model: Retriever and reader; its weights may go on changing.
      config: Its settings.
      beam: Joins questions and passages.
      passages: The corpus, for its ids.
      texts: The corpus as it was written.
      tokenizer: Of the corpus.
    """
    self._model = model
    self._config = config
    self._beam = beam
    self._ids = passages.ids
    self._texts = texts
    self._tokenizer = tokenizer
    self._strategy = tf.distribute.get_strategy()
    self._read = tf.function(
      tf.autograph.experimental.do_not_convert(self._read_on_replicas)
    )

  def answer(
    self,
    ids: Sequence[str],
    questions: Sequence[str],
    rows: np.ndarray,
    *,
    passage_scores: bool = True,
  ) -> list[predictions.Prediction]:
    """Answers questions.

    Args:
      ids: Of the questions.
      questions: Their texts.
      rows: <int>[questions, k]. What the model's own retriever has found, or
        another one, such as BM25: rows of the corpus, best first, the first
        `reader_beam` of which are read; -1 for none.
      passage_scores: Whether the model's score of a passage is added to those
        of its spans. False for passages that another retriever found: then
        the reader decides alone.

    Returns:
      A prediction for each question. Its span is in bytes of the passage's
      body; its answer is that part of the body, as it was written.
    """
    answered = []
    for first in range(0, len(questions), self._config.batch_size):
      batch = slice(first, first + self._config.batch_size)
      answered += self._answer_batch(
        ids[batch], questions[batch], rows[batch], passage_scores
      )
    return answered

  def _answer_batch(
    self,
    ids: Sequence[str],
    questions: Sequence[str],
    rows: np.ndarray,
    passage_scores: bool,
  ) -> list[predictions.Prediction]:
    size = len(questions)
    padding = self._config.batch_size - size  # one shape for all batches
    token_ids = features_lib.pack_queries(
      self._tokenizer.tokenize(tf.constant([*questions, *[""] * padding])),
      self._config.query_length,
      self._tokenizer,
    )
    found = np.pad(rows, [[0, padding], [0, 0]], constant_values=-1)
    found = tf.constant(found[:, : self._config.reader_beam], tf.int32)
    with tf.device("/cpu:0"):
      features = self._beam.reading(
        token_ids, self._beam.rows(found, found >= 0)
      )
    best = {
      name: value.numpy()[:size]
      for name, value in self._read(
        features, tf.constant(passage_scores)
      ).items()
    }
    offsets = self._offsets(best, rows)
    return [
      self._prediction(
        ids[i],
        questions[i],
        rows[i],
        {name: value[i] for name, value in best.items()},
        next(offsets) if best["found"][i] else None,
      )
      for i in range(size)
    ]

  def _read_on_replicas(
    self, features: qa_examples.Features, passage_scores: tf.Tensor
  ) -> orqa.BestSpans:
    """Runs the model where its variables are; each replica does the same."""

    def read(
      features: qa_examples.Features, passage_scores: tf.Tensor
    ) -> orqa.BestSpans:
      outputs = self._model(features, training=False)
      segments = features["joint_segment_ids"]
      return orqa.best_spans(outputs, segments, passage_scores=passage_scores)

    results = self._strategy.run(read, args=(features, passage_scores))
    return self._strategy.experimental_local_results(results)[0]

  def _offsets(
    self, best: dict[str, np.ndarray], rows: np.ndarray
  ) -> Iterator[tuple[int, int]]:
    """Yields the bytes of each span that was found, in order."""
    chosen = [
      (int(rows[i, best["passage"][i]]), i)
      for i in np.flatnonzero(best["found"])
    ]
    if not chosen:
      return
    bodies = [self._texts.body(row) for row, _ in chosen]
    _, starts, limits = self._tokenizer.tokenize_with_offsets(
      tf.constant(bodies)
    )
    for place, (_, i) in enumerate(chosen):
      first, length = int(best["start"][i]), int(best["length"][i])
      yield (
        int(starts[place, first]),
        int(limits[place, first + length - 1]),
      )

  def _prediction(
    self,
    id: str,
    question: str,
    rows: np.ndarray,
    best: dict[str, np.ndarray],
    span: tuple[int, int] | None,
  ) -> predictions.Prediction:
    retrieved = tuple(self._ids[row].decode() for row in rows if row >= 0)
    if span is None:
      return predictions.Prediction(
        question, "", id=id, retrieved=retrieved, probability=0.0
      )
    row = int(rows[best["passage"]])
    start, limit = span
    return predictions.Prediction(
      question,
      self._texts.body(row)[start:limit].decode(),
      id=id,
      passage_id=self._ids[row].decode(),
      passage_title=self._texts.title(row),
      span=span,
      scores={
        name: float(best[name]) for name in ("retriever", "reader", "total")
      },
      retrieved=retrieved,
      probability=float(best["probability"]),
    )
