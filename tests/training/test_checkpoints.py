import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.configs import run_config
from realm_tf.models import embedder
from realm_tf.models import reader as reader_lib
from realm_tf.training import checkpoints
from realm_tf.training import optimizer as optimizer_lib
from tests import synthetic

VOCAB = len(synthetic.VOCABULARY)
IDS = tf.constant([[2, 8, 30, 9, 3, 0]])
CONFIGS = {
  "pretrain_mlm": synthetic.mlm_config,
  "pretrain_ict": synthetic.ict_config,
  "pretrain": synthetic.realm_config,
}
ROLES = {
  "pretrain_mlm": ("reader",),
  "pretrain_ict": ("retriever",),
  "pretrain": ("retriever", "reader"),
}


class Task:
  """The part of a task that checkpoints look at."""

  def __init__(self, kind, config):
    self.parts = {}
    for role in ROLES[kind]:
      if role == "reader":
        limit = config.query_length if kind == "pretrain" else None
        part = reader_lib.MaskedLanguageModel(
          config, VOCAB, name="reader", output_range=limit
        )
        part(IDS, tf.zeros_like(IDS), tf.constant([[2]]))
      else:
        part = embedder.Retriever(config, VOCAB)
        part(IDS, IDS)
      self.parts[role] = part
    for part in self.parts.values():
      for variable in part.trainable_variables:
        variable.assign_add(0.1 * tf.random.normal(variable.shape))


def make(kind, **changes):
  config = CONFIGS[kind](**changes)
  task = Task(kind, config)
  return config, task, optimizer_lib.make_optimizer(config)


def save_run(folder, kind, step=40, **changes):
  """A run with one checkpoint; returns its task."""
  config, task, adam = make(kind, **changes)
  run_config.write_or_match(str(folder), synthetic.make_run(kind, config))
  state = checkpoints.TrainerState(str(folder), task, adam)
  state.step.assign(step)
  state.save()
  return task


def weights_of(part):
  return [v.numpy() for v in part.trainable_variables]


def equal(a, b):
  return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def initialize(kind, sources, **changes):
  """Starts a run from others; returns its task and the report."""
  config, task, _ = make(kind, **changes)
  run = synthetic.make_run(
    kind, config, init_checkpoint=",".join(str(s) for s in sources)
  )
  checkpoints.check_sources(run)
  return task, checkpoints.initialize(task.parts, run)


def error_of(kind, sources, **changes):
  with pytest.raises(errors.UserError) as error:
    initialize(kind, sources, **changes)
  assert "\n" not in str(error.value)
  return str(error.value)


def test_what_is_saved_is_restored(tmp_path):
  _, task, adam = make("pretrain_ict")
  variables = task.parts["retriever"].trainable_variables
  adam.apply_gradients([(tf.ones_like(v), v) for v in variables])
  state = checkpoints.TrainerState(str(tmp_path), task, adam)
  assert not state.restore()
  state.step.assign(12)
  state.index_version.assign(5)
  state.save()
  wanted = weights_of(task.parts["retriever"])

  _, other, other_adam = make("pretrain_ict")
  other_variables = other.parts["retriever"].trainable_variables
  restored = checkpoints.TrainerState(str(tmp_path), other, other_adam)
  assert restored.restore()
  assert int(restored.step) == 12
  assert int(restored.index_version) == 5
  assert equal(weights_of(other.parts["retriever"]), wanted)
  # The next step is the same, so the optimizer's moments were there.
  for one, vs in ((adam, variables), (other_adam, other_variables)):
    one.apply_gradients([(0.5 * tf.ones_like(v), v) for v in vs])
  assert equal(
    weights_of(task.parts["retriever"]), weights_of(other.parts["retriever"])
  )
  assert int(other_adam.iterations) == 2


def test_the_newest_three_are_kept_and_the_newest_is_restored(tmp_path):
  _, task, adam = make("pretrain_ict")
  state = checkpoints.TrainerState(str(tmp_path), task, adam)
  for step in (10, 20, 30, 40):
    state.step.assign(step)
    state.save()
  names = {p.name for p in (tmp_path / "checkpoints").glob("*.index")}
  assert names == {f"ckpt-{step}.index" for step in (20, 30, 40)}
  again = checkpoints.TrainerState(str(tmp_path), task, adam)
  assert again.restore()
  assert int(again.step) == 40
  path, step = checkpoints.weights_path(str(tmp_path))
  assert path.endswith("ckpt-40")
  assert step == 40


