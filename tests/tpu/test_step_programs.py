"""The programs take what the pipelines give, and train as the steps do."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs import loading
from realm_tf.tpu import lowering
from realm_tf.tpu import step_programs
from realm_tf.training import optimizers
from realm_tf.training import steps
from tests.training import demo_tasks

_BATCH = 4
_FEATURES = {
  "pretrain": step_programs.pretrain_features,
  "pretrain_ict": step_programs.ict_features,
  "finetune": step_programs.finetune_features,
}


@pytest.mark.parametrize("name", _FEATURES)
def test_features_are_those_of_the_pipeline(name):
  task = demo_tasks.make(name, _BATCH)
  features = task.prepare(next(iter(task.train_pipeline(0))))
  # The demo's corpus has fewer passages than the preset's beam.
  fewer = {"retriever_beam": 80} if name == "finetune" else {}
  config = loading.load(name, "tiny", fewer)
  expected = {k: (v.shape, v.dtype) for k, v in features.items()}
  specs = _FEATURES[name](config, _BATCH)
  assert {k: (v.shape, v.dtype) for k, v in specs.items()} == expected


@pytest.mark.parametrize("name", step_programs.STEPS)
def test_every_step_lowers_with_static_shapes(name):
  kind = step_programs.STEPS[name]
  config = loading.load(kind.task, "tiny", {})
  program = kind.build(config, 2)
  hlo = lowering.lower(program)
  assert not hlo.custom_calls
  trains = name != "refresh_index"
  assert (program.gradient_bytes > 0) == trains


def test_a_program_trains_as_a_step_does():
  config = loading.load("pretrain_ict", "tiny", {"precision": "float32"})
  strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
  with strategy.scope():
    task = demo_tasks.make("pretrain_ict", _BATCH)
    program = step_programs.training_program(task.parts, task.sums, config, {})
    optimizer = optimizers.make_optimizer(config)
  features = next(iter(task.train_pipeline(0)))
  before = [v.numpy() for v in task.variables]
  of_program = strategy.run(program.function, (features,))
  after = [v.numpy() for v in task.variables]
  for variable, value in zip(task.variables, before, strict=True):
    variable.assign(value)
  step = steps.make_train_step(task, optimizer, strategy, config.clip_norm)
  of_step = step(features)
  np.testing.assert_allclose(of_program["loss"], of_step["loss"], rtol=1e-5)
  # GELU is compiled in one of them.
  for variable, value in zip(task.variables, after, strict=True):
    np.testing.assert_allclose(variable, value, atol=1e-5)
