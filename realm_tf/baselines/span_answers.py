"""Answers that are spans of passages, as predictions."""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from realm_tf.answering import prediction_records
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import passage_texts
from realm_tf.data.questions import qa_datasets


class Span(NamedTuple):
  """A span of a passage's body.

  Attributes:
    row: Of the corpus.
    start: First wordpiece of the body.
    limit: The wordpiece after the last.
  """

  row: int
  start: int
  limit: int


class SpanAnswers:
  """Words spans as they stand in the corpus."""

  def __init__(self, corpus: corpora.Corpus, table: passage_table.PassageTable):
    """Takes the corpus.

    Args:
      corpus: The knowledge corpus.
      table: Its passages.
    """
    self._tokenizer = corpus.tokenizer
    self._table = table
    self._texts = passage_texts.PassageTexts(corpus)

  def prediction(
    self,
    example: qa_datasets.Example,
    retrieved: Iterable[int],
    span: Span | None,
    scores: Mapping[str, float],
  ) -> prediction_records.Prediction:
    """Returns the prediction for a question.

    Args:
      example: The question.
      retrieved: Rows of the passages that were read, best first; those below 0
        or beyond the corpus are none.
      span: The answer; None for none.
      scores: Of the answer, by name.
    """
    ids, count = self._table.ids, len(self._table)
    prediction = prediction_records.Prediction(
      example.question,
      "",
      id=example.id,
      retrieved=tuple(ids[r].decode() for r in retrieved if 0 <= r < count),
    )
    if span is None:
      return prediction
    body = self._texts.body(span.row)
    _, starts, limits = self._tokenizer.tokenize_with_offsets(
      tf.constant([body])
    )
    place = int(starts[0, span.start]), int(limits[0, span.limit - 1])
    return dataclasses.replace(
      prediction,
      answer=body[slice(*place)].decode(),
      passage_id=ids[span.row].decode(),
      passage_title=self._texts.title(span.row),
      passage_text=body.decode(),
      span=place,
      scores=dict(scores),
    )
