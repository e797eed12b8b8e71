import tensorflow as tf

from realm_tf.checkpoints import own_run
from realm_tf.training import checkpoints
from tests.training import small_runs


def test_what_is_saved_is_restored(tmp_path):
  _, task, adam = small_runs.make("pretrain_ict")
  variables = task.parts["retriever"].trainable_variables
  adam.apply_gradients([(tf.ones_like(v), v) for v in variables])
  state = checkpoints.TrainerState(str(tmp_path), task, adam)
  assert not state.restore()
  state.step.assign(12)
  state.index_version.assign(5)
  state.save()
  wanted = small_runs.weights_of(task.parts["retriever"])

  _, other, other_adam = small_runs.make("pretrain_ict")
  other_variables = other.parts["retriever"].trainable_variables
  restored = checkpoints.TrainerState(str(tmp_path), other, other_adam)
  assert restored.restore()
  assert int(restored.step) == 12
  assert int(restored.index_version) == 5
  assert small_runs.equal(
    small_runs.weights_of(other.parts["retriever"]), wanted
  )
  # The next step is the same, so the optimizer's moments were there.
  for one, vs in ((adam, variables), (other_adam, other_variables)):
    one.apply_gradients([(0.5 * tf.ones_like(v), v) for v in vs])
  assert small_runs.equal(
    small_runs.weights_of(task.parts["retriever"]),
    small_runs.weights_of(other.parts["retriever"]),
  )
  assert int(other_adam.iterations) == 2


def test_the_newest_three_are_kept_and_the_newest_is_restored(tmp_path):
  _, task, adam = small_runs.make("pretrain_ict")
  state = checkpoints.TrainerState(str(tmp_path), task, adam)
  for step in (10, 20, 30, 40):
    state.step.assign(step)
    state.save()
  names = {p.name for p in (tmp_path / "checkpoints").glob("*.index")}
  assert names == {f"ckpt-{step}.index" for step in (20, 30, 40)}
  again = checkpoints.TrainerState(str(tmp_path), task, adam)
  assert again.restore()
  assert int(again.step) == 40
  path, step = own_run.weights_path(str(tmp_path))
  assert path.endswith("ckpt-40")
  assert step == 40


def test_the_best_weights_replace_the_last_best(tmp_path):
  model_dir = str(tmp_path)
  assert checkpoints.best(model_dir, "utility") == (float("-inf"), 0)
  task = small_runs.save_run(tmp_path, "pretrain", step=90)
  checkpoints.save_best(model_dir, task.parts, 5, "utility", 0.25)
  checkpoints.save_best(model_dir, task.parts, 10, "utility", 0.5)
  gamma = task.parts["retriever"].query_embedder.layer_norm.gamma
  gamma.assign(7 * tf.ones_like(gamma))
  best = small_runs.weights_of(task.parts["retriever"])
  folder = checkpoints.save_best(model_dir, task.parts, 20, "utility", 0.75)
  gamma.assign(tf.zeros_like(gamma))
  assert checkpoints.best(model_dir, "utility") == (0.75, 20)
  # Who has just read the last manifest still finds what it names.
  assert sorted(tf.io.gfile.listdir(folder)) == [
    "manifest.json",
    "weights-10.data-00000-of-00001",
    "weights-10.index",
    "weights-20.data-00000-of-00001",
    "weights-20.index",
  ]
  # Others start from the best, not from the newest.
  other, report = small_runs.initialize("pretrain", [tmp_path])
  assert small_runs.equal(small_runs.weights_of(other.parts["retriever"]), best)
  assert report.taken == [
    f"retriever from {tmp_path}, step 20",
    f"reader from {tmp_path}, step 20",
  ]
