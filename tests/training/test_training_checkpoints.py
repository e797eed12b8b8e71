import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints.formats import own_run
from realm_tf.runs import run_state
from realm_tf.training import training_checkpoints
from tests.training import small_runs


def test_what_is_saved_is_restored(tmp_path):
  _, task, adam = small_runs.make("pretrain_ict")
  variables = task.parts["retriever"].trainable_variables
  adam.apply_gradients([(tf.ones_like(v), v) for v in variables])
  state = training_checkpoints.TrainerState(str(tmp_path), task, adam)
  assert not state.restore()
  state.step.assign(12)
  state.index_version.assign(5)
  state.save()
  wanted = small_runs.weights_of(task.parts["retriever"])

  _, other, other_adam = small_runs.make("pretrain_ict")
  other_variables = other.parts["retriever"].trainable_variables
  restored = training_checkpoints.TrainerState(str(tmp_path), other, other_adam)
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
  state = training_checkpoints.TrainerState(str(tmp_path), task, adam)
  for step in (10, 20, 30, 40):
    state.step.assign(step)
    state.save()
  names = {p.name for p in (tmp_path / "checkpoints").glob("*.index")}
  assert names == {f"ckpt-{step}.index" for step in (20, 30, 40)}
  again = training_checkpoints.TrainerState(str(tmp_path), task, adam)
  assert again.restore()
  assert int(again.step) == 40
  path, step = own_run.weights_path(str(tmp_path))
  assert path.endswith("ckpt-40")
  assert step == 40


def test_the_best_weights_replace_the_last_best(tmp_path):
  model_dir = str(tmp_path)
  assert training_checkpoints.best(model_dir, "utility") == (float("-inf"), 0)
  task = small_runs.save_run(tmp_path, "pretrain", step=90)
  training_checkpoints.save_best(model_dir, task.parts, 5, "utility", 0.25)
  training_checkpoints.save_best(model_dir, task.parts, 10, "utility", 0.5)
  gamma = task.parts["retriever"].query_embedder.layer_norm.gamma
  gamma.assign(7 * tf.ones_like(gamma))
  best = small_runs.weights_of(task.parts["retriever"])
  folder = training_checkpoints.save_best(
    model_dir, task.parts, 20, "utility", 0.75
  )
  gamma.assign(tf.zeros_like(gamma))
  assert training_checkpoints.best(model_dir, "utility") == (0.75, 20)
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


