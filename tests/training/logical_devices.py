"""Strategies on logical CPU devices, for programs of their own."""

import tensorflow as tf

REPLICAS = (1, 2, 4)


def strategies() -> dict[int, tf.distribute.Strategy]:
  """Returns strategies of 1, 2 and 4 replicas, by their number.

  Call it before TensorFlow has started its devices.
  """
  cpu = tf.config.list_physical_devices("CPU")[0]
  tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * max(REPLICAS)
  )
  tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
  return {
    count: tf.distribute.OneDeviceStrategy("/cpu:0")
    if count == 1
    else tf.distribute.MirroredStrategy(
      [f"/cpu:{i}" for i in range(count)],
      cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    for count in REPLICAS
  }
