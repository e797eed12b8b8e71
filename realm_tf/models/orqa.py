"""ORQA: the retriever and the span reader under one objective."""

from typing import NamedTuple
from typing import Self

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import configured
from realm_tf.models import embedders
from realm_tf.models import objective
from realm_tf.models import prompts as prompts_lib
from realm_tf.models import replicas
from realm_tf.models import shapes
from realm_tf.models import span_reader

# The score of what is no passage or no span: finite, so that masked places have
# a gradient of zero, not of NaN.
MASKED = -1e9


class OrqaOutputs(NamedTuple):
  """The outputs of one forward pass.

  Attributes:
    retriever_scores: <float32>[B, K]. f(x, z) of the retriever beam; far
      below all others where there is no passage. None without a beam.
    span_scores: <float32>[B, R, L, W]. Of the span that begins at position l
      of passage r and holds w + 1 wordpieces, the passage's score added; far
      below all others where it is no span of the body. None if nothing is read.
    live_scores: <float32>[B, C]. f(x, z) of the passages that the step embeds:
      a question's own, or those of all questions of the global batch. None if
      it embeds none.
  """

  retriever_scores: tf.Tensor | None = None
  span_scores: tf.Tensor | None = None
  live_scores: tf.Tensor | None = None


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
  (the first R of the K), P passages that are embedded for a question (the first
  R are those that are read), L wordpieces read together, W widths of spans.

  By default the passages' embeddings come from the index, which is fixed: of
  the retriever, the query tower alone is trained. With `train_passage_tower`,
  passages are embedded by the model, too.

  Attributes:
    max_span_length: W, wordpieces of the longest span.
    retriever: The towers; None if passages come from elsewhere.
    reader: Scores spans; None if there is none.
  """

  def __init__(
    self,
    encoder: schema.EncoderConfig,
    vocab_size: int,
    sep_id: int,
    *,
    retriever: schema.RetrieverConfig | None = None,
    prompts: prompts_lib.PromptIds = prompts_lib.NONE,
    max_span_length: int = 10,
    span_hidden_size: int = 256,
    train_passage_tower: bool = False,
    in_batch_negatives: bool = True,
    with_reader: bool = True,
    with_retriever: bool = True,
  ):
    """Builds both halves; they share no weights.

    Args:
      encoder: The shape of each encoder.
      vocab_size: Wordpieces of the vocabulary.
      sep_id: The id of [SEP].
      retriever: The towers, not tied; by default as in the paper.
      prompts: Wordpieces before each text, of queries and of passages.
      max_span_length: Wordpieces of the longest answer.
      span_hidden_size: Width of the layer that scores spans.
      train_passage_tower: Whether the passage tower is trained.
      in_batch_negatives: Whether `live_scores` are of the passages of all
        questions of the global batch, not of each question's own.
      with_reader: Whether there is a reader.
      with_retriever: Whether there are towers.
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
      prompts=[list(ids) for ids in prompts],
      max_span_length=max_span_length,
      span_hidden_size=span_hidden_size,
      train_passage_tower=train_passage_tower,
      in_batch_negatives=in_batch_negatives,
      with_reader=with_reader,
      with_retriever=with_retriever,
    )
    self._in_batch = in_batch_negatives
    self._score_scale = retriever.score_scale
    self.max_span_length = max_span_length
    self.retriever: embedders.TwoTowers | None = None
    if with_retriever:
      self.retriever = embedders.TwoTowers(
        encoder, retriever, vocab_size, sep_id
      )
      if not train_passage_tower:
        self.retriever.passage_embedder.trainable = False
    self.reader: span_reader.SpanReader | None = None
    if with_reader:
      self.reader = span_reader.SpanReader(
        encoder,
        vocab_size,
        max_span_length=max_span_length,
        span_hidden_size=span_hidden_size,
      )
    self.built = True

  @classmethod
  def of_task(
    cls,
    config: schema.OrqaConfig,
    vocab_size: int,
    sep_id: int,
    prompts: prompts_lib.PromptIds = prompts_lib.NONE,
  ) -> Self:
    """Builds the model of a fine-tuning; see `__init__`."""
    return cls(
      config,
      vocab_size,
      sep_id,
      retriever=config,
      prompts=prompts,
      max_span_length=config.max_span_length,
      span_hidden_size=config.span_hidden_size,
      train_passage_tower=config.train_passage_tower,
      in_batch_negatives=config.in_batch_negatives,
      with_reader=config.train_reader,
      with_retriever=config.has_retriever,
    )

  def call(
    self, features: dict[str, tf.Tensor], training: bool = False
  ) -> OrqaOutputs:
    """Scores passages and spans, as far as the features have their inputs.

    Args:
      features: `query_token_ids` <int32>[B, query_length]; of the retriever
        beam `beam_embeddings` <float32>[B, K, D] and `beam_mask` <bool>[B, K],
        best first; of what is embedded `live_token_ids` <int32>[B, P,
        passage_length] and `live_mask` <bool>[B, P]; of what is read
        `joint_token_ids` and `joint_segment_ids` <int32>[B, R, L].
      training: Whether dropout is active.
    """
    beam_scores = live_scores = read_scores = span_scores = None
    if "beam_embeddings" in features or "live_token_ids" in features:
      queries = self.embed_queries(
        features["query_token_ids"], training=training
      )  # [B, D]
    if "beam_embeddings" in features:
      beam_scores = read_scores = self.score_passages(
        queries, features["beam_embeddings"], features["beam_mask"]
      )
    if "live_token_ids" in features:
      live = self._embed_passages(features["live_token_ids"], training)
      # With the weights of the step, other than those of the beam.
      live_scores = read_scores = self.score_passages(
        queries, live, features["live_mask"]
      )
      if self._in_batch:
        live_scores = self._score_all(queries, live)
    if "joint_token_ids" in features:
      span_scores = self.score_spans(
        features["joint_token_ids"],
        features["joint_segment_ids"],
        read_scores,
        training=training,
      )
    return OrqaOutputs(beam_scores, span_scores, live_scores)

  def embed_queries(
    self, token_ids: tf.Tensor, training: bool = False
  ) -> tf.Tensor:
    """Embeds <int32>[B, query_length] as <float32>[B, D]."""
    return self.towers.query_embedder(token_ids, training=training)

  @property
  def parts(self) -> dict[str, tf.keras.Model]:
    """The parts that there are, by role, as they are saved."""
    parts = {"retriever": self.retriever, "reader": self.reader}
    return {role: part for role, part in parts.items() if part is not None}

  @property
  def towers(self) -> embedders.TwoTowers:
    """The retriever, which must be there."""
    if self.retriever is None:
      raise ValueError("The model was built without a retriever.")
    return self.retriever

  def _embed_passages(self, token_ids: tf.Tensor, training: bool) -> tf.Tensor:
    """Embeds <int32>[B, P, passage_length] as <float32>[B, P, D]."""
    batch, count, length = shapes.sizes(token_ids)
    embeddings = self.towers.passage_embedder(
      tf.reshape(token_ids, [-1, length]), training=training
    )
    return tf.reshape(embeddings, [batch, count, embeddings.shape[-1]])

  def _score_all(self, queries: tf.Tensor, live: tf.Tensor) -> tf.Tensor:
    """Scores the passages of all questions of the global batch.

    Args:
      queries: <float32>[B, D].
      live: <float32>[B, P, D].

    Returns:
      <float32>[B, replicas * B * P].
    """
    flat = tf.reshape(live, [-1, live.shape[-1]])
    passages, _ = replicas.gather(flat)
    return self._score_scale * tf.matmul(queries, passages, transpose_b=True)

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
    return tf.where(beam_mask, scores, MASKED)

  def score_spans(
    self,
    token_ids: tf.Tensor,
    segment_ids: tf.Tensor,
    retriever_scores: tf.Tensor | None,
    training: bool = False,
  ) -> tf.Tensor:
    """Reads passages and scores their spans; see `OrqaOutputs`.

    Args:
      token_ids: <int32>[B, R, L].
      segment_ids: <int32>[B, R, L]. 1 for the body and its [SEP].
      retriever_scores: <float32>[B, K]. The first R are added; None for none.
      training: Whether dropout is active.

    Returns:
      <float32>[B, R, L, W].
    """
    if self.reader is None:
      raise ValueError("The model was built without a reader.")
    batch, beam, length = shapes.sizes(segment_ids)
    scores = self.reader(
      tf.reshape(token_ids, [-1, length]),
      tf.reshape(segment_ids, [-1, length]),
      training=training,
    )  # [B * R, L, W]
    scores = tf.reshape(scores, [batch, beam, length, self.max_span_length])
    if retriever_scores is not None:
      scores += retriever_scores[:, :beam, None, None]
    mask = span_reader.span_mask(segment_ids, self.max_span_length)
    return tf.where(mask, scores, MASKED)


