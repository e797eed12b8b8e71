import types
import urllib.error

import pytest
import tensorflow as tf

from realm_tf import devices
from realm_tf import errors


def test_without_a_tpu_the_machine_computes():
  if tf.config.list_physical_devices("GPU"):
    pytest.skip("this machine has GPUs")
  one = devices.make_strategy("")
  assert one.num_replicas_in_sync == 1
  assert devices.describe(one) == "CPU, 1 replica"


def test_precision_leaves_variables_float32():
  devices.set_precision("bfloat16", on_cpu=False)
  try:
    layer = tf.keras.layers.Dense(2)
    assert layer(tf.zeros([1, 3])).dtype == tf.bfloat16
    assert layer.kernel.dtype == tf.float32
  finally:
    devices.set_precision("float32", on_cpu=False)
  assert tf.keras.layers.Dense(2)(tf.zeros([1, 3])).dtype == tf.float32


def test_a_tpu_that_nobody_knows_is_one_line(monkeypatch):
  def resolver(tpu):
    raise urllib.error.URLError("[Errno -2] Name or service not known")

  monkeypatch.setattr(
    tf.distribute.cluster_resolver, "TPUClusterResolver", resolver
  )
  with pytest.raises(errors.UserError, match="tpu=mine cannot be reached"):
    devices.make_strategy("mine")


def test_a_slice_of_several_hosts_is_refused(monkeypatch):
  slice_of_four = types.SimpleNamespace(
    extended=types.SimpleNamespace(num_hosts=4)
  )
  for module, name, result in (
    (tf.distribute.cluster_resolver, "TPUClusterResolver", None),
    (tf.tpu.experimental, "initialize_tpu_system", None),
    (tf.distribute, "TPUStrategy", slice_of_four),
  ):
    monkeypatch.setattr(module, name, lambda *_, r=result, **__: r)
  with pytest.raises(errors.UserError, match="tpu=local .* 4 hosts"):
    devices.make_strategy("local")
