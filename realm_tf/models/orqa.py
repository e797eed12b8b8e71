"""ORQA: the retriever and the span reader under one objective."""

from typing import NamedTuple
from typing import Self

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import configured
from realm_tf.models import embedders
from realm_tf.models import objective
from realm_tf.models import shapes
from realm_tf.models import span_reader

_MASKED = -1e9  # finite: masked places have a gradient of zero, not of NaN


class OrqaOutputs(NamedTuple):
  """The outputs of one forward pass.

  Attributes:
    retriever_scores: <float32>[B, K]. f(x, z) of the retriever beam; far
      below all others where there is no passage.
    span_scores: <float32>[B, R, L, W]. Of the span that begins at position l
      of passage r and holds w + 1 wordpieces, the passage's score added; far
      below all others where it is no span of the body.
  """

  retriever_scores: tf.Tensor
  span_scores: tf.Tensor


class Spans(NamedTuple):
  """The best spans of each question, best first; S of them.

  Attributes:
    valid: <bool>[B, S]. Whether there is such a span.
    passage: <int32>[B, S]. Its place in the reader beam.
    start: <int32>[B, S]. Its first wordpiece, counted from the body's first.
    length: <int32>[B, S]. Its wordpieces.
    retriever_score: <float32>[B, S]. Of its passage.
    reader_score: <float32>[B, S]. Of the span alone.
    probability: <float32>[B, S]. p(z, s|x) among all spans that were read.
  """

  valid: tf.Tensor
  passage: tf.Tensor
  start: tf.Tensor
  length: tf.Tensor
  retriever_score: tf.Tensor
  reader_score: tf.Tensor
  probability: tf.Tensor


class MaskedLoss(NamedTuple):
  """A loss that leaves some examples out.

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

  The passages' embeddings come from the index, which is fixed: of the
  retriever, the query tower alone is trained.

  Attributes:
    max_span_length: W, wordpieces of the longest span.
    retriever: The towers; the passage tower is that of the index.
    reader: Scores spans.
  """

  def __init__(
    self,
    encoder: schema.EncoderConfig,
    vocab_size: int,
    sep_id: int,
    *,
    retriever: schema.RetrieverConfig | None = None,
    max_span_length: int = 10,
    span_hidden_size: int = 256,
  ):
    """Builds both halves; they share no weights.

    Args:
      encoder: The shape of each encoder.
      vocab_size: Wordpieces of the vocabulary.
      sep_id: The id of [SEP].
      retriever: The towers, not tied; by default as in the paper.
      max_span_length: Wordpieces of the longest answer.
      span_hidden_size: Width of the layer that scores spans.
    """
    retriever = schema.RetrieverConfig.of(
      retriever or schema.RetrieverConfig(tied_embedders=False)
    )
    encoder = schema.EncoderConfig.of(encoder)
    super().__init__(
      name="orqa",
      dtype=tf.float32,
      encoder=encoder,
      vocab_size=vocab_size,
      sep_id=sep_id,
      retriever=retriever,
      max_span_length=max_span_length,
      span_hidden_size=span_hidden_size,
    )
    self._score_scale = retriever.score_scale
    self.max_span_length = max_span_length
    self.retriever = embedders.TwoTowers(encoder, retriever, vocab_size, sep_id)
    self.retriever.passage_embedder.trainable = False
    self.reader = span_reader.SpanReader(
      encoder,
      vocab_size,
      max_span_length=max_span_length,
      span_hidden_size=span_hidden_size,
    )
    self.built = True

  @classmethod
  def of_task(
    cls, config: schema.OrqaConfig, vocab_size: int, sep_id: int
  ) -> Self:
    """Builds the model of a fine-tuning; see `__init__`."""
    return cls(
      config,
      vocab_size,
      sep_id,
      retriever=config,
      max_span_length=config.max_span_length,
      span_hidden_size=config.span_hidden_size,
    )

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
    retriever_scores = self.score_passages(
      queries, features["beam_embeddings"], features["beam_mask"]
    )
    span_scores = self.score_spans(
      features["joint_token_ids"],
      features["joint_segment_ids"],
      retriever_scores,
      training=training,
    )
    return OrqaOutputs(retriever_scores, span_scores)

  def score_passages(
    self,
    query_embeddings: tf.Tensor,
    beam_embeddings: tf.Tensor,
    beam_mask: tf.Tensor,
  ) -> tf.Tensor:
    """Returns f(x, z) of the retriever beam; see `OrqaOutputs`.

    Args:
      query_embeddings: <float32>[B, D].
      beam_embeddings: <float32>[B, K, D]. Of the index.
      beam_mask: <bool>[B, K]. False where there is no passage.

    Returns:
      <float32>[B, K].
    """
    scores = objective.retrieval_scores(
      query_embeddings, beam_embeddings, self._score_scale
    )
    return tf.where(beam_mask, scores, _MASKED)

  def score_spans(
    self,
    token_ids: tf.Tensor,
    segment_ids: tf.Tensor,
    retriever_scores: tf.Tensor,
    training: bool = False,
  ) -> tf.Tensor:
    """Reads passages and scores their spans; see `OrqaOutputs`.

    Args:
      token_ids: <int32>[B, R, L].
      segment_ids: <int32>[B, R, L]. 1 for the body and its [SEP].
      retriever_scores: <float32>[B, K]. The first R are added.
      training: Whether dropout is active.

    Returns:
      <float32>[B, R, L, W].
    """
    batch, beam, length = shapes.sizes(segment_ids)
    scores = self.reader(
      tf.reshape(token_ids, [-1, length]),
      tf.reshape(segment_ids, [-1, length]),
      training=training,
    )  # [B * R, L, W]
    scores = tf.reshape(scores, [batch, beam, length, self.max_span_length])
    scores += retriever_scores[:, :beam, None, None]
    mask = span_reader.span_mask(segment_ids, self.max_span_length)
    return tf.where(mask, scores, _MASKED)


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
  batch = shapes.sizes(answers)[0]
  return _loss(
    tf.reshape(outputs.span_scores, [batch, -1]),
    tf.reshape(answers, [batch, -1]),
    hard,
  )


