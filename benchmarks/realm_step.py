"""REALM's training step on features that are ready."""

import numpy as np
import tensorflow as tf

from benchmarks import synthetic
from benchmarks import timing
from realm_tf import devices
from realm_tf.configs import schema
from realm_tf.models import realm
from realm_tf.training import base_task
from realm_tf.training import optimizers
from realm_tf.training import steps


class _Task(base_task.Task):
  """The model and the loss of `pretrain`, without its data."""

  name = "pretrain"

  def __init__(self, config: schema.RealmConfig, vocab_size: int):
    self._model = realm.RealmModel.of_task(config, vocab_size, synthetic.SEP)
    self.parts = {
      "retriever": self._model.retriever,
      "reader": self._model.reader,
    }

  def sums(
    self, features: base_task.Features, *, training: bool
  ) -> base_task.Sums:
    marginal, logits = self._model(features, training=training)
    count = tf.cast(tf.shape(logits)[0], tf.float32)
    return {"loss": (-tf.reduce_sum(marginal.log_likelihood), count)}

  def train_pipeline(self, first_step: int) -> tf.data.Dataset:
    """Holds nothing: the benchmark feeds one batch itself."""
    return tf.data.Dataset.range(0)

  def eval_pipeline(self) -> tf.data.Dataset:
    """Holds nothing."""
    return tf.data.Dataset.range(0)


def seconds(config: schema.RealmConfig, vocab_size: int) -> float:
  """Returns the median seconds of a step.

  Args:
    config: Shapes and optimizer.
    vocab_size: Wordpieces of the vocabulary.
  """
  strategy = devices.make_strategy("")
  with strategy.scope():
    task = _Task(config, vocab_size)
    optimizer = optimizers.make_optimizer(config)
  step = steps.make_train_step(task, optimizer, strategy, config.clip_norm)
  features = _features(config, vocab_size)
  return timing.median_seconds(
    lambda: step(features)["loss"].numpy(), repeats=4
  )


def _features(
  config: schema.RealmConfig, vocab_size: int
) -> dict[str, tf.Tensor]:
  """Returns a batch without padding: every position is computed."""
  rng = np.random.default_rng(0)
  batch, count = config.batch_size, config.num_candidates
  masks = config.max_masks

  def tokens(*shape: int) -> tf.Tensor:
    return tf.constant(rng.integers(5, vocab_size, shape), tf.int32)

  segments = np.zeros([batch, count, config.joint_length])
  segments[:, :, config.query_length :] = 1
  return {
    "query_token_ids": tokens(batch, config.query_length),
    "passage_token_ids": tokens(batch, count, config.passage_length),
    "joint_token_ids": tokens(batch, count, config.joint_length),
    "joint_segment_ids": tf.constant(segments, tf.int32),
    "candidate_mask": tf.ones([batch, count], tf.bool),
    "mask_positions": tf.tile(tf.range(1, masks + 1)[None], [batch, 1]),
    "targets": tokens(batch, masks),
    "target_weights": tf.ones([batch, masks]),
  }
