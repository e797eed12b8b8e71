"""Commands that are suggested: what they take over from a run."""

import os
import shlex

import pytest

from realm_tf import suggestions
from realm_tf.configs import loading
from tests.launch import suggested


def training(task, model_dir, after_task, preset, **fields):
  """Returns the flags of a suggested training."""
  config = loading.load(after_task, preset, fields)
  flags = {"corpus": "c"}
  command = suggestions.training(
    task, config, after_task, str(model_dir), flags
  )
  return suggested.commands(f"Next: {command}")[0][1]


@pytest.mark.parametrize("preset", loading.PRESETS)
@pytest.mark.parametrize(
  ("after", "task", "name"),
  [
    ("pretrain_mlm", "pretrain_ict", "ict"),
    ("pretrain_ict", "pretrain", "realm"),
    ("pretrain", "finetune", "qa"),
  ],
)
def test_a_preset_is_followed_by_itself(tmp_path, preset, after, task, name):
  found = training(task, tmp_path / "run", after, preset)
  assert found == [
    f"--config={preset}",
    "--corpus=c",
    f"--model_dir={tmp_path}/{name}",
  ]


def test_what_a_run_has_changed_is_kept_where_it_must_be(tmp_path):
  found = training(
    "pretrain",
    tmp_path / "run",
    "pretrain_ict",
    "mini",
    hidden_size=128,
    precision="float32",
    passage_length=256,
    tied_embedders=False,
    learning_rate=1.0,
    train_steps=300,
    seed=5,
  )
  assert found[:-2] == [
    "--config=mini",
    "--config.hidden_size=128",
    "--config.precision=float32",
    "--config.passage_length=256",
    "--config.tied_embedders=False",
  ]
  # Fine-tuning has two towers always.
  found = training(
    "finetune", tmp_path / "run", "pretrain", "mini", tied_embedders=False
  )
  assert found[:-2] == ["--config=mini"]


def test_a_frozen_encoder_stays_frozen_in_pretraining_alone(tmp_path):
  frozen = {"projection_size": 64, "train_retriever_encoder": False}
  for after, task in (("pretrain_ict", "pretrain"), ("pretrain", "finetune")):
    found = training(task, tmp_path / "run", after, "mini", **frozen)
    is_kept = "--config.train_retriever_encoder=False" in found
    assert is_kept == (task == "pretrain")


@pytest.mark.parametrize("task", ["pretrain_ict", "pretrain", "finetune"])
def test_inputs_fit_the_positions_of_the_run(tmp_path, task):
  found = training(
    task,
    tmp_path / "run",
    "pretrain_ict",
    "mini",
    max_positions=100,
    query_length=64,
    passage_length=100,
  )
  fields = dict(
    flag.removeprefix("--config.").split("=")
    for flag in found
    if flag.startswith("--config.")
  )
  # Fails if one is longer.
  config = loading.load(task, "mini", {k: int(v) for k, v in fields.items()})
  assert config.max_positions == 100


def test_folders_are_new_and_words_are_quoted(tmp_path, monkeypatch):
  parent = tmp_path / "my runs"
  parent.mkdir()
  corpus = str(parent / "corpus")
  assert suggestions.new_folder(corpus, "ict") == str(parent / "ict")
  (parent / "ict").mkdir()
  (parent / "ict-2").symlink_to("nowhere")
  assert suggestions.new_folder(corpus, "ict") == str(parent / "ict-3")
  assert suggestions.new_folder("corpus", "ict") == "ict"
  # A run's folder must be on a disk.
  assert suggestions.new_folder("gs://any/corpus", "ict") == "runs/ict"
  command = suggestions.first_training("pretrain_ict", corpus)
  assert shlex.split(command)[-2:] == [
    f"--corpus={corpus}",
    f"--model_dir={parent}/ict-3",
  ]
  # Whether or not the environment has been activated.
  program = shlex.split(command)[0]
  assert os.path.exists(program) or program == "python"
