"""`pretrain`: REALM's task, given one index version at a time."""

import abc
import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from realm_tf import devices
from realm_tf.answering.retrievers import dense
from realm_tf.answering.retrievers import retriever
from realm_tf.configs import schema
from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import candidates
from realm_tf.data.examples import masked_queries
from realm_tf.data.examples import packing
from realm_tf.data.examples import realm_examples
from realm_tf.data.examples import renaming
from realm_tf.data.examples import telling_queries
from realm_tf.data.sentences import annotated_corpus
from realm_tf.models import prompts
from realm_tf.models import realm
from realm_tf.text import wordpiece
from realm_tf.training import base_task
from realm_tf.training.tasks import pipelines


class IndexInUse(NamedTuple):
  """One index version, as the pipelines use it.

  Attributes:
    version: The step of its embedder.
    embed: The query embedder of that step.
    search: Its searcher.
  """

  version: int
  embed: candidates.EmbedFunction
  search: candidates.SearchFunction


class MaskedSentenceTask(base_task.Task):
  """Trains retriever and reader on masked sentences, wherever it retrieves.

  Attributes:
    retriever: The towers that are exported for the index.
    source: The masked sentences that are trained on.
  """

  name = "pretrain"

  def __init__(
    self,
    config: schema.RealmConfig,
    tokenizer: wordpiece.Tokenizer,
    sentences: annotated_corpus.AnnotatedCorpus,
  ):
    """Builds the model and the examples; call it in the strategy's scope.

    Args:
      config: The settings.
      tokenizer: Of the knowledge corpus.
      sentences: The pre-training corpus X.
    """
    self._config = config
    self._tokenizer = tokenizer
    self._host = devices.host(tf.distribute.get_strategy())
    self._model = realm.RealmModel.of_task(
      config,
      tokenizer.vocab_size,
      tokenizer.sep_id,
      prompts.of(config, tokenizer),
    )
    self.retriever = self._model.retriever
    self.parts = {"retriever": self.retriever, "reader": self._model.reader}
    drawn = dataclasses.replace(config, batch_size=config.retrieved_batch_size)
    self.source = masked_queries.MaskedQuerySource(
      sentences, drawn, tokenizer, heldout=False
    )
    self._heldout = masked_queries.MaskedQuerySource(
      sentences, config, tokenizer, heldout=True
    )
    self._noise = None
    if config.noise_probability:
      self._noise = renaming.WordNoise(
        renaming.find_kinds(sentences, tokenizer),
        config.noise_probability,
        config.seed,
      )

  def sums(
    self, features: base_task.Features, *, training: bool
  ) -> base_task.Sums:
    """See base class."""
    return self._model.sums(features, training=training)

  def predict(self, features: base_task.Features) -> realm.RealmOutputs:
    """Runs the model without dropout, for inspection."""
    return self._model(features, training=False)

  @property
  def example_bytes(self) -> int:
    """Bytes of the host's memory that the choice of sentences takes."""
    return self.source.nbytes + self._heldout.nbytes

  @property
  def packed_bytes(self) -> int:
    """Bytes of the passages packed for the host, mapped or not."""
    return 0

  @property
  @abc.abstractmethod
  def data_bytes(self) -> int:
    """Bytes of the host's memory that fingerprints of passages take."""

  def _choose(self, features: base_task.Features) -> base_task.Features:
    """Keeps the queries that are read; see `config.query_oversampling`."""
    group = self._config.query_oversampling
    return features if group == 1 else telling_queries.choose(features, group)

  @abc.abstractmethod
  def retrieve_texts(self, texts: Sequence[str], k: int) -> retriever.Retrieved:
    """Retrieves passages for plain texts, such as questions.

    Args:
      texts: Queries.
      k: Passages a query.
    """


class RealmTask(MaskedSentenceTask):
  """Retrieves on the host, as a part of the pipelines."""

  def __init__(
    self,
    config: schema.RealmConfig,
    tokenizer: wordpiece.Tokenizer,
    sentences: annotated_corpus.AnnotatedCorpus,
    passages: passage_table.PassageTable,
  ):
    """Packs the passages; see base class.

    Args:
      config: The settings.
      tokenizer: Of the knowledge corpus.
      sentences: The pre-training corpus X.
      passages: The knowledge corpus Z.
    """
    super().__init__(config, tokenizer, sentences)
    self._uids = passages.uids
    self._passages = packing.PackedPassages.of(
      passages, config.passage_length, tokenizer
    )
    self._index: IndexInUse | None = None

  @property
  def packed_bytes(self) -> int:
    """See base class."""
    return self._passages.nbytes

  @property
  def data_bytes(self) -> int:
    """See base class."""
    return self._uids.nbytes

  def set_index(self, index: IndexInUse) -> None:
    """Sets the index that pipelines retrieve from, from now on."""
    self._index = index

  def retrieve_texts(self, texts: Sequence[str], k: int) -> retriever.Retrieved:
    """See base class."""
    index = self._in_use()
    return dense.DenseRetriever(
      index.embed, index.search, self._tokenizer, self._config.query_length
    ).retrieve(texts, k)

  def train_pipeline(self, first_step: int) -> tf.data.Dataset:
    """See base class."""
    return self.train_pipeline_with(self._in_use(), first_step)

  def train_pipeline_with(
    self, index: IndexInUse, first_step: int
  ) -> tf.data.Dataset:
    """Returns the training batches from a step on, with a given index."""
    examples = self._examples(self.source, index, self._noise)
    return pipelines.by_step(
      lambda step: self._choose(examples(step)),
      first_step,
      self._config.train_steps,
    )

  def eval_pipeline(self) -> tf.data.Dataset:
    """See base class."""
    return pipelines.by_step(
      self._examples(self._heldout, self._in_use()),
      0,
      self._config.eval_batches,
    )

  def _examples(
    self,
    source: masked_queries.MaskedQuerySource,
    index: IndexInUse,
    noise: realm_examples.NoiseFunction | None = None,
  ) -> realm_examples.RealmExamples:
    retrieve = candidates.CandidateRetriever(
      index.embed, index.search, self._uids, self._config.num_candidates
    )
    return realm_examples.RealmExamples(
      source, retrieve, self._passages, noise, self._host.rows
    )

  def _in_use(self) -> IndexInUse:
    if self._index is None:
      raise RuntimeError("`use` must name an index version first.")
    return self._index
