"""The programs take what the pipelines give, and train as the steps do."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs import loading
from realm_tf.tpu import lowering
from realm_tf.tpu import step_programs
from realm_tf.training import optimizers
from realm_tf.training import steps
from realm_tf.training.tasks import device_task
from tests import synthetic
from tests.training import demo_tasks

_BATCH = 4
_LOWERED_BATCH = 2
_SETTING = step_programs.Setting(cores=4, num_passages=100)
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


def test_features_of_retrieval_on_cores_are_those_of_its_pipeline():
  config = synthetic.realm_config()
  corpus = synthetic.random_corpus()
  with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
    task = device_task.DeviceRealmTask(
      config,
      synthetic.make_tokenizer(),
      corpus,
      synthetic.passage_table(corpus),
    )
  features = next(iter(task.train_pipeline(0)))
  specs = step_programs.pretrain_device_features(config, config.batch_size)
  assert {k: (v.shape, v.dtype) for k, v in specs.items()} == {
    k: (v.shape, v.dtype) for k, v in features.items()
  }


@functools.cache
def lowered(name):
  """Lowers a step of the tiny preset, once for all tests."""
  kind = step_programs.STEPS[name]
  config = loading.load(kind.task, "tiny", {})
  program = kind.build(config, _LOWERED_BATCH, _SETTING)
  return lowering.lower(program, _SETTING.cores)


@pytest.mark.parametrize("name", step_programs.STEPS)
def test_every_step_lowers_with_static_shapes(name):
  hlo = lowered(name)
  assert not hlo.custom_calls
  assert (hlo.summed_bytes > 0) == step_programs.STEPS[name].trains
  searches_roughly = name == "pretrain_device"
  assert (hlo.recall is not None) == searches_roughly


def test_what_retrieval_exchanges_is_that_of_the_formula():
  config = loading.load("pretrain", "tiny", {})
  cores = _SETTING.cores
  host, device = lowered("pretrain"), lowered("pretrain_device")
  queries, count = _LOWERED_BATCH * cores, config.num_candidates
  words = -(-(config.passage_length + 2) // 2)
  exchanged = 4 * (
    queries * config.embedding_size
    # Scores, rows and keys of the best of each share.
    + 3 * cores * queries * count
    # Rows that are asked for, and their wordpieces.
    + queries * (count - 1) * (1 + words)
  )
  assert device.summed_bytes - host.summed_bytes == exchanged


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
