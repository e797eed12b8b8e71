"""Strategies on logical CPU devices, for programs of their own."""

from collections.abc import Sequence

import tensorflow as tf

REPLICAS = (1, 2, 4)


def strategies(
  counts: Sequence[int] = REPLICAS,
) -> dict[int, tf.distribute.Strategy]:
  """Returns strategies by their number of replicas.

  Call it before TensorFlow has started its devices.

  Args:
    counts: The numbers of replicas.
  """
  cpu = tf.config.list_physical_devices("CPU")[0]
  tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * max(counts)
  )
  tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
  return {
    count: tf.distribute.OneDeviceStrategy("/cpu:0")
    if count == 1
    else tf.distribute.MirroredStrategy(
      [f"/cpu:{i}" for i in range(count)],
      cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    for count in counts
  }
