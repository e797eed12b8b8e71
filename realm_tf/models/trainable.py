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

  What `fit` and `evaluate` report are means over all batches of an epoch, each
  weighted as in `sums`.

  Example:
    model.compile("adam")
    model.fit(dataset)  # of features, in batches of any size
  """

  def __init__(
    self, *, name: str, dtype: tf.DType | None = None, **made_of: Any
  ):
    """See base class."""
    super().__init__(name=name, dtype=dtype, **made_of)
    self._means = _Means()

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
      replicas = self.distribute_strategy.num_replicas_in_sync
      # `minimize` adds the gradients up.
      loss = tf.math.divide_no_nan(*sums["loss"]) / replicas
    self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
    return self._means.update(sums)

  @tf.autograph.experimental.do_not_convert
  def test_step(self, data: Any) -> dict[str, tf.Tensor]:
    """Evaluates one batch, as `evaluate` asks for."""
    features, _, _ = tf.keras.utils.unpack_x_y_sample_weight(data)
    return self._means.update(self.sums(features, training=False))

  @property
  def metrics(self) -> list[tf.keras.metrics.Metric]:
    """What Keras resets when an epoch begins."""
    return [*super().metrics, *self._means.by_name.values()]


class _Means:
  """Means since the epoch began, by name.

  An object that Keras does not look into: as attributes of the model, they
  would be saved with its weights.
  """

  def __init__(self) -> None:
    """Begins with none: the sums have the names."""
    self.by_name: dict[str, tf.keras.metrics.Mean] = {}

  def update(self, sums: Sums) -> dict[str, tf.Tensor]:
    """Adds a batch; returns the means."""
    for name, (total, weight) in sums.items():
      if name not in self.by_name:
        self.by_name[name] = tf.keras.metrics.Mean(name)
      mean = tf.math.divide_no_nan(total, weight)
      self.by_name[name].update_state(mean, weight)
    return {name: self.by_name[name].result() for name in sums}
