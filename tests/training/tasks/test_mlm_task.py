"""Which of the language model's weights are trained."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.training import optimizers
from realm_tf.training import steps
from realm_tf.training.tasks import mlm_task
from tests import synthetic

_LENGTHS = {"query_length": 30, "passage_length": 34, "max_positions": 64}


@pytest.mark.parametrize("train_encoder", [True, False])
def test_the_encoder_is_trained_unless_the_head_is_alone(train_encoder):
  config = synthetic.mlm_config(
    **_LENGTHS,
    train_encoder=train_encoder,
    heldout_fraction=0.5,
    learning_rate=0.01,
    warmup_steps=0,
  )
  strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
  with strategy.scope():
    task = mlm_task.MlmTask(
      config, synthetic.make_tokenizer(), synthetic.random_corpus()
    )
    optimizer = optimizers.make_optimizer(config)
  (model,) = task.parts.values()
  encoder = {
    v.ref()
    for v in model.encoder.variables
    if "pooler" not in v.name  # Nothing reads it.
  }
  before = {v.ref(): v.numpy() for v in model.variables}
  step = steps.make_train_step(task, optimizer, strategy, clip_norm=1.0)
  for features in task.train_pipeline(0).take(2):
    step(features)
  changed = {
    v.ref()
    for v in model.variables
    if not np.array_equal(v.numpy(), before[v.ref()])
  }
  head = set(before) - {v.ref() for v in model.encoder.variables}
  assert len(head) == 5  # A dense layer, its norm, and the logits' bias.
  assert changed == (head | encoder if train_encoder else head)
