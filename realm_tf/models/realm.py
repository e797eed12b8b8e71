"""REALM: the retriever and the reader under one objective."""

from typing import NamedTuple

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import configured
from realm_tf.models import embedders
from realm_tf.models import masked_lm
from realm_tf.models import objective


class RealmOutputs(NamedTuple):
  """What one pass gives.

  Attributes:
    marginal: The objective's parts.
    logits: <float32>[B, K, M, V]. The reader's scores at the masks.
  """

  marginal: objective.Marginal
  logits: tf.Tensor


@tf.keras.utils.register_keras_serializable(package="realm_tf")
class RealmModel(configured.ConfiguredModel):
  """Retriever p(z|x) and reader p(y|z, x) (paper, section 3.2).

  The index chooses the candidates; their scores are computed here, with the
  weights of this very step.

  Attributes:
    retriever: Embedders of queries and passages.
    reader: The masked language model over query and passage.
  """

  def __init__(self, config: schema.RealmConfig, vocab_size: int, sep_id: int):
    """Builds both halves; they share no weights.

    Args:
      config: Gives shapes and objective.
      vocab_size: Wordpieces of the vocabulary.
      sep_id: The id of [SEP].
    """
    super().__init__(
      config,
      name="realm",
      dtype=tf.float32,
      vocab_size=vocab_size,
      sep_id=sep_id,
    )
    self._score_scale = config.score_scale
    self._marginalization = config.marginalization
    self.retriever = embedders.Retriever(config, vocab_size, sep_id)
    self.reader = masked_lm.MaskedLanguageModel(
      config, vocab_size, name="reader", output_range=config.query_length
    )
    self.built = True

  def call(
    self, features: dict[str, tf.Tensor], training: bool = False
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


def _flatten(tokens: tf.Tensor) -> tf.Tensor:
  """Joins the first two axes: [B, K, L] to [B * K, L]."""
  return tf.reshape(tokens, [-1, tokens.shape[-1]])
