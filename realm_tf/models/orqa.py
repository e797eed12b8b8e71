"""ORQA: the retriever and the span reader under one objective."""

from typing import NamedTuple
from typing import TypedDict

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import configured
from realm_tf.models import embedder
from realm_tf.models import objective
from realm_tf.models import span_reader

_MASKED = -1e9  # finite: what is masked has a gradient of zero, not of NaN


class OrqaOutputs(NamedTuple):
  """What one pass gives.

  Attributes:
    retriever_scores: <float32>[B, K]. f(x, z) of the retriever beam; far
      below all others where there is no passage.
    span_scores: <float32>[B, R, L, W]. Of the span that begins at position l
      of passage r and holds w + 1 wordpieces, the passage's score added; far
      below all others where it is no span of the body.
  """

  retriever_scores: tf.Tensor
  span_scores: tf.Tensor


class BestSpans(TypedDict):
  """The best span of each question.

  Attributes:
    found: <bool>[B]. Whether there is any span.
    passage: <int32>[B]. Its place in the reader beam.
    start: <int32>[B]. Its first wordpiece, counted from the body's first.
    length: <int32>[B]. Its wordpieces.
    retriever, reader, total: <float32>[B]. Scores: of the passage, of the span,
      and what the two make together.
    probability: <float32>[B]. p(z, s|x) among all spans that were read.
  """

  found: tf.Tensor
  passage: tf.Tensor
  start: tf.Tensor
  length: tf.Tensor
  retriever: tf.Tensor
  reader: tf.Tensor
  total: tf.Tensor
  probability: tf.Tensor


class MaskedLoss(NamedTuple):
  """A loss that some examples have no part in.

  Attributes:
    loss: <float32>[B]. 0 where nothing is right.
    answered: <bool>[B]. Whether anything is right.
  """

  loss: tf.Tensor
  answered: tf.Tensor


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class OrqaModel(configured.ConfiguredModel):
  """Retriever and reader of open-domain questions (Lee et al., 2019).

  Axes: B questions, K passages of the retriever beam, R of the reader beam
  (the first R of the K), L wordpieces read together, W widths of spans.

  The passages' embeddings come from the index, which stays as it is: of the
  retriever, the query tower alone is trained.

  Attributes:
    retriever: The towers; the passage tower is that of the index.
    reader: Scores spans.
  """

  def __init__(self, config: schema.OrqaConfig, vocab_size: int, sep_id: int):
    """Builds both halves; they share no weights.

    Args:
      config: Gives the shapes.
      vocab_size: Wordpieces of the vocabulary.
      sep_id: The id of [SEP].
    """
    super().__init__(
      config,
      name="orqa",
      dtype=tf.float32,
      vocab_size=vocab_size,
      sep_id=sep_id,
    )
    self._score_scale = config.score_scale
    self._max_span_length = config.max_span_length
    self.retriever = embedder.Retriever(config, vocab_size, sep_id)
    self.retriever.passage_embedder.trainable = False
    self.reader = span_reader.SpanReader(config, vocab_size)
    self.built = True

  def call(
    self, features: dict[str, tf.Tensor], training: bool = False
  ) -> OrqaOutputs:
    """Scores passages and spans.

    Args:
      features: `query_token_ids` <int32>[B, query_length], `beam_embeddings`
        <float32>[B, K, D] and `beam_mask` <bool>[B, K], best first;
        `joint_token_ids` and `joint_segment_ids` <int32>[B, R, L].
      training: Whether dropout is active.
    """
    queries = self.retriever.query_embedder(
      features["query_token_ids"], training=training
    )  # [B, D]
    retriever_scores = objective.retrieval_scores(
      queries, features["beam_embeddings"], self._score_scale
    )  # [B, K]
    retriever_scores = tf.where(
      features["beam_mask"], retriever_scores, _MASKED
    )
    segments = features["joint_segment_ids"]
    batch, beam, length = segments.shape
    span_scores = self.reader(
      tf.reshape(features["joint_token_ids"], [-1, length]),
      tf.reshape(segments, [-1, length]),
      training=training,
    )  # [B * R, L, W]
    span_scores = tf.reshape(
      span_scores,
      [-1 if batch is None else batch, beam, *span_scores.shape[1:]],
    )
    span_scores += retriever_scores[:, :beam, None, None]
    mask = span_reader.span_mask(segments, self._max_span_length)
    return OrqaOutputs(retriever_scores, tf.where(mask, span_scores, _MASKED))