def test_the_best_weights_replace_the_last_best(tmp_path):
  model_dir = str(tmp_path)
  assert checkpoints.best(model_dir, "utility") == (float("-inf"), 0)
  task = save_run(tmp_path, "pretrain", step=90)
  checkpoints.save_best(model_dir, task.parts, 10, "utility", 0.5)
  gamma = task.parts["retriever"].query_embedder.layer_norm.gamma
  gamma.assign(7 * tf.ones_like(gamma))
  best = weights_of(task.parts["retriever"])
  folder = checkpoints.save_best(model_dir, task.parts, 20, "utility", 0.75)
  gamma.assign(tf.zeros_like(gamma))
  assert checkpoints.best(model_dir, "utility") == (0.75, 20)
  assert sorted(tf.io.gfile.listdir(folder)) == [
    "manifest.json",
    "weights-20.data-00000-of-00001",
    "weights-20.index",
  ]
  # Others start from the best, not from the newest.
  other, report = initialize("pretrain", [tmp_path])
  assert equal(weights_of(other.parts["retriever"]), best)
  assert report.taken == [
    f"retriever from {tmp_path}, step 20",
    f"reader from {tmp_path}, step 20",
  ]


def test_each_part_comes_from_the_run_that_has_it(tmp_path):
  mlm = save_run(tmp_path / "mlm", "pretrain_mlm", step=11)
  ict = save_run(tmp_path / "ict", "pretrain_ict", step=22)
  task, report = initialize("pretrain", [tmp_path / "mlm", tmp_path / "ict"])
  for role, origin in (("reader", mlm), ("retriever", ict)):
    assert equal(weights_of(task.parts[role]), weights_of(origin.parts[role]))
  assert sorted(report.taken) == [
    f"reader from {tmp_path / 'mlm'}, step 11",
    f"retriever from {tmp_path / 'ict'}, step 22",
  ]
  assert report.missing == []


def test_a_part_that_no_run_has_keeps_its_weights_and_is_named(tmp_path):
  save_run(tmp_path / "ict", "pretrain_ict")
  config, task, _ = make("pretrain")
  before = weights_of(task.parts["reader"])
  run = synthetic.make_run(
    "pretrain", config, init_checkpoint=str(tmp_path / "ict")
  )
  report = checkpoints.initialize(task.parts, run)
  assert report.missing == ["reader"]
  assert equal(weights_of(task.parts["reader"]), before)


def test_without_a_source_nothing_is_taken():
  task, report = initialize("pretrain_ict", [])
  assert report == checkpoints.InitReport(taken=[], missing=["retriever"])
  assert set(task.parts) == {"retriever"}


def test_the_later_source_gives_a_part_that_two_have(tmp_path):
  save_run(tmp_path / "one", "pretrain_ict")
  two = save_run(tmp_path / "two", "pretrain_ict")
  task, report = initialize("pretrain", [tmp_path / "one", tmp_path / "two"])
  assert equal(
    weights_of(task.parts["retriever"]), weights_of(two.parts["retriever"])
  )
  assert report.taken == [f"retriever from {tmp_path / 'two'}, step 40"]


@pytest.mark.parametrize("tied", [True, False])
def test_ict_starts_its_encoders_from_a_language_model(tmp_path, tied):
  mlm = save_run(tmp_path, "pretrain_mlm", tied_embedders=tied)
  task, report = initialize("pretrain_ict", [tmp_path], tied_embedders=tied)
  wanted = weights_of(mlm.parts["reader"].encoder)
  retriever = task.parts["retriever"]
  for tower in (retriever.query_embedder, retriever.passage_embedder):
    got = weights_of(tower.encoder)[: len(wanted)]  # the pooler is last
    assert equal(got, wanted)
  assert report.missing == []
  assert "language model" in report.taken[0]


def test_a_run_without_the_part_is_refused(tmp_path):
  save_run(tmp_path, "pretrain_ict")
  message = error_of("pretrain_mlm", [tmp_path])
  assert f"--init_checkpoint={tmp_path} holds retriever" in message
  assert "pretrain_mlm" in message


@pytest.mark.parametrize(
  "change",
  [{"hidden_size": 32}, {"num_layers": 2}, {"tied_embedders": False}],
)
def test_another_shape_is_refused_by_its_field(tmp_path, change):
  save_run(tmp_path, "pretrain_ict")
  name, value = next(iter(change.items()))
  message = error_of("pretrain", [tmp_path], **change)
  assert f"--config.{name}={value}" in message
  assert f"--init_checkpoint={tmp_path}" in message


def test_another_vocabulary_is_refused(tmp_path):
  save_run(tmp_path, "pretrain_ict")
  path = str(tmp_path)
  found = run_config.read(path)
  (tmp_path / "config.json").unlink()
  run_config.write_or_match(path, dataclasses.replace(found, vocab_sha256="z"))
  message = error_of("pretrain", [tmp_path])
  assert "another vocabulary" in message
  assert "vocab.txt" in message


def test_a_folder_without_run_or_checkpoint_is_named(tmp_path):
  assert "is no run" in error_of("pretrain", [tmp_path / "nowhere"])
  config = synthetic.ict_config()
  run = synthetic.make_run("pretrain_ict", config)
  run_config.write_or_match(str(tmp_path), run)
  assert "holds no checkpoint" in error_of("pretrain", [tmp_path])
