"""REALM: the retriever and the reader under one objective."""

from collections.abc import Mapping
from typing import NamedTuple
from typing import Self

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import embedders
from realm_tf.models import masked_lm
from realm_tf.models import objective
from realm_tf.models import prompts as prompts_lib
from realm_tf.models import trainable


class RealmOutputs(NamedTuple):
  """The outputs of one forward pass.

  Attributes:
    marginal: The objective's parts.
    logits: <float32>[B, K, M, V]. The reader's scores at the masks.
  """

  marginal: objective.Marginal
  logits: tf.Tensor


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class RealmModel(trainable.TrainableModel):
  """Retriever p(z|x) and reader p(y|z, x) (paper, section 3.2).

  The index chooses the candidates; their scores are computed here, with the
  weights of this very step.

  Example:
    encoder = EncoderConfig(
      num_layers=2, hidden_size=128, num_heads=2, intermediate_size=512
    )
    model = RealmModel(encoder, vocab_size=30522, sep_id=102)
    marginal, logits = model(features)
    marginal.log_likelihood

  Attributes:
    retriever: Embedders of queries and passages.
    reader: The masked language model over query and passage.
  """

  def __init__(
    self,
    encoder: schema.EncoderConfig,
    vocab_size: int,
    sep_id: int,
    *,
    retriever: schema.RetrieverConfig | None = None,
    prompts: prompts_lib.PromptIds = prompts_lib.NONE,
    marginalization: str = "span",
    query_length: int | None = None,
  ):
    """Builds both halves; they share no weights.

    Args:
      encoder: The shape of each encoder.
      vocab_size: Wordpieces of the vocabulary.
      sep_id: The id of [SEP].
      retriever: The towers; by default as in the paper.
      prompts: Wordpieces before each text, of queries and of passages.
      marginalization: "span" or "token"; see `objective.marginalize`.
      query_length: Masks stand among this many first positions, which spares
        the reader's last layer the others; None if anywhere.
    """
    retriever = schema.RetrieverConfig.of(retriever or schema.RetrieverConfig())
    encoder = schema.EncoderConfig.of(encoder)
    super().__init__(
      name="realm",
      dtype=tf.float32,
      encoder=encoder,
      vocab_size=vocab_size,
      sep_id=sep_id,
      retriever=retriever,
      prompts=[list(ids) for ids in prompts],
      marginalization=marginalization,
      query_length=query_length,
    )
    self._score_scale = retriever.score_scale
    self._marginalization = marginalization
    self.retriever = embedders.TwoTowers(
      encoder, retriever, vocab_size, sep_id, prompts
    )
    self.reader = masked_lm.MaskedLanguageModel(
      encoder, vocab_size, name="reader", output_range=query_length
    )
    self.built = True

  @classmethod
  def of_task(
    cls,
    config: schema.RealmConfig,
    vocab_size: int,
    sep_id: int,
    prompts: prompts_lib.PromptIds = prompts_lib.NONE,
  ) -> Self:
    """Builds the model of a pre-training; see `__init__`."""
    model = cls(
      config,
      vocab_size,
      sep_id,
      retriever=config,
      prompts=prompts,
      marginalization=config.marginalization,
      query_length=config.query_length,
    )
    if not config.train_retriever_encoder:
      model.retriever.freeze_encoders()
    return model

  def call(
    self, features: Mapping[str, tf.Tensor], training: bool = False
  ) -> RealmOutputs:
    """Scores the targets of a batch under its candidates.

    Args:
      features: `query_token_ids` <int32>[B, query_length],
        `passage_token_ids` <int32>[B, K, passage_length],
        `joint_token_ids` and `joint_segment_ids` <int32>[B, K, joint_length],
        `candidate_mask` <bool>[B, K], `mask_positions` <int32>[B, M],
        `targets` <int32>[B, M], `target_weights` <float32>[B, M]. B need not
        be known when the model is traced.
      training: Whether dropout is active.
    """
    passages = features["passage_token_ids"]
    candidates = passages.shape[1]
    query_embeddings, passage_embeddings = self.retriever(
      features["query_token_ids"], _flatten(passages), training=training
    )  # [B, D], [B * K, D]
    scores = objective.retrieval_scores(
      query_embeddings,
      tf.reshape(
        passage_embeddings, [-1, candidates, query_embeddings.shape[-1]]
      ),
      self._score_scale,
    )  # [B, K]
    mask_positions = tf.repeat(features["mask_positions"], candidates, axis=0)
    logits = self.reader(
      _flatten(features["joint_token_ids"]),
      _flatten(features["joint_segment_ids"]),
      mask_positions,
      training=training,
    )  # [B * K, M, V]
    targets = tf.repeat(features["targets"], candidates, axis=0)
    masks = targets.shape[-1]
    token_log_probs = tf.reshape(
      objective.token_log_probs(logits, targets), [-1, candidates, masks]
    )
    marginal = objective.marginalize(
      scores,
      features["candidate_mask"],
      token_log_probs,
      features["target_weights"],
      self._marginalization,
    )
    return RealmOutputs(
      marginal,
      tf.reshape(logits, [-1, candidates, masks, logits.shape[-1]]),
    )

  def sums(
    self, features: Mapping[str, tf.Tensor], *, training: bool
  ) -> trainable.Sums:
    """See base class."""
    marginal, logits = self(features, training=training)
    count = tf.cast(tf.shape(logits)[0], tf.float32)
    weights = features["target_weights"]
    masks = tf.reduce_sum(weights)
    # Paper: the mean over queries. Released code: over masked tokens.
    by_token = self._marginalization == "token"
    sums = {
      "loss": (
        -tf.reduce_sum(marginal.log_likelihood),
        masks if by_token else count,
      ),
      "retrieval_utility": (tf.reduce_sum(marginal.retrieval_utility), count),
      "entropy": (tf.reduce_sum(marginal.entropy), count),
      "null_probability": (tf.reduce_sum(marginal.null_probability), count),
    }
    if not training:
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


def _flatten(tokens: tf.Tensor) -> tf.Tensor:
  """Joins the first two axes: [B, K, L] to [B * K, L]."""
  return tf.reshape(tokens, [-1, tokens.shape[-1]])