def retriever_loss(
  outputs: OrqaOutputs, answering: tf.Tensor, *, hard: bool
) -> MaskedLoss:
  """Returns the early loss: -log of the sum of p(z|x) over z with an answer.

  Args:
    outputs: Of the model.
    answering: <bool>[B, K]. Whether a passage holds an answer.
    hard: Whether the best such z is taken, not their sum.
  """
  return _loss(_given(outputs.retriever_scores), answering, hard)


def live_loss(
  outputs: OrqaOutputs,
  positives: tf.Tensor,
  candidates: tf.Tensor,
  *,
  hard: bool,
) -> MaskedLoss:
  """Returns the loss over the passages that the step has embedded.

  -log of the sum of p(z|x) over a question's own z with an answer, where
  p(z|x) is the softmax of f(x, z) over the candidates (Karpukhin et al., 2020,
  who have one such z).

  Args:
    outputs: Of the model.
    positives: <bool>[B, C]. Candidates of the question's own that hold an
      answer.
    candidates: <bool>[B, C]. What counts; nothing of other questions that
      holds an answer to this one.
    hard: Whether the best such z is taken, not their sum.
  """
  scores = _given(outputs.live_scores)
  masked = tf.where(candidates, scores, tf.constant(MASKED, scores.dtype))
  return _loss(masked, positives, hard)


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
    tf.reshape(_given(outputs.span_scores), [batch, -1]),
    tf.reshape(answers, [batch, -1]),
    hard,
  )


