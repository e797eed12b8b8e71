import pytest
import tensorflow as tf

from realm_tf.training import strategy


def test_without_a_tpu_the_machine_computes():
  if tf.config.list_physical_devices("GPU"):
    pytest.skip("this machine has GPUs")
  one = strategy.make_strategy("")
  assert one.num_replicas_in_sync == 1
  assert strategy.describe(one) == "CPU, 1 replica"


def test_precision_leaves_variables_float32():
  strategy.set_precision("bfloat16", on_cpu=False)
  try:
    layer = tf.keras.layers.Dense(2)
    assert layer(tf.zeros([1, 3])).dtype == tf.bfloat16
    assert layer.kernel.dtype == tf.float32
  finally:
    strategy.set_precision("float32", on_cpu=False)
  assert tf.keras.layers.Dense(2)(tf.zeros([1, 3])).dtype == tf.float32
