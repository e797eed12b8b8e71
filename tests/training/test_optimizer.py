import numpy as np
import pytest
import tensorflow as tf

from realm_tf.models import realm
from realm_tf.training import optimizer as optimizer_lib
from tests import synthetic


def rate(config, step):
  schedule = optimizer_lib.make_optimizer(config).learning_rate
  return float(schedule(tf.constant(step, tf.int64)))


@pytest.mark.parametrize(
  ("step", "expected"),
  [
    (0, 0.0),
    (1, 0.9e-3 / 100),
    (50, 0.45e-3),
    (100, 0.9e-3),  # linear decay: 1 - 100 / 1000
    (250, 0.75e-3),
    (500, 0.5e-3),
    (999, 0.001e-3),
    (1000, 0.0),
  ],
)
def test_warm_up_and_decay_by_hand(step, expected):
  config = synthetic.realm_config(
    learning_rate=1e-3, train_steps=1_000, warmup_steps=-1
  )
  assert rate(config, step) == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_without_warm_up_the_rate_starts_at_its_peak():
  config = synthetic.realm_config(
    learning_rate=1e-3, train_steps=100, warmup_steps=0
  )
  assert rate(config, 0) == pytest.approx(1e-3)
  assert rate(config, 25) == pytest.approx(0.75e-3)


def test_the_papers_schedule():
  config = synthetic.realm_config(
    learning_rate=3e-5, train_steps=200_000, warmup_steps=-1
  )
  assert rate(config, 5_000) == pytest.approx(3e-5 * 0.95 / 2, rel=1e-4)
  assert rate(config, 10_000) == pytest.approx(3e-5 * 0.95, rel=1e-4)
  assert rate(config, 105_000) == pytest.approx(3e-5 * 95 / 200, rel=1e-4)


def test_a_run_no_longer_than_its_warm_up_still_learns():
  # max(100, steps / 10) is 100.
  config = synthetic.realm_config(train_steps=60, warmup_steps=-1)
  assert rate(config, 30) > 0


def test_decay_spares_biases_and_layer_norms_alone():
  config = synthetic.realm_config(learning_rate=1e-2, warmup_steps=0)
  model = realm.RealmModel(config, len(synthetic.VOCABULARY), synthetic.SEP)
  model(synthetic.realm_features(config, 2))
  variables = model.trainable_variables
  for variable in variables:
    variable.assign(tf.ones_like(variable))
  adam = optimizer_lib.make_optimizer(config)
  # No gradient: only the decay changes a weight.
  adam.apply_gradients([(tf.zeros_like(v), v) for v in variables])
  for variable in variables:
    spared = "norm" in variable.name.lower() or "bias" in variable.name
    wanted = 1.0 if spared else 1.0 - 1e-2 * 0.01
    np.testing.assert_allclose(
      variable,
      np.full(variable.shape, wanted),
      rtol=1e-6,
      err_msg=variable.name,
    )
  names = " ".join(v.name for v in variables)
  assert "kernel" in names
  assert "embeddings:0" in names


def test_first_step_is_adams():
  config = synthetic.realm_config(
    learning_rate=1e-2, warmup_steps=0, weight_decay=0.0
  )
  variable = tf.Variable([1.0, -2.0], name="kernel")
  adam = optimizer_lib.make_optimizer(config)
  adam.apply_gradients([(tf.constant([0.5, -3.0]), variable)])
  # m / sqrt(v) is the gradient's sign on the first step, whatever its size:
  # nothing clips it here.
  np.testing.assert_allclose(variable, [0.99, -1.99], rtol=1e-4)
