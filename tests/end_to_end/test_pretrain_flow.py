"""From articles to a pre-trained REALM, through the commands."""

import json
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.configs import loading
from realm_tf.data.corpus import sentence_folder
from realm_tf.index.job import refresher_process
from realm_tf.index.versions import index_store
from realm_tf.reproduction import plan
from realm_tf.reproduction import scales
from realm_tf.runs import run_config
from realm_tf.runs import run_state
from realm_tf.training.recipes import pretraining
from realm_tf.training.recipes import refresh_hook
from tests.end_to_end import tiny_runs
from tests.launch import suggested

_STEPS = 16
_TRAIN_SCALARS = {
  "loss",
  "retrieval_utility",
  "entropy",
  "null_probability",
  "index_age_steps",
  "examples_per_sec",
  "learning_rate",
}
_EVAL_SCALARS = {
  "loss",
  "retrieval_utility",
  "entropy",
  "null_probability",
  "accuracy",
  "accuracy_without_retrieval",
}


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
  """Runs all commands; returns the folder with their outputs."""
  root = tmp_path_factory.mktemp("flow")
  source = tiny_runs.write_articles(
    root / "articles.jsonl", tiny_runs.articles(60)
  )
  tiny_runs.run(
    "build_corpus",
    f"--input={source}",
    f"--output={root}/corpus",
    "--vocab_size=600",
    # More than the models read.
    "--max_passage_tokens=48",
    "--num_shards=2",
    # Beam's.
    "--direct_running_mode=in_memory",
    "--beam_flag=--direct_num_workers=1",
  )
  tiny_runs.run("annotate_spans", f"--corpus={root}/corpus", "--tagger=rules")

  def train(command, model_dir, *flags, steps, **config):
    config |= {"train_steps": steps, "checkpoint_every_steps": 4}
    return tiny_runs.run(
      command,
      "--config=tiny",
      f"--corpus={root}/corpus",
      f"--model_dir={root}/{model_dir}",
      *tiny_runs.config_flags(evaluate_every_steps=8, **config),
      *flags,
    )

  mlm_out = train("pretrain_mlm", "mlm", steps=8)
  ict_out = train(
    "pretrain_ict", "ict", f"--init_checkpoint={root}/mlm", steps=8
  )
  suggested.check(mlm_out, "pretrain_ict")
  # The command that is suggested, but for how long and how often.
  flags = suggested.check(ict_out, "pretrain")
  schedule = {
    "train_steps": _STEPS,
    "batch_size": 8,
    "warmup_steps": 2,
    "heldout_fraction": 0.2,
    "eval_batches": 1,
    "summary_every_steps": 1,
    "checkpoint_every_steps": 4,
    "evaluate_every_steps": 8,
    # At the age limit the trainer waits: it uses a version every 5 steps.
    "export_every_steps": 5,
    "index_age_warning_steps": 5,
    "index_age_limit_steps": 6,
  }
  realm_out = tiny_runs.run(
    "pretrain",
    *flags,
    *(f"--config.{name}={value}" for name, value in schedule.items()),
  )
  return root, ict_out, realm_out


def test_fine_tuning_comes_after_it(flow):
  root, _, realm_out = flow
  flags = suggested.check(realm_out, "finetune")
  assert {
    "--dataset=nq_open",
    f"--corpus={root}/corpus",
    f"--init={root}/realm",
    f"--model_dir={root}/qa",
    f"--config.hidden_size={tiny_runs.MODEL['hidden_size']}",
  } <= {*flags}


def test_each_training_starts_from_the_one_before(flow):
  root, ict_out, realm_out = flow
  assert f"the retriever's encoder from the language model {root}/mlm" in (
    ict_out
  )
  assert f"reader from {root}/mlm, step 8" in realm_out
  assert f"retriever from {root}/ict, step 8" in realm_out
  assert "random weights" not in ict_out + realm_out


def test_trainings_leave_what_reproduce_looks_for(flow):
  root, _, _ = flow
  scale = scales.get(scales.TINY, scales.Sources())
  planner = plan.Planner(scale, seed=0, output="out")
  for step, run in ((planner.ict(), "ict"), (planner.realm(), "realm")):
    [file] = map(pathlib.Path, step.files)
    assert (root / run / file.relative_to(f"out/{step.name}")).exists()


def test_each_training_tells_of_the_passages_that_it_cuts(flow):
  _, ict_out, realm_out = flow
  for out in (ict_out, realm_out):
    assert "are longer than passage_length=40: " in out
    assert "build_corpus --max_passage_tokens=40" in out


def test_each_training_knows_the_annotation(flow):
  root, _, _ = flow
  annotation = sentence_folder.fingerprint(str(root / "corpus"))
  for name in ("mlm", "ict", "realm"):
    run = run_config.read(str(root / name))
    assert run.sentences_fingerprint == annotation != ""


def test_the_trainer_used_several_versions_and_the_last_is_of_the_last_step(
  flow,
):
  root, _, realm_out = flow
  used = realm_out.split("index versions used: ")[1].split(".")[0]
  versions = [int(version) for version in used.split(", ")]
  assert len(versions) >= 3
  assert versions == sorted(set(versions))
  assert versions[0] == 0 and versions[-1] == _STEPS
  store = index_store.IndexStore(str(root / "realm"))
  assert store.latest() == _STEPS


def test_the_progress_of_the_first_index_is_shown(flow):
  _, _, realm_out = flow
  shown, _, _ = realm_out.partition("  index version 0 in use")
  assert re.search(r"  passage (\d+)/\1 \(100%\)  .* passages/s", shown)
  training, _, _ = realm_out[len(shown) :].partition("the last index")
  # Of later ones, where the trainer waits at the age limit.
  busy = re.sub(r"training waits for .*?  waited ", "", training, flags=re.S)
  assert " passages/s" not in busy


