"""Pipelines by step: their order, and that nothing tunes them."""

import tensorflow as tf

from realm_tf import devices
from realm_tf.training.tasks import pipelines


def numbers(first=3, last=7):
  return pipelines.by_step(lambda step: {"number": 2 * step}, first, last)


def test_features_come_in_the_order_of_their_steps():
  found = [int(features["number"]) for features in numbers()]
  assert found == [6, 8, 10, 12]


def test_no_thread_that_tunes_holds_up_the_end_of_a_training():
  assert numbers().options().autotune.enabled is False


def test_one_replica_on_the_cpu_takes_a_pipeline_as_it_is():
  # TensorFlow's own copy to a device is tuned, whatever the options say.
  dataset = numbers()
  one = tf.distribute.OneDeviceStrategy("CPU:0")
  assert devices.distribute(one, dataset) is dataset
