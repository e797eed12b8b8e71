"""Goes from raw questions to answers with evidence, in one TensorFlow graph.

Tokenizing, embedding, search, gathering, reading and cutting the answer out of
its passage are all in the graph. `finetune`, `evaluate`, `ask` and the exported
SavedModel answer by this one implementation.
"""

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import tensorflow as tf

from realm_tf.answering import passage_memory
from realm_tf.answering import same_answers
from realm_tf.answering.retrievers import retriever
from realm_tf.configs import schema
from realm_tf.data.examples import packing
from realm_tf.data.questions import qa_examples
from realm_tf.models import orqa
from realm_tf.text import wordpiece

# Spans a question that are compared with each other, the likeliest.
_SPANS = 100
# What is read is padded to a multiple of so many positions.
LENGTH_STEP = 8


class _Questions(NamedTuple):
  """Questions as the model takes them.

  Attributes:
    token_ids: <int32>[B, query_length]. `[CLS] question [SEP]`, padded.
    embeddings: <float32>[B, D]. By the query tower; None without one.
  """

  token_ids: tf.Tensor
  embeddings: tf.Tensor | None


class Answers(NamedTuple):
  """The n best different answers of each question, best first.

  Places left over are not valid: answer "", probability 0, row -1.

  Attributes:
    valid: <bool>[B, n]. Whether there is such an answer.
    answer: <string>[B, n]. Cut out of the passage's body, as written.
    probability: <float32>[B, n]. Of all spans read that say the same; of the
      likeliest alone without `add_up_answers`.
    row: <int32>[B, n]. The passage of the likeliest of these spans.
    byte_start: <int32>[B, n]. Where that span begins in the body.
    byte_limit: <int32>[B, n]. Where it ends; the answer is body[start:limit].
    retriever_score: <float32>[B, n]. Of the passage, f(x, z) times its scale.
    reader_score: <float32>[B, n]. Of the span alone.
  """

  valid: tf.Tensor
  answer: tf.Tensor
  probability: tf.Tensor
  row: tf.Tensor
  byte_start: tf.Tensor
  byte_limit: tf.Tensor
  retriever_score: tf.Tensor
  reader_score: tf.Tensor

  def outputs(self, threshold: tf.Tensor | float) -> dict[str, tf.Tensor]:
    """Returns the outputs by their names in docs/serving.md.

    Args:
      threshold: <float32>[B] or one number. Probability below which the model
        abstains.
    """
    return {
      "answer": self.answer,
      "probability": self.probability,
      "answer_byte_start": self.byte_start,
      "answer_byte_limit": self.byte_limit,
      "retriever_score": self.retriever_score,
      "reader_score": self.reader_score,
      "abstain": self.probability[:, 0] < threshold,
    }