def saved_run(tmp_path, *steps):
  """A run with checkpoints; that of step N names index version N / 2."""
  _, task, adam = small_runs.make("pretrain_ict")
  state = training_checkpoints.TrainerState(str(tmp_path), task, adam)
  for step in steps:
    state.step.assign(step)
    state.index_version.assign(step // 2)
    state.save()
  return tmp_path / "checkpoints"


def new_state(tmp_path):
  _, task, adam = small_runs.make("pretrain_ict")
  return training_checkpoints.TrainerState(str(tmp_path), task, adam)


def names_in(folder):
  return sorted(p.stem for p in folder.glob("*.index"))


def damage(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 0xFF
  path.write_bytes(content)


def shorten(path):
  path.write_bytes(path.read_bytes()[:-1000])


def remove(path):
  path.unlink()


def test_checkpoints_are_found_without_the_note_of_what_is_there(tmp_path):
  folder = saved_run(tmp_path, 4, 8, 12)
  (folder / "checkpoint").unlink()
  assert own_run.weights_path(str(tmp_path)) == (f"{folder}/ckpt-12", 12)
  state = new_state(tmp_path)
  assert state.restore()
  assert int(state.step) == 12
  assert state.kept_index_versions == [2, 4, 6]
  # Old ones are still removed.
  state.step.assign(16)
  state.save()
  assert names_in(folder) == ["ckpt-12", "ckpt-16", "ckpt-8"]
  assert tf.train.latest_checkpoint(str(folder)).endswith("ckpt-16")


@pytest.mark.parametrize("harm", [damage, shorten, remove])
def test_a_damaged_newest_gives_way_to_the_one_before(tmp_path, harm, capsys):
  folder = saved_run(tmp_path, 4, 8, 12)
  harm(folder / "ckpt-12.data-00000-of-00001")
  state = new_state(tmp_path)
  assert state.restore()
  assert int(state.step) == 8
  said = capsys.readouterr().out
  assert said.count("\n") == 1
  assert said.startswith(f"warning: {folder}/ckpt-12 ")
  assert said.endswith(f"taking {folder}/ckpt-8.\n")
  assert own_run.weights_path(str(tmp_path)) == (f"{folder}/ckpt-8", 8)
  # What could not be read is the first to go.
  state.step.assign(9)
  state.save()
  assert names_in(folder) == ["ckpt-4", "ckpt-8", "ckpt-9"]
  assert not list(folder.glob("ckpt-12*"))


def test_damaged_best_weights_give_way_to_the_newest(tmp_path, capsys):
  task = small_runs.save_run(tmp_path, "pretrain", step=90)
  best = training_checkpoints.save_best(
    str(tmp_path), task.parts, 5, "utility", 0.25
  )
  damage(tmp_path / "exports" / "best" / "weights-5.data-00000-of-00001")
  path, step = own_run.weights_path(str(tmp_path))
  assert (path, step) == (f"{tmp_path}/checkpoints/ckpt-90", 90)
  assert f"{best}/weights-5 is damaged" in capsys.readouterr().out
  tf.io.gfile.rmtree(f"{tmp_path}/checkpoints")
  with pytest.raises(errors.UserError, match="weights-5 is damaged"):
    own_run.weights_path(str(tmp_path))


def test_a_run_whose_checkpoints_are_gone_is_refused(tmp_path):
  folder = saved_run(tmp_path, 4, 8)
  for path in folder.glob("*.data-*"):
    damage(path)
  before = {path: path.read_bytes() for path in folder.iterdir()}
  for match in ("No checkpoint in .* can be read: .*ckpt-8.*ckpt-4",) * 2:
    with pytest.raises(errors.UserError, match=match):
      new_state(tmp_path).restore()
  assert before == {path: path.read_bytes() for path in folder.iterdir()}
  tf.io.gfile.rmtree(str(folder))
  for _ in range(2):
    with (
      pytest.raises(errors.UserError, match="has been trained, but") as error,
      run_state.RunState(str(tmp_path)).hold(),
    ):
      new_state(tmp_path).restore()
    assert "\n" not in str(error.value)
  assert not folder.exists()


def test_a_run_of_before_that_ended_has_had_a_checkpoint(tmp_path):
  file = tmp_path / "run_state.json"
  for state, refused in (("done", True), ("running", False)):
    file.write_text(f'{{"state": "{state}", "pid": 1, "host": "a"}}')
    # Its trainer has said that it failed, the second time.
    for _ in range(2):
      try:
        with run_state.RunState(str(tmp_path)).hold():
          assert not new_state(tmp_path).restore()
          raise RuntimeError("killed before its first checkpoint")
      except (errors.UserError, RuntimeError) as e:
        assert isinstance(e, errors.UserError) == refused


def test_a_save_that_was_cut_short_is_no_checkpoint_yet(tmp_path):
  folder = saved_run(tmp_path, 4)
  (folder / "ckpt-4.index").unlink()
  (tmp_path / "run_state.json").unlink()
  assert not new_state(tmp_path).restore()


def test_a_first_save_that_found_no_room_is_none(tmp_path):
  config, task, optimizer = small_runs.make("pretrain_mlm")
  state = training_checkpoints.TrainerState(str(tmp_path), task, optimizer)
  (tmp_path / "checkpoints").mkdir()
  for ending in ("index", "data-00000-of-00001"):
    (tmp_path / "checkpoints" / f"ckpt-2.{ending}").write_bytes(b"short")
  assert not state.restore()
  state.step.assign(2)
  state.save()
  assert state.restore()
  # Of a run that had one, it is damage.
  (tmp_path / "checkpoints" / "ckpt-2.index").write_bytes(b"short")
  with pytest.raises(errors.UserError, match="is damaged"):
    state.restore()


def test_a_save_that_the_disk_cut_short_is_told(tmp_path, monkeypatch):
  config, task, optimizer = small_runs.make("pretrain_mlm")
  state = training_checkpoints.TrainerState(str(tmp_path), task, optimizer)
  state.step.assign(1)
  state.save()

  def cut_short(write):
    def cutting(*args, **options):
      path = write(*args, **options)
      with open(f"{path}.data-00000-of-00001", "r+b") as f:
        f.truncate(100)
      return path

    return cutting

  for writer, name in (
    (tf.train.Checkpoint, "write"),
    (tf.train.CheckpointManager, "save"),
  ):
    monkeypatch.setattr(writer, name, cut_short(getattr(writer, name)))
  state.step.assign(2)
  with pytest.raises(errors.UserError, match="Is the disk full"):
    state.save()
  with pytest.raises(errors.UserError, match="Is the disk full"):
    training_checkpoints.save_best(str(tmp_path), task.parts, 2, "loss", 1.0)
  state.step.assign(0)
  assert state.restore()
  assert int(state.step) == 1
