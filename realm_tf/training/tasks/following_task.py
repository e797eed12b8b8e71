"""`finetune` with a trained passage tower: ORQA's task, whose index follows."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.data.examples import candidates
from realm_tf.data.examples import packing
from realm_tf.data.questions import live_passages
from realm_tf.data.questions import qa_examples
from realm_tf.data.questions import token_answers
from realm_tf.text import wordpiece
from realm_tf.training import base_task
from realm_tf.training.tasks import orqa_task
from realm_tf.training.tasks import pipelines

# BM25's passages of a question that negatives are drawn from.
_BM25_DEPTH = 50


class SearchedIndex(NamedTuple):
  """One index version, as the pipelines use it.

  Attributes:
    version: The step of its embedder.
    embed: The query embedder of that step.
    search: Finds passages, in it.
    beam: Joins questions to passages of it.
  """

  version: int
  embed: candidates.EmbedFunction
  search: candidates.QuestionSearch
  beam: qa_examples.BeamFeatures


class FollowingTask(orqa_task.OrqaTask):
  """Trains both towers of the retriever, and a span reader if wanted.

  Passages are retrieved by the towers that made the index, in the pipeline:
  what is retrieved is a function of index version and step alone. Some of them
  are embedded by the step, with gradients; see `live_passages.LiveChoice`.

  Attributes:
    retriever: The towers, which are exported for the index.
  """

  def __init__(
    self,
    config: schema.OrqaConfig,
    tokenizer: wordpiece.Tokenizer,
    passages: packing.PackedPassages,
    train_questions: Sequence[str],
    dev_questions: Sequence[str],
    answers: token_answers.Answers,
    bm25: candidates.TokenSearch | None = None,
  ):
    """Builds the model and the examples; call it in the strategy's scope.

    Args:
      config: The settings.
      tokenizer: Of the corpus.
      passages: The corpus.
      train_questions: Training questions.
      dev_questions: Held-out questions.
      answers: Of the former, then of the latter, by their joint number.
      bm25: Searches the corpus by words; needed if `bm25_negatives` is not 0.
    """
    super().__init__(
      config, tokenizer, passages, train_questions, dev_questions, answers
    )
    self.retriever = self.model.towers
    self._bm25 = bm25 if config.bm25_negatives else None
    self._choose = live_passages.LiveChoice(config, answers, passages.null_row)
    self._index: SearchedIndex | None = None

  def set_index(self, index: SearchedIndex) -> None:  # type: ignore[override]
    """Sets the index that pipelines retrieve from, from now on."""
    self._index = index

  def prepare(self, features: base_task.Features) -> base_task.Features:
    """The pipelines have prepared all; see base class."""
    return features

  def train_pipeline(self, first_step: int) -> tf.data.Dataset:
    """See base class."""
    return self.train_pipeline_with(self._in_use(), first_step)

  def train_pipeline_with(
    self, index: SearchedIndex, first_step: int
  ) -> tf.data.Dataset:
    """Returns the training batches from a step on, with a given index."""
    return pipelines.by_step(
      self._examples(self._train, index),
      first_step,
      self._config.train_steps,
      self._host,
    )

  def eval_pipeline(self) -> tf.data.Dataset:
    """See base class."""
    last = min(self._config.eval_batches, self._dev.num_batches)
    return pipelines.by_step(
      self._examples(self._dev, self._in_use()), 0, last, self._host
    )

  def _examples(
    self, questions: qa_examples.QuestionBatches, index: SearchedIndex
  ) -> Callable[[tf.Tensor], qa_examples.Features]:
    """Returns a function from a step to its features; pure TensorFlow."""
    width = min(self._config.retriever_beam, self._passages.null_row)

    def features_of(step: tf.Tensor) -> qa_examples.Features:
      features = questions(step)
      numbers, query_token_ids = (
        features["questions"],
        features["query_token_ids"],
      )
      embeddings = index.embed(candidates.without_padding(query_token_ids))
      _, found, valid = index.search(query_token_ids, embeddings, width)
      rows = index.beam.rows(found, valid)  # [batch, K]
      if self._config.train_reader:
        rows = self._to_read(index.beam, numbers, rows)
      bm25_rows = None
      if self._bm25 is not None:
        depth = min(_BM25_DEPTH, self._passages.null_row)
        _, found, valid = self._bm25(query_token_ids, depth)
        bm25_rows = index.beam.rows(found, valid)
      live = self._choose(numbers, rows, bm25_rows, step)
      features |= {
        "live_token_ids": self._passages.passages(live.rows),
        "live_mask": live.mask,
        "live_positives": live.positives,
        "live_candidates": live.candidates,
      }
      if self._config.beam_loss:
        features |= index.beam.scoring(rows)
        features["answering_passages"] = self._answers.held(numbers, rows)
      if self._config.train_reader:
        features |= index.beam.joint(query_token_ids, rows)
        features["answer_spans"] = index.beam.spans(
          self._answers, numbers, rows, features
        )
      return features

    return features_of

  def _in_use(self) -> SearchedIndex:
    if self._index is None:
      raise RuntimeError("`set_index` must name an index version first.")
    return self._index
