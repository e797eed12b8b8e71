"""`pretrain`: REALM's task, given one index version at a time."""

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.data import annotated as annotated_lib
from realm_tf.data import candidates
from realm_tf.data import features as features_lib
from realm_tf.data import passages as passages_lib
from realm_tf.data import queries
from realm_tf.data import realm_examples
from realm_tf.models import realm
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.training import pipelines
from realm_tf.training import tasks


class RealmTask(tasks.Task):
  """Trains retriever and reader on masked sentences.

  Attributes:
    retriever: The towers that are exported for the index.
    source: The masked sentences that are trained on.
  """

  name = "pretrain"

  def __init__(
      self,
      config: schema.RealmConfig,
      tokenizer: tokenizer_lib.Tokenizer,
      sentences: annotated_lib.AnnotatedCorpus,
      passages: passages_lib.PassageTable,
  ):
    """Builds the model and the examples; call it in the strategy's scope.

    Args:
      config: The settings.
      tokenizer: Of the knowledge corpus.
      sentences: The pre-training corpus X.
      passages: The knowledge corpus Z.
    """
    self._config = config
    self._model = realm.RealmModel(config, tokenizer.vocab_size)
    self.retriever = self._model.retriever
    self.parts = {"retriever": self.retriever, "reader": self._model.reader}
    self.source, self._heldout = (
        queries.MaskedQuerySource(
            sentences, config, tokenizer, heldout=heldout
        )
        for heldout in (False, True)
    )
    self._uids = passages.uids
    self._passages = features_lib.PackedPassages(
        passages.title_ids.to_ragged(),
        passages.body_ids.to_ragged(),
        config.passage_length,
        tokenizer,
    )
    self._retrieve: candidates.CandidateRetriever | None = None
    _build(self._model, config)

  @property
  def data_bytes(self) -> int:
    """Memory of the packed passages and their fingerprints."""
    return self._passages.nbytes + self._uids.nbytes

  def retriever_of(
      self,
      embed: candidates.EmbedFunction,
      search: candidates.SearchFunction,
  ) -> candidates.CandidateRetriever:
    """Returns what finds candidates in one index version.

    Args:
      embed: The query embedder of the version's step.
      search: The version's searcher.
    """
    return candidates.CandidateRetriever(
        embed, search, self._uids, self._config.num_candidates
    )

  def use(self, retrieve: candidates.CandidateRetriever) -> None:
    """Makes all pipelines from now on find their candidates there."""
    self._retrieve = retrieve

  def sums(self, features: tasks.Features, *, training: bool) -> tasks.Sums:
    """See base class."""
    marginal, logits = self._model(features, training=training)
    count = tf.cast(tf.shape(logits)[0], tf.float32)
    sums = {
        "loss": (-tf.reduce_sum(marginal.log_likelihood), count),
        "retrieval_utility": (
            tf.reduce_sum(marginal.retrieval_utility),
            count,
        ),
        "entropy": (tf.reduce_sum(marginal.entropy), count),
        "null_probability": (tf.reduce_sum(marginal.null_probability), count),
    }
    if not training:
      weights = features["target_weights"]
      masks = tf.reduce_sum(weights)
      prior = tf.exp(marginal.retrieval_log_probs)
      with_passages = tf.einsum("bk,bkmv->bmv", prior, tf.nn.softmax(logits))
      for name, scores in (
          ("accuracy", with_passages),
          ("accuracy_without_retrieval", logits[:, 0]),
      ):
        guesses = tf.argmax(scores, axis=-1, output_type=tf.int32)
        right = tf.cast(guesses == features["targets"], tf.float32)
        sums[name] = (tf.reduce_sum(right * weights), masks)
    return sums

  def train_pipeline(self, first_step: int) -> tf.data.Dataset:
    """See base class."""
    return self.train_pipeline_with(self._in_use(), first_step)

  def train_pipeline_with(
      self, retrieve: candidates.CandidateRetriever, first_step: int
  ) -> tf.data.Dataset:
    """Returns the training batches from a step on, with a given index."""
    return pipelines.by_step(
        realm_examples.RealmExamples(self.source, retrieve, self._passages),
        first_step,
        self._config.train_steps,
    )

  def eval_pipeline(self) -> tf.data.Dataset:
    """See base class."""
    return pipelines.by_step(
        realm_examples.RealmExamples(
            self._heldout, self._in_use(), self._passages
        ),
        0,
        self._config.eval_batches,
    )

  def _in_use(self) -> candidates.CandidateRetriever:
    if self._retrieve is None:
      raise RuntimeError("`use` must name an index version first.")
    return self._retrieve


def _build(model: realm.RealmModel, config: schema.RealmConfig) -> None:
  """Creates the variables: weights can then be restored and exported."""
  one = {
      "query_token_ids": tf.zeros([1, config.query_length], tf.int32),
      "passage_token_ids": tf.zeros([1, 1, config.passage_length], tf.int32),
      "joint_token_ids": tf.zeros([1, 1, config.joint_length], tf.int32),
      "joint_segment_ids": tf.zeros([1, 1, config.joint_length], tf.int32),
      "candidate_mask": tf.ones([1, 1], tf.bool),
      "mask_positions": tf.zeros([1, config.max_masks], tf.int32),
      "targets": tf.zeros([1, config.max_masks], tf.int32),
      "target_weights": tf.zeros([1, config.max_masks], tf.float32),
  }
  model(one)