def _loss(scores: tf.Tensor, right: tf.Tensor, hard: bool) -> MaskedLoss:
  """Returns -log of the softmax mass of the right entries.

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
  outputs: OrqaOutputs,
  segment_ids: tf.Tensor,
  count: int,
  *,
  passage_scores: tf.Tensor,
) -> Spans:
  """Returns the best spans of each question, of all its passages together.

  Args:
    outputs: Of the model.
    segment_ids: <int32>[B, R, L]. 1 for the body and its [SEP].
    count: S, spans a question. Where fewer were read, the last are not valid.
    passage_scores: <bool>[]. Whether passages' scores count, or those of spans
      alone.
  """
  scores = outputs.span_scores  # [B, R, L, W]
  batch, beam, length, widths = shapes.sizes(scores)
  passages = outputs.retriever_scores[:, :beam, None, None]
  is_span = scores > 0.5 * _MASKED
  scores = tf.where(is_span & ~passage_scores, scores - passages, scores)
  flat = tf.reshape(scores, [batch, -1])
  # A place too many of no span, so that there are `count` always.
  padded = tf.pad(flat, [[0, 0], [0, count]], constant_values=_MASKED)
  total, best = tf.nn.top_k(padded, count)  # [B, S]
  valid = total > 0.5 * _MASKED
  best = tf.where(valid, best, 0)
  passage, place = best // (length * widths), best % (length * widths)
  position, width = place // widths, place % widths
  # The body begins where segment 1 does.
  first = tf.argmax(segment_ids, axis=2, output_type=tf.int32)  # [B, R]
  retriever = tf.gather(outputs.retriever_scores, passage, batch_dims=1)
  log_total = tf.reduce_logsumexp(flat, axis=1, keepdims=True)
  return Spans(
    valid=valid,
    passage=passage,
    start=position - tf.gather(first, passage, batch_dims=1),
    length=width + 1,
    retriever_score=retriever,
    reader_score=tf.where(passage_scores, total - retriever, total),
    probability=tf.where(valid, tf.exp(total - log_total), 0.0),
  )
