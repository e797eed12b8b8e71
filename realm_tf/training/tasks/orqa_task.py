"""`finetune`: ORQA's task, over a fixed index."""

from collections.abc import Callable
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import devices
from realm_tf.configs import schema
from realm_tf.data.examples import candidates
from realm_tf.data.examples import packing
from realm_tf.data.questions import qa_examples
from realm_tf.data.questions import token_answers
from realm_tf.models import orqa
from realm_tf.models import prompts
from realm_tf.text import wordpiece
from realm_tf.training import base_task
from realm_tf.training.tasks import orqa_sums
from realm_tf.training.tasks import pipelines


class OrqaTask(base_task.Task):
  """Trains the query side of the retriever, and a span reader, on questions.

  With `train_reader` false, the query side alone.

  A step is made of three parts. The questions are embedded with the weights of
  the step; on the host, the index is searched, the passages retrieved are read
  from memory, and the answers are looked up; then the model is trained. It
  is a function of weights and step alone: a resumed run is an undisturbed one.

  Attributes:
    model: Retriever and reader.
  """

  name = "finetune"

  def __init__(
    self,
    config: schema.OrqaConfig,
    tokenizer: wordpiece.Tokenizer,
    passages: packing.PackedPassages,
    train_questions: Sequence[str],
    dev_questions: Sequence[str],
    answers: token_answers.Answers,
  ):
    """Builds the model and the examples; call it in the strategy's scope.

    Args:
      config: The settings.
      tokenizer: Of the corpus.
      passages: The corpus.
      train_questions: Training questions.
      dev_questions: Held-out questions.
      answers: Of the former, then of the latter, by their joint number.
    """
    self._config = config
    self._passages = passages
    self._answers = answers
    self._strategy = tf.distribute.get_strategy()
    self._host = devices.host(self._strategy)
    self._train = qa_examples.QuestionBatches(
      train_questions, config, tokenizer, shuffle=True
    )
    self._dev = qa_examples.QuestionBatches(
      dev_questions,
      config,
      tokenizer,
      shuffle=False,
      first_number=len(train_questions),
    )
    self.model = orqa.OrqaModel.of_task(
      config,
      tokenizer.vocab_size,
      tokenizer.sep_id,
      prompts.of(config, tokenizer),
    )
    self.parts = self.model.parts
    self._join: Callable | None = None
    self._embed = query_embed_function(self.model)

  def set_index(
    self, search: candidates.QuestionSearch, beam: qa_examples.BeamFeatures
  ) -> None:
    """Sets the index that retrieval searches from now on.

    Args:
      search: Finds passages, in the index.
      beam: Joins questions to passages of the same index.
    """
    width = min(self._config.retriever_beam, self._passages.null_row)

    @tf.function
    @tf.autograph.experimental.do_not_convert
    def join(
      questions: tf.Tensor, query_token_ids: tf.Tensor, embeddings: tf.Tensor
    ) -> qa_examples.Features:
      with tf.device("/cpu:0"):
        _, found, valid = search(query_token_ids, embeddings, width)
        rows = beam.rows(found, valid)
        if self._config.train_reader:
          rows = self._to_read(beam, questions, rows)
          features = beam.reading(query_token_ids, rows)
          return features | beam.labels(self._answers, questions, features)
        return {
          "query_token_ids": query_token_ids,
          **beam.scoring(rows),
          "answering_passages": self._answers.held(questions, rows),
        }

    self._join = join

  def _to_read(
    self, beam: qa_examples.BeamFeatures, questions: tf.Tensor, rows: tf.Tensor
  ) -> tf.Tensor:
    """Returns rows in the order in which the first ones are read.

    Args:
      beam: Knows how many are.
      questions: <int64>[batch]. Dev questions are read as they are answered.
      rows: <int32>[batch, K], best first.
    """
    if not self._config.read_answering:
      return rows
    is_trained = questions[:, None] < self._train.num_questions
    answering = self._answers.held(questions, rows) & is_trained
    return beam.with_answering(rows, answering)

  def prepare(self, features: base_task.Features) -> base_task.Features:
    """Retrieves with the weights of the step; see base class."""
    if self._join is None:
      raise RuntimeError("`use` must name an index first.")
    local = self._strategy.experimental_local_results
    embeddings = self._embed(features["query_token_ids"])
    joined = [
      self._join(part["questions"], part["query_token_ids"], embedding)
      | {"weights": part["weights"]}
      for part, embedding in zip(
        local(features), local(embeddings), strict=True
      )
    ]
    return devices.spread(self._strategy, joined)

  def sums(
    self, features: base_task.Features, *, training: bool
  ) -> base_task.Sums:
    """See base class."""
    return orqa_sums.sums(self.model, self._config, features, training=training)

  def train_pipeline(self, first_step: int) -> tf.data.Dataset:
    """See base class."""
    return pipelines.by_step(
      self._train, first_step, self._config.train_steps, self._host
    )

  def eval_pipeline(self) -> tf.data.Dataset:
    """See base class."""
    last = min(self._config.eval_batches, self._dev.num_batches)
    return pipelines.by_step(self._dev, 0, last, self._host)


def query_embed_function(model: orqa.OrqaModel) -> Callable:
  """Returns a function that embeds queries with the current weights.

  Args:
    model: The model, built in the strategy's scope that is entered now.

  Returns:
    From <int32>[batch, query_length], or what the replicas have of it, to
    <float32>[batch, D], spread in the same way.
  """
  strategy = tf.distribute.get_strategy()

  def embed(token_ids: tf.Tensor) -> tf.Tensor:
    return model.embed_queries(token_ids)

  @tf.function
  @tf.autograph.experimental.do_not_convert
  def embed_on_replicas(token_ids: tf.Tensor) -> tf.Tensor:
    return strategy.run(embed, args=(token_ids,))

  return embed_on_replicas
