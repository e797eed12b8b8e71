"""Each task's losses and gradients, with and without rows in groups."""

import numpy as np
import pytest
import tensorflow as tf

from tests.training import demo_tasks

# Rows enough for groups, which graphs make, but eager execution does not.
BATCH = {"pretrain": 8, "pretrain_ict": 64, "pretrain_mlm": 48, "finetune": 16}
BATCHES = 4


@pytest.mark.parametrize("name", demo_tasks.NAMES)
def test_groups_change_no_loss_and_no_gradient(name):
  task = demo_tasks.make(name, BATCH[name])

  def losses_and_gradients(features):
    with tf.GradientTape() as tape:
      loss, count = task.sums(features, training=True)["loss"]
      loss /= count
    gradients = tape.gradient(loss, task.variables)
    return loss, [tf.convert_to_tensor(g) for g in gradients]

  grouped = tf.function(losses_and_gradients, autograph=False)
  for batch in task.train_pipeline(0).take(BATCHES):
    features = task.prepare(batch)
    loss, gradients = grouped(features)
    padded_loss, padded_gradients = losses_and_gradients(features)
    np.testing.assert_allclose(loss, padded_loss, rtol=1e-5)
    norm = tf.linalg.global_norm(padded_gradients)
    for variable, got, want in zip(
      task.variables, gradients, padded_gradients, strict=True
    ):
      np.testing.assert_allclose(
        got / norm, want / norm, atol=1e-5, err_msg=variable.name
      )