class AnswerGraph(tf.Module):
  """Answers questions with one model over one corpus and index.

  Example:
    rows, best = graph.answer(tf.constant(["who wrote hamlet"]), k=5, count=3)
    best.answer

  Attributes:
    beam: Joins questions to retrieved passages.
  """

  def __init__(
    self,
    model: orqa.OrqaModel,
    config: schema.OrqaConfig,
    memory: passage_memory.PassageMemory,
    tokenizer: wordpiece.Tokenizer,
    search: Callable[[tf.Tensor, tf.Tensor, int], retriever.Found] | None,
    *,
    passage_scores: bool = True,
    run: Callable[..., Any] | None = None,
    static_shapes: bool = False,
  ):
    """Takes the parts; builds nothing yet.

    Args:
      model: Retriever and reader, built; its weights may go on changing.
      config: Its settings.
      memory: The corpus and the embeddings of its index.
      tokenizer: Of the corpus.
      search: Finds passages for `answer`, or None if that is not asked; see
        `retriever.Retriever.search`.
      passage_scores: Whether `answer` adds the model's score of a passage to
        those of its spans; see `read`.
      run: Calls a function of tensors where the model's variables are; by
        default right here.
      static_shapes: Whether inputs are always padded to `reader_length`,
        as TPUs need it, not to the longest of the batch.
    """
    super().__init__(name="answer_graph")
    self._model = model
    self._config = config
    self._memory = memory
    self.beam = qa_examples.BeamFeatures(
      config, memory.packed, memory.embeddings
    )
    self._tokenizer = tokenizer
    self._search = search
    self._passage_scores = passage_scores
    self._run = run or (lambda function, *args: function(*args))
    self._static_shapes = static_shapes

  def tokenize(self, questions: tf.Tensor) -> tf.Tensor:
    """Returns `[CLS] question [SEP]`, <int32>[B, query_length], padded."""
    with tf.device("/cpu:0"):
      return packing.pack_queries(
        self._tokenizer.tokenize(questions),
        self._config.query_length,
        self._tokenizer,
      )

  def embed(self, token_ids: tf.Tensor) -> tf.Tensor:
    """Returns the embeddings of questions.

    Args:
      token_ids: <int32>[B, query_length]. From `tokenize`.

    Returns:
      <float32>[B, D].
    """
    return self._run(self._model.embed_queries, token_ids)

  def answer(
    self, questions: tf.Tensor, k: int, count: int
  ) -> tuple[tf.Tensor, Answers]:
    """Retrieves passages, and reads the best.

    Args:
      questions: <string>[B].
      k: Passages a question.
      count: n, answers a question.

    Returns:
      The retrieved rows, <int32>[B, k], best first, -1 where there are fewer;
      and the best answers of the first `reader_beam`.
    """
    if self._search is None:
      raise ValueError("The model has no retriever: retrieve apart, and read.")
    encoded = self._encode(questions)
    with tf.device("/cpu:0"):
      _, rows, valid = self._search(questions, encoded.embeddings, k)
      rows = tf.where(valid, rows, -1)
    return rows, self._read(encoded, rows, count, self._passage_scores)

  def read(
    self,
    questions: tf.Tensor,
    rows: tf.Tensor,
    count: int,
    *,
    passage_scores: tf.Tensor | bool = True,
  ) -> Answers:
    """Reads retrieved passages and returns the best answers.

    Args:
      questions: <string>[B].
      rows: <int32>[B, K]. Best first, the first `reader_beam` of which are
        read; -1 for none.
      count: n, answers a question.
      passage_scores: <bool>[]. Whether the model's score of a passage is added
        to those of its spans. False for passages of another retriever,
        which the reader judges alone.
    """
    return self._read(self._encode(questions), rows, count, passage_scores)

  def _encode(self, questions: tf.Tensor) -> _Questions:
    """Tokenizes and embeds questions <string>[B]."""
    token_ids = self.tokenize(questions)
    has_retriever = self._model.retriever is not None
    return _Questions(
      token_ids, self.embed(token_ids) if has_retriever else None
    )

  def _read(
    self,
    questions: _Questions,
    rows: tf.Tensor,
    count: int,
    passage_scores: tf.Tensor | bool,
  ) -> Answers:
    """See `read`."""
    rows = rows[:, : self._config.reader_beam]
    with tf.device("/cpu:0"):
      found = self._features(questions.token_ids, rows)
    if questions.embeddings is not None:
      found["query_embeddings"] = questions.embeddings
    spans = self._run(
      self._best_spans, found, tf.convert_to_tensor(passage_scores)
    )
    with tf.device("/cpu:0"):
      return self._cut_out(spans, rows, count)

  def _features(
    self, token_ids: tf.Tensor, rows: tf.Tensor
  ) -> qa_examples.Features:
    """Returns the model's features, as in fine-tuning, without padding.

    Args:
      token_ids: <int32>[B, query_length].
      rows: <int32>[B, R]. Passages to read; -1 for none.
    """
    rows = self.beam.rows(rows, rows >= 0)
    found = self.beam.joint(token_ids, rows)
    if self._model.retriever is not None:
      found |= self.beam.scoring(rows)
    if not self._static_shapes:
      found["joint_token_ids"], found["joint_segment_ids"] = (
        packing.trim_padding(
          found["joint_token_ids"], found["joint_segment_ids"], LENGTH_STEP
        )
      )
    return found

  def _best_spans(
    self, found: qa_examples.Features, passage_scores: tf.Tensor
  ) -> orqa.Spans:
    """Runs the reader, on the accelerator.

    Args:
      found: What is read; with a retriever also its inputs, and
        `query_embeddings` <float32>[B, D].
      passage_scores: <bool>[]. See `read`.
    """
    segments = found["joint_segment_ids"]
    scores = None
    if "query_embeddings" in found:
      scores = self._model.score_passages(
        found["query_embeddings"], found["beam_embeddings"], found["beam_mask"]
      )
    spans = self._model.score_spans(found["joint_token_ids"], segments, scores)
    if scores is None:
      scores = tf.zeros(tf.shape(segments)[:2])
    return orqa.best_spans(
      orqa.OrqaOutputs(scores, spans),
      segments,
      _SPANS,
      passage_scores=passage_scores,
    )

  def _cut_out(self, spans: orqa.Spans, rows: tf.Tensor, count: int) -> Answers:
    """Turns spans of wordpieces into parts of the passages' texts.

    Args:
      spans: The best.
      rows: <int32>[B, R]. Passages that were read; -1 for none.
      count: n, answers a question.
    """
    bodies = self._memory.read_texts(rows).bodies  # [B, R]
    _, starts, limits = self._tokenizer.tokenize_with_offsets(
      tf.reshape(bodies, [-1])
    )
    read, beam = tf.unstack(tf.shape(rows))
    body = spans.passage + tf.range(read)[:, None] * beam  # [B, S]
    last = spans.start + spans.length - 1
    first = tf.where(spans.valid, _offsets(starts, body, spans.start), 0)
    limit = tf.where(spans.valid, _offsets(limits, body, last), 0)
    passages = tf.gather(bodies, spans.passage, batch_dims=1)  # [B, S]
    texts = tf.strings.substr(passages, first, limit - first)
    place, probability, valid = same_answers.merge(
      texts,
      spans.probability,
      spans.valid,
      count,
      add_up=self._config.add_up_answers,
    )

    def chosen(values: tf.Tensor, none: Any) -> tf.Tensor:
      values = tf.gather(values, place, batch_dims=1)
      return tf.where(valid, values, tf.constant(none, values.dtype))

    return Answers(
      valid=valid,
      answer=chosen(texts, ""),
      probability=probability,
      row=chosen(tf.gather(rows, spans.passage, batch_dims=1), -1),
      byte_start=chosen(first, 0),
      byte_limit=chosen(limit, 0),
      retriever_score=chosen(spans.retriever_score, 0.0),
      reader_score=chosen(spans.reader_score, 0.0),
    )


def _offsets(
  offsets: tf.RaggedTensor, text: tf.Tensor, place: tf.Tensor
) -> tf.Tensor:
  """Returns the offsets of single wordpieces; 0 where there is none.

  Args:
    offsets: <int64>[texts, (wordpieces)].
    text: <int32>[B, S]. Which text.
    place: <int32>[B, S]. Which of its wordpieces.

  Returns:
    <int32>[B, S].
  """
  row_starts = tf.cast(offsets.row_starts(), tf.int32)
  flat = tf.concat([tf.cast(offsets.flat_values, tf.int32), [0]], axis=0)
  last = tf.shape(flat)[0] - 1
  return tf.gather(
    flat, tf.clip_by_value(tf.gather(row_starts, text) + place, 0, last)
  )