def retriever_loss(
  outputs: OrqaOutputs, answering: tf.Tensor, *, hard: bool
) -> MaskedLoss:
  """Returns the early loss: -log of the sum of p(z|x) over z with an answer.

  Args:
    outputs: Of the model.
    answering: <bool>[B, K]. Whether a passage holds an answer.
    hard: Whether the best such z is taken, not their sum.
  """
  return _loss(outputs.retriever_scores, answering, hard)


def reader_loss(
  outputs: OrqaOutputs, answers: tf.Tensor, *, hard: bool
) -> MaskedLoss:
  """Returns -log of the sum of p(z, s|x) over the spans s that are answers.

  The softmax is over the spans of all passages that are read.

  Args:
    outputs: Of the model.
    answers: <bool>[B, R, L, W]. Whether a span is an answer.
    hard: Whether the best such span is taken, not their sum.
  """
  spans = answers.shape[1] * answers.shape[2] * answers.shape[3]
  return _loss(
    tf.reshape(outputs.span_scores, [-1, spans]),
    tf.reshape(answers, [-1, spans]),
    hard,
  )


def _loss(scores: tf.Tensor, right: tf.Tensor, hard: bool) -> MaskedLoss:
  """Returns -log of the right ones' share of the softmax.

  Args:
    scores: <float>[B, n].
    right: <bool>[B, n].
    hard: Whether the best of the right ones is taken, not their sum.
  """
  answered = tf.reduce_any(right, axis=1)
  masked = tf.where(right, scores, tf.constant(_MASKED, scores.dtype))
  reduce = tf.reduce_max if hard else tf.reduce_logsumexp
  loss = tf.reduce_logsumexp(scores, axis=1) - reduce(masked, axis=1)
  return MaskedLoss(tf.where(answered, loss, tf.zeros_like(loss)), answered)


def best_spans(
  outputs: OrqaOutputs, segment_ids: tf.Tensor, *, passage_scores: tf.Tensor
) -> BestSpans:
  """Returns the best span of each question.

  Args:
    outputs: Of the model.
    segment_ids: <int32>[B, R, L]. 1 for the body and its [SEP].
    passage_scores: <bool>[]. Whether passages' scores count, or those of spans
      alone.
  """
  scores = outputs.span_scores  # [B, R, L, W]
  _, beam, length, widths = scores.shape
  is_span = scores > 0.5 * _MASKED
  passages = outputs.retriever_scores[:, :beam, None, None]
  scores = tf.where(is_span & ~passage_scores, scores - passages, scores)
  flat = tf.reshape(scores, [-1, beam * length * widths])
  best = tf.argmax(flat, axis=1, output_type=tf.int32)  # [B]
  total = tf.reduce_max(flat, axis=1)
  passage, place = best // (length * widths), best % (length * widths)
  position, width = place // widths, place % widths
  # The body begins where segment 1 does.
  first = tf.argmax(segment_ids, axis=2, output_type=tf.int32)  # [B, R]
  retriever = tf.gather(outputs.retriever_scores, passage, batch_dims=1)
  alone = tf.where(passage_scores, total - retriever, total)
  return BestSpans(
    found=tf.reduce_any(is_span, axis=[1, 2, 3]),
    passage=passage,
    start=position - tf.gather(first, passage, batch_dims=1),
    length=width + 1,
    retriever=retriever,
    reader=alone,
    total=total,
    probability=tf.exp(total - tf.reduce_logsumexp(flat, axis=1)),
  )
