import dataclasses

import pytest

from realm_tf import errors
from realm_tf.configs import run_config
from realm_tf.training import first_weights
from tests import synthetic
from tests.training import small_runs


def error_of(kind, sources, **changes):
  with pytest.raises(errors.UserError) as error:
    small_runs.initialize(kind, sources, **changes)
  assert "\n" not in str(error.value)
  return str(error.value)


def test_each_part_comes_from_the_run_that_has_it(tmp_path):
  mlm = small_runs.save_run(tmp_path / "mlm", "pretrain_mlm", step=11)
  ict = small_runs.save_run(tmp_path / "ict", "pretrain_ict", step=22)
  task, report = small_runs.initialize(
    "pretrain", [tmp_path / "mlm", tmp_path / "ict"]
  )
  for role, origin in (("reader", mlm), ("retriever", ict)):
    assert small_runs.equal(
      small_runs.weights_of(task.parts[role]),
      small_runs.weights_of(origin.parts[role]),
    )
  assert sorted(report.taken) == [
    f"reader from {tmp_path / 'mlm'}, step 11",
    f"retriever from {tmp_path / 'ict'}, step 22",
  ]
  assert report.missing == []


def test_a_part_that_no_run_has_keeps_its_weights_and_is_named(tmp_path):
  small_runs.save_run(tmp_path / "ict", "pretrain_ict")
  config, task, _ = small_runs.make("pretrain")
  before = small_runs.weights_of(task.parts["reader"])
  run = synthetic.make_run(
    "pretrain", config, init_checkpoint=str(tmp_path / "ict")
  )
  report = first_weights.initialize(task.parts, run)
  assert report.missing == ["reader"]
  assert small_runs.equal(small_runs.weights_of(task.parts["reader"]), before)


def test_without_a_source_nothing_is_taken():
  task, report = small_runs.initialize("pretrain_ict", [])
  assert report == first_weights.InitReport(taken=[], missing=["retriever"])
  assert set(task.parts) == {"retriever"}


def test_the_later_source_gives_a_part_that_two_have(tmp_path):
  small_runs.save_run(tmp_path / "one", "pretrain_ict")
  two = small_runs.save_run(tmp_path / "two", "pretrain_ict")
  task, report = small_runs.initialize(
    "pretrain", [tmp_path / "one", tmp_path / "two"]
  )
  assert small_runs.equal(
    small_runs.weights_of(task.parts["retriever"]),
    small_runs.weights_of(two.parts["retriever"]),
  )
  assert report.taken == [f"retriever from {tmp_path / 'two'}, step 40"]


@pytest.mark.parametrize("tied", [True, False])
def test_ict_starts_its_encoders_from_a_language_model(tmp_path, tied):
  mlm = small_runs.save_run(tmp_path, "pretrain_mlm", tied_embedders=tied)
  task, report = small_runs.initialize(
    "pretrain_ict", [tmp_path], tied_embedders=tied
  )
  wanted = small_runs.weights_of(mlm.parts["reader"].encoder)
  retriever = task.parts["retriever"]
  for tower in (retriever.query_embedder, retriever.passage_embedder):
    got = small_runs.weights_of(tower.encoder)[
      : len(wanted)
    ]  # the pooler is last
    assert small_runs.equal(got, wanted)
  assert report.missing == []
  assert "language model" in report.taken[0]


def test_a_run_without_the_part_is_refused(tmp_path):
  small_runs.save_run(tmp_path, "pretrain_ict")
  message = error_of("pretrain_mlm", [tmp_path])
  assert f"--init_checkpoint={tmp_path} holds retriever" in message
  assert "pretrain_mlm" in message


@pytest.mark.parametrize(
  "change",
  [{"hidden_size": 32}, {"num_layers": 2}, {"tied_embedders": False}],
)
def test_another_shape_is_refused_by_its_field(tmp_path, change):
  small_runs.save_run(tmp_path, "pretrain_ict")
  name, value = next(iter(change.items()))
  message = error_of("pretrain", [tmp_path], **change)
  assert f"--config.{name}={value}" in message
  assert f"--init_checkpoint={tmp_path}" in message


def test_another_vocabulary_is_refused(tmp_path):
  small_runs.save_run(tmp_path, "pretrain_ict")
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
