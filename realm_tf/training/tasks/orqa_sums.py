"""The loss of `finetune`, and what is measured beside it."""

import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import orqa
from realm_tf.training import base_task

# What is measured of the questions that have a part in a loss.
_SHARES = {
  "retriever": "answer_in_retriever_beam",
  "live": "answer_in_live_passages",
  "reader": "answer_in_reader_beam",
}


def sums(
  model: orqa.OrqaModel,
  config: schema.OrqaConfig,
  features: base_task.Features,
  *,
  training: bool,
) -> base_task.Sums:
  """Returns the sums of a replica's share of a batch; see `base_task.Task`.

  Args:
    model: Retriever and reader.
    config: Says which losses there are.
    features: Those of the model, with `weights` <float32>[B] and the labels of
      each loss.
    training: Whether dropout is active.
  """
  outputs = model(features, training=training)
  weights = features["weights"]
  count = tf.reduce_sum(weights)
  losses = _losses(outputs, config, features)
  whole = tf.add_n([part.loss for part in losses.values()])
  found = {"loss": (tf.reduce_sum(whole * weights), count)}
  for name, part in losses.items():
    answered = tf.cast(part.answered, tf.float32) * weights
    total = tf.reduce_sum(answered)
    # Over the questions that have a part in it; how many these are, next.
    found[f"{name}_loss"] = (tf.reduce_sum(part.loss * weights), total)
    found[_SHARES[name]] = (total, count)
  return found


def _losses(
  outputs: orqa.OrqaOutputs,
  config: schema.OrqaConfig,
  features: base_task.Features,
) -> dict[str, orqa.MaskedLoss]:
  """Returns the losses that the config asks for, by name."""
  losses = {}
  if config.beam_loss and config.has_retriever:
    losses["retriever"] = orqa.retriever_loss(
      outputs, features["answering_passages"], hard=config.hard_em
    )
  if config.train_passage_tower:
    losses["live"] = orqa.live_loss(
      outputs,
      features["live_positives"],
      features["live_candidates"],
      hard=config.hard_em,
    )
  if config.train_reader:
    losses["reader"] = orqa.reader_loss(
      outputs, features["answer_spans"], hard=config.hard_em
    )
  return losses