def test_checkpoints_hold_the_index_version(flow):
  root, _, realm_out = flow
  path = tf.train.latest_checkpoint(str(root / "realm" / "checkpoints"))
  reader = tf.train.load_checkpoint(path)
  value = "/.ATTRIBUTES/VARIABLE_VALUE"
  assert reader.get_tensor(f"step{value}") == _STEPS
  version = int(reader.get_tensor(f"index_version{value}"))
  used = realm_out.split("index versions used: ")[1].split(".")[0]
  # The last one is of the last step, and serves its evaluation alone.
  assert version == int(used.split(", ")[-2])


def test_the_best_weights_are_those_of_the_best_evaluation(flow):
  root, _, _ = flow
  manifest = json.loads(
    (root / "realm" / "exports" / "best" / "manifest.json").read_text()
  )
  utility = tiny_runs.scalars(root / "realm", "eval")["retrieval_utility"]
  assert manifest["retrieval_utility"] == pytest.approx(
    max(utility.values()), abs=1e-6
  )
  assert utility[manifest["step"]] == max(utility.values())
  weights = root / "realm" / "exports" / "best" / manifest["weights"]
  roles = {n.split("/")[0] for n, _ in tf.train.list_variables(str(weights))}
  assert {"reader", "retriever"} <= roles


def test_tensorboard_has_the_named_scalars(flow):
  root, _, _ = flow
  train = tiny_runs.scalars(root / "realm", "train")
  assert set(train) >= _TRAIN_SCALARS
  for name in _TRAIN_SCALARS:
    assert sorted(train[name]) == list(range(1, _STEPS + 1)), name
    assert np.all(np.isfinite(list(train[name].values()))), name
  # Two steps of warm-up, then down to 0 after the last step.
  rates = [train["learning_rate"][step] for step in (1, 3, _STEPS)]
  peak = loading.load("pretrain", "tiny", {}).learning_rate
  assert rates == pytest.approx([0, peak * 14 / 16, peak / 16])
  # At most the limit, as the step that is done counts.
  assert max(train["index_age_steps"].values()) <= 6
  held_out = tiny_runs.scalars(root / "realm", "eval")
  assert set(held_out) >= _EVAL_SCALARS
  for name in _EVAL_SCALARS:
    assert sorted(held_out[name]) == [0, 8, _STEPS], name
  for command in ("mlm", "ict"):
    assert sorted(tiny_runs.scalars(root / command, "train")["loss"]) == list(
      range(1, 9)
    )


def test_every_process_has_ended(flow):
  root, _, _ = flow
  for name in ("mlm", "ict", "realm"):
    assert not tiny_runs.processes_of(root / name)
  state = run_state.RunState(str(root / "realm"))
  assert state.state() == run_state.DONE
  assert not state.is_alive()
  assert not state.refresher_is_alive()


def pretrain(root, model_dir, *, refresh_mode, pretrain_corpus="", **changes):
  """Pre-trains in this process."""
  fields = {"train_steps": 6, "checkpoint_every_steps": 3} | changes
  config = loading.load("pretrain", "tiny", tiny_runs.MODEL | fields)
  return pretraining.run(
    config,
    refresh_mode=refresh_mode,
    corpus=str(root / "corpus"),
    pretrain_corpus=pretrain_corpus,
    init_checkpoint="",
    model_dir=str(root / model_dir),
    tpu="",
  )


@pytest.mark.usefixtures("eagerly")
def test_x_may_differ_from_z(flow, capsys):
  root, _, _ = flow
  # Of another vocabulary, even: X is read with Z's.
  news = tiny_runs.build_corpus(root / "news", tiny_runs.articles(40, seed=7))
  done = pretrain(
    root,
    "x_and_z",
    refresh_mode="off",
    pretrain_corpus=str(news),
    masking="random_span",
  )
  assert done.result.step == 6
  assert done.hook.versions_used == [0]
  out = capsys.readouterr().out
  assert " sentences come from passages of `corpus`" in out
  losses = tiny_runs.scalars(root / "x_and_z", "train")["loss"]
  assert sorted(losses) == [1, 2, 3, 4, 5, 6]


@pytest.mark.usefixtures("eagerly")
def test_random_tokens_are_masked_too(flow):
  root, _, _ = flow
  done = pretrain(root, "tokens", refresh_mode="off", masking="random_tokens")
  assert done.result.step == 6
  losses = tiny_runs.scalars(root / "tokens", "train")["loss"]
  assert np.all(np.isfinite(list(losses.values())))


def test_the_trainer_says_why_its_refresher_failed(flow, monkeypatch, tmp_path):
  root, _, _ = flow
  program = tmp_path / "program"
  program.write_text("#!/bin/sh\necho error: The disk is full; exit 2\n")
  program.chmod(0o755)
  monkeypatch.setattr(refresher_process.sys, "executable", str(program))
  with pytest.raises(errors.UserError) as error:
    pretrain(root, "full", refresh_mode="local")
  log = root / "full" / "refresher.log"
  assert f"error: The disk is full See {log}." in str(error.value)
  assert "\n" not in str(error.value)


def test_without_a_refresher_the_trainer_stops_at_its_deadline(
  flow, monkeypatch
):
  root, _, _ = flow
  monkeypatch.setattr(refresh_hook, "LONGEST_WAIT_SECS", 1.0)
  with pytest.raises(errors.UserError, match="No index version of step 0"):
    pretrain(root, "alone", refresh_mode="external")
  state = run_state.RunState(str(root / "alone"))
  assert state.state() == run_state.FAILED
  assert not state.is_alive()
