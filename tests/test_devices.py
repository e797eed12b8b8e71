import types
import urllib.error

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import devices
from realm_tf import errors
from realm_tf import stack


def test_without_a_tpu_the_machine_computes():
  if tf.config.list_physical_devices("GPU"):
    pytest.skip("this machine has GPUs")
  one = devices.make_strategy("")
  assert one.num_replicas_in_sync == 1
  assert devices.describe(one) == "CPU, 1 replica"


@pytest.fixture
def unseen_gpu(monkeypatch, tmp_path):
  """An NVIDIA GPU that the driver shows, and TensorFlow does not."""
  shown = tmp_path / "nvidia0"
  shown.touch()
  monkeypatch.setattr(devices, "NVIDIA_FILES", (tmp_path / "none", shown))
  monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
  monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: [])
  monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
  devices.warn_of_unseen_gpu.cache_clear()
  yield shown
  devices.warn_of_unseen_gpu.cache_clear()


def test_a_gpu_that_tensorflow_does_not_see_is_told_once(unseen_gpu, capsys):
  for _ in range(2):
    assert devices.is_cpu(devices.make_strategy(""))
  out, err = capsys.readouterr()
  assert err == ""
  assert out.startswith("warning: this machine has an NVIDIA GPU")
  assert out.count("\n") == 1
  assert "pip install 'realm_tf[gpu]'" in out


def test_without_a_gpu_nothing_is_told(unseen_gpu, capsys):
  unseen_gpu.unlink()
  devices.make_strategy("")
  assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("value", ["", "-1"])
def test_who_hides_the_gpus_is_told_nothing(
  unseen_gpu, monkeypatch, capsys, value
):
  monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
  devices.make_strategy("")
  assert capsys.readouterr() == ("", "")


def test_a_gpu_that_tensorflow_sees_is_no_matter(
  unseen_gpu, monkeypatch, capsys
):
  monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["a GPU"])
  devices.make_strategy("")
  assert capsys.readouterr() == ("", "")


def test_precision_leaves_variables_float32():
  devices.set_precision("bfloat16", on_cpu=False)
  try:
    layer = tf.keras.layers.Dense(2)
    assert layer(tf.zeros([1, 3])).dtype == tf.bfloat16
    assert layer.kernel.dtype == tf.float32
  finally:
    devices.set_precision("float32", on_cpu=False)
  assert tf.keras.layers.Dense(2)(tf.zeros([1, 3])).dtype == tf.float32


def product(a, b):
  """Multiplies in a graph, as training steps and exports do."""
  return tf.function(lambda: tf.matmul(a, b), autograph=False)().numpy()


@pytest.fixture
def numbers():
  """Two matrices whose product is as large in bfloat16 as in float32."""
  return [tf.random.stateless_uniform([64, 64], [0, i]) for i in range(2)]


def test_products_on_a_cpu_are_rounded_within_the_context_alone(numbers):
  exact = product(*numbers)
  with devices.cpu_products("bfloat16"):
    rounded = product(*numbers)
    with devices.cpu_products("float32"):
      np.testing.assert_array_equal(product(*numbers), exact)
  np.testing.assert_array_equal(product(*numbers), exact)
  np.testing.assert_allclose(rounded, exact, rtol=0.02)
  assert rounded.dtype == np.float32
  assert np.array_equal(rounded, exact) != stack.multiplies_bfloat16()


def test_precision_on_a_cpu_is_that_of_products_alone(numbers):
  exact = product(*numbers)
  devices.set_precision("bfloat16", on_cpu=True)
  try:
    assert tf.keras.layers.Dense(2)(tf.zeros([1, 3])).dtype == tf.float32
    rounded = product(*numbers)
    assert np.array_equal(rounded, exact) != stack.multiplies_bfloat16()
  finally:
    devices.set_precision("float32", on_cpu=True)
  np.testing.assert_array_equal(product(*numbers), exact)


def test_a_tpu_that_nobody_knows_is_one_line(monkeypatch):
  def resolver(tpu):
    raise urllib.error.URLError("[Errno -2] Name or service not known")

  monkeypatch.setattr(
    tf.distribute.cluster_resolver, "TPUClusterResolver", resolver
  )
  with pytest.raises(errors.UserError, match="tpu=mine cannot be reached"):
    devices.make_strategy("mine")


def test_a_slice_of_several_hosts_is_one_strategy(monkeypatch):
  slice_of_four = types.SimpleNamespace(
    extended=types.SimpleNamespace(num_hosts=4)
  )
  for module, name, result in (
    (tf.distribute.cluster_resolver, "TPUClusterResolver", None),
    (tf.tpu.experimental, "initialize_tpu_system", None),
    (tf.distribute, "TPUStrategy", slice_of_four),
  ):
    monkeypatch.setattr(module, name, lambda *_, r=result, **__: r)
  assert devices.make_strategy("local") is slice_of_four
  assert devices.host(slice_of_four) == devices.Host(index=0, count=1)
