import numpy as np
import pytest
import tensorflow as tf

from realm_tf.training import base_task
from realm_tf.training import steps
from tests import programs

CASES = ("realm", "ict", "orqa", "following")


@pytest.fixture(scope="module")
def replicas():
  """What one replica and two gave, by case."""
  return programs.result_of("tests.training.replicas", *CASES)


@pytest.mark.parametrize("name", CASES)
def test_two_replicas_give_the_loss_and_gradient_of_one(replicas, name):
  result = replicas[name]
  assert result["replicas"] == 2
  one, two = result["means"]
  assert one.keys() == two.keys()
  for metric in one:
    assert two[metric] == pytest.approx(one[metric], rel=2e-5, abs=1e-6)
  assert one["gradient_norm"] > 0.01
  assert result["largest_gradient"] > 1e-3
  assert result["largest_difference"] < 1e-5 * max(
    1.0, result["largest_gradient"]
  )


def test_two_replicas_evaluate_as_one(replicas):
  one, two = replicas["ict"]["evaluation"]
  assert one.keys() == two.keys()
  for metric in one:
    np.testing.assert_allclose(two[metric], one[metric], rtol=2e-5, atol=1e-5)
  # A sum over 8 examples, not over a replica's 4.
  assert one["loss"][1] == 8.0


class Line(base_task.Task):
  """Fits y = a x + b: the loss by hand."""

  name = "line"

  def __init__(self):
    layer = tf.keras.layers.Dense(1)
    layer.build([None, 1])
    layer.set_weights([np.array([[1.0]]), np.array([0.0])])
    self.parts = {"line": layer}

  def sums(self, features, *, training):
    error = self.parts["line"](features["x"])[:, 0] - features["y"]
    weights = features["weight"]
    return {
      "loss": (tf.reduce_sum(weights * error**2), tf.reduce_sum(weights)),
      "error": (
        tf.reduce_sum(tf.abs(error)),
        tf.cast(tf.size(error), tf.float32),
      ),
    }

  def train_pipeline(self, first_step):
    raise NotImplementedError

  eval_pipeline = train_pipeline


def line_on_one_device():
  one = tf.distribute.OneDeviceStrategy("/cpu:0")
  with one.scope():
    return Line(), one


FEATURES = {
  "x": tf.constant([[1.0], [2.0], [3.0]]),
  "y": tf.constant([0.0, 0.0, 9.0]),
  "weight": tf.constant([1.0, 3.0, 0.0]),
}


def test_means_and_gradient_by_hand():
  task, one = line_on_one_device()
  sgd = tf.keras.optimizers.legacy.SGD(0.1)
  means = steps.make_train_step(task, sgd, one, clip_norm=100.0)(FEATURES)
  # Errors 1, 2, -6; weighted squares 1 + 3 * 4 over the weights' sum, 4.
  assert float(means["loss"]) == pytest.approx(13 / 4)
  assert float(means["error"]) == pytest.approx(3.0)
  # d/da = (2*1*1 + 3*2*2*2) / 4, d/db = (2*1 + 3*2*2) / 4.
  a, b = 26 / 4, 14 / 4
  assert float(means["gradient_norm"]) == pytest.approx(np.hypot(a, b))
  kernel, bias = task.parts["line"].get_weights()
  assert kernel[0, 0] == pytest.approx(1 - 0.1 * a)
  assert bias[0] == pytest.approx(-0.1 * b)


def test_the_gradient_is_clipped_and_its_norm_told_before():
  task, one = line_on_one_device()
  sgd = tf.keras.optimizers.legacy.SGD(1.0)
  means = steps.make_train_step(task, sgd, one, clip_norm=0.5)(FEATURES)
  norm = np.hypot(26 / 4, 14 / 4)
  assert float(means["gradient_norm"]) == pytest.approx(norm)
  kernel, bias = task.parts["line"].get_weights()
  assert kernel[0, 0] == pytest.approx(1 - 0.5 * 26 / 4 / norm)
  assert bias[0] == pytest.approx(-0.5 * 14 / 4 / norm)


def test_a_batch_without_weight_changes_nothing():
  task, one = line_on_one_device()
  sgd = tf.keras.optimizers.legacy.SGD(1.0)
  empty = FEATURES | {"weight": tf.zeros([3])}
  means = steps.make_train_step(task, sgd, one, clip_norm=1.0)(empty)
  assert float(means["loss"]) == 0.0
  assert task.parts["line"].get_weights()[0][0, 0] == 1.0


def test_evaluation_gives_sums_and_trains_nothing():
  task, one = line_on_one_device()
  sums = steps.make_eval_step(task, one)(FEATURES)
  assert [float(x) for x in sums["loss"]] == [13.0, 4.0]
  assert [float(x) for x in sums["error"]] == [9.0, 3.0]
  assert task.parts["line"].get_weights()[0][0, 0] == 1.0
