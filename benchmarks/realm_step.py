"""REALM's training step on features that are ready."""

import contextlib
from collections.abc import Sequence

import tensorflow as tf

from benchmarks import step_batches
from benchmarks import synthetic
from benchmarks import timing
from realm_tf import devices
from realm_tf.configs import schema
from realm_tf.models import length_groups
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


def seconds(
  config: schema.RealmConfig,
  vocab_size: int,
  batches: Sequence[step_batches.Batch],
  *,
  all_positions: bool = False,
) -> float:
  """Returns the mean seconds of a step over the batches: the median round.

  Args:
    config: Shapes and optimizer.
    vocab_size: Wordpieces of the vocabulary.
    batches: Features, in turn.
    all_positions: Whether padding is computed, too.
  """
  strategy = devices.make_strategy("")
  with strategy.scope():
    task = _Task(config, vocab_size)
    optimizer = optimizers.make_optimizer(config)
  step = steps.make_train_step(task, optimizer, strategy, config.clip_norm)
  features = [
    {name: tf.constant(value) for name, value in batch.items()}
    for batch in batches
  ]

  def run() -> None:
    for batch in features:
      step(batch)["loss"].numpy()

  with contextlib.ExitStack() as stack:
    if all_positions:
      stack.enter_context(length_groups.static_shapes())
    return timing.median_seconds(run, repeats=4) / len(batches)
