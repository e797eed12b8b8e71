import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf import interruption
from realm_tf.runs import run_state
from realm_tf.training import base_task
from realm_tf.training import loop
from realm_tf.training.tasks import pipelines
from tests import programs
from tests import synthetic


class Root(base_task.Task):
  """Has the loss sqrt(kernel * x), without a gradient where x is 0."""

  name = "root"

  def __init__(self, batches):
    layer = tf.keras.layers.Dense(1, use_bias=False)
    layer.build([None, 1])
    layer.set_weights([np.array([[1.0]])])
    self.parts = {"root": layer}
    self._batches = tf.constant(batches)

  def sums(self, features, *, training):
    root = tf.sqrt(self.parts["root"](features["x"]))
    return {"loss": (tf.reduce_sum(root), tf.constant(1.0))}

  def train_pipeline(self, first_step):
    return pipelines.by_step(
      lambda step: {"x": tf.reshape(tf.gather(self._batches, step), [1, 1])},
      first_step,
      len(self._batches),
    )

  def eval_pipeline(self):
    return pipelines.by_step(lambda _: {"x": tf.ones([1, 1])}, 0, 1)


class Exports(loop.Hook):
  """Notes the steps after which it would export."""

  def __init__(self):
    self.steps = []

  def exports_after(self, step):
    return step % 2 == 0

  def after_step(self, step, replaced):
    if self.exports_after(step):
      self.steps.append(step)
    return {}


def train(folder, batches, hook=None, **every):
  never = dict.fromkeys(
    [f"{what}_every_steps" for what in ("summary", "evaluate", "checkpoint")],
    100,
  )
  config = synthetic.realm_config(
    train_steps=len(batches),
    **(never | every),
  )
  one = tf.distribute.OneDeviceStrategy("/cpu:0")
  with one.scope():
    task = Root(batches)
  run = synthetic.make_run("pretrain", config)
  return loop.train(task, run, str(folder), one, hook)


def test_a_gradient_that_is_not_finite_is_neither_saved_nor_exported(tmp_path):
  hook = Exports()
  # The loss of step 4 is 0: its gradient alone tells.
  with pytest.raises(errors.UserError) as error:
    train(tmp_path, [1.0, 1.0, 1.0, 0.0, 1.0], hook, checkpoint_every_steps=2)
  assert "gradient_norm is nan at step 4" in str(error.value)
  assert "`config.learning_rate`" in str(error.value)
  assert "\n" not in str(error.value)
  assert hook.steps == [2]
  names = {p.name for p in (tmp_path / "checkpoints").glob("*.index")}
  assert names == {"ckpt-2.index"}


def test_what_is_not_finite_between_two_summaries_is_found_at_an_export(
  tmp_path,
):
  hook = Exports()
  with pytest.raises(errors.UserError, match="at step 3"):
    train(tmp_path, [1.0, 1.0, 0.0, 1.0, 1.0], hook)
  assert hook.steps == [2]


class Removes(loop.Hook):
  """Someone removes the run's folder."""

  def __init__(self, folder, after_step):
    self._folder, self._step = folder, after_step

  def after_step(self, step, replaced):
    if step == self._step:
      shutil.rmtree(self._folder)
    return {}


def test_a_removed_folder_ends_a_run_and_is_not_made_again(tmp_path):
  folder = tmp_path / "run"
  state = run_state.RunState(str(folder))
  with pytest.raises(errors.UserError) as error, state.hold():
    train(folder, [1.0] * 6, Removes(folder, 3), checkpoint_every_steps=2)
  assert f"model_dir={folder} was removed or moved" in str(error.value)
  assert "by step 4" in str(error.value)
  assert not folder.exists()


class Interrupts(loop.Hook):
  """A signal comes during an evaluation."""

  def __init__(self, at_step):
    self.at_step = at_step
    self.evaluated = []

  def after_evaluation(self, step, means):
    self.evaluated.append(step)
    if step == self.at_step:
      raise interruption.Interrupted(15)
    return {}


def test_an_evaluation_that_a_signal_ends_is_made_up_for(tmp_path):
  every = {"evaluate_every_steps": 2, "checkpoint_every_steps": 4}
  for step in (2, 4):
    with pytest.raises(interruption.Interrupted, match=f"at step {step}"):
      train(tmp_path, [1.0] * 4, Interrupts(step), **every)
    assert (tmp_path / "checkpoints" / f"ckpt-{step}.index").exists()
  hook = Interrupts(None)
  result = train(tmp_path, [1.0] * 4, hook, **every)
  assert hook.evaluated == [4] and list(result.evaluations) == [4]
  hook = Interrupts(None)
  train(tmp_path, [1.0] * 4, hook, **every)
  assert hook.evaluated == []


def test_a_run_of_two_replicas_goes_on_where_it_died(world, tmp_path):
  result = programs.result_of(
    "tests.training.mirrored_run", str(world), str(tmp_path / "run")
  )
  assert set(result["replicas"]) == {2}
  assert result["step"] == 5
  assert sorted(result["died"]) == ["1", "2", "3", "4"]
  assert 0 <= result["exact_match"] <= 1
  # Step 4 comes after the checkpoint, and again once the run goes on.
  for step, loss in result["died"].items():
    assert result["again"][step] == pytest.approx(loss, rel=1e-5)
