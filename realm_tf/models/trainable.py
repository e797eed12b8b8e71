"""Models that `fit` trains on the loss that they compute themselves."""

import abc
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf.models import configured

# From a name to a total over a batch and the weight to divide it by,
# <float32>[] each.
Sums = dict[str, tuple[tf.Tensor, tf.Tensor]]


class TrainableModel(configured.ConfiguredModel, abc.ABC):
  """A model that computes its own loss.

  Example:
    model.compile("adam")
    model.fit(dataset)  # of features, in batches of any size
  """

  @abc.abstractmethod
  def sums(self, features: Mapping[str, tf.Tensor], *, training: bool) -> Sums:
    """Returns the loss and the metrics of a replica's batch.

    Args:
      features: As `call` takes them.
      training: Whether dropout is active, and metrics that cost much are left
        out.

    Returns:
      "loss", and other metrics.
    """

  # Keras would convert each layer's Python with AutoGraph, which takes half a
  # minute and changes nothing.
  @tf.autograph.experimental.do_not_convert
  def train_step(self, data: Any) -> dict[str, tf.Tensor]:
    """Trains on one batch, as `fit` asks for."""
    features, _, _ = tf.keras.utils.unpack_x_y_sample_weight(data)
    with tf.GradientTape() as tape:
      sums = self.sums(features, training=True)
      means = _means(sums)
      replicas = self.distribute_strategy.num_replicas_in_sync
      loss = means["loss"] / replicas  # `minimize` adds the gradients up
    self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
    return means

  @tf.autograph.experimental.do_not_convert
  def test_step(self, data: Any) -> dict[str, tf.Tensor]:
    """Evaluates one batch, as `evaluate` asks for."""
    features, _, _ = tf.keras.utils.unpack_x_y_sample_weight(data)
    return _means(self.sums(features, training=False))


def _means(sums: Sums) -> dict[str, tf.Tensor]:
  return {
    name: tf.math.divide_no_nan(total, weight)
    for name, (total, weight) in sums.items()
  }