def _given(scores: tf.Tensor | None) -> tf.Tensor:
  """Returns scores that the model's features must have led to."""
  if scores is None:
    raise ValueError("The features lack the inputs of these scores.")
  return scores


def _loss(scores: tf.Tensor, right: tf.Tensor, hard: bool) -> MaskedLoss:
  """Returns -log of the softmax mass of the right entries.

  Args:
    scores: <float>[B, n].
    right: <bool>[B, n].
    hard: Whether the best of the right ones is taken, not their sum.
  """
  answered = tf.reduce_any(right, axis=1)
  masked = tf.where(right, scores, tf.constant(MASKED, scores.dtype))
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
  scores = _given(outputs.span_scores)  # [B, R, L, W]
  batch, beam, length, widths = shapes.sizes(scores)
  retriever_scores = _given(outputs.retriever_scores)
  passages = retriever_scores[:, :beam, None, None]
  is_span = scores > 0.5 * MASKED
  scores = tf.where(is_span & ~passage_scores, scores - passages, scores)
  flat = tf.reshape(scores, [batch, -1])
  # A place too many of no span, so that there are `count` always.
  padded = tf.pad(flat, [[0, 0], [0, count]], constant_values=MASKED)
  total, best = tf.nn.top_k(padded, count)  # [B, S]
  valid = total > 0.5 * MASKED
  best = tf.where(valid, best, 0)
  passage, place = best // (length * widths), best % (length * widths)
  position, width = place // widths, place % widths
  # The body begins where segment 1 does.
  first = tf.argmax(segment_ids, axis=2, output_type=tf.int32)  # [B, R]
  retriever = tf.gather(retriever_scores, passage, batch_dims=1)
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
