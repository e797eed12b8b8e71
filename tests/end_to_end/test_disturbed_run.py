"""A training beside other trainers, another corpus and a clock set back."""

import os
import re
import signal
import subprocess

import pytest

from realm_tf.index.versions import index_store
from tests.end_to_end import forked_commands
from tests.end_to_end import tiny_runs

_STEPS = 8
_SET_BACK = """
import time
_now, _now_ns = time.time, time.time_ns
time.time = lambda: _now() - 3600
time.time_ns = lambda: _now_ns() - 3600 * 10**9
"""


def flags(corpus, model_dir, *more, **changes):
  fields = {
    "train_steps": _STEPS,
    "evaluate_every_steps": _STEPS,
    "checkpoint_every_steps": 2,
    "export_every_steps": 2,
  }
  return [
    "--config=tiny",
    f"--corpus={corpus}",
    f"--model_dir={model_dir}",
    *tiny_runs.config_flags(**fields | changes),
    *more,
  ]


def start(*flags):
  return forked_commands.Started("pretrain", flags, tiny_runs.environment())


def build(folder, seed=0):
  return tiny_runs.build_corpus(folder, tiny_runs.articles(30, seed))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  return build(tmp_path_factory.mktemp("disturbed") / "corpus")


@pytest.fixture(scope="module")
def undisturbed(corpus, tmp_path_factory):
  """The losses of a run that nobody disturbs."""
  run = tmp_path_factory.mktemp("undisturbed") / "run"
  tiny_runs.run("pretrain", *flags(corpus, run, "--refresh=off"))
  return tiny_runs.scalars(run, "train")["loss"]


def test_one_of_three_trainers_trains(corpus, tmp_path):
  run = tmp_path / "run"
  trainers = [start(*flags(corpus, run, "--refresh=off")) for _ in range(3)]
  said = [list(trainer.lines()) for trainer in trainers]
  statuses = [trainer.wait() for trainer in trainers]
  assert sorted(statuses) == [0, 2, 2], said
  for status, lines in zip(statuses, said, strict=True):
    if status == 2:
      assert lines[-1].startswith("error: ")
      assert str(run) in lines[-1]
      assert "another process" in lines[-1]
  trained = tiny_runs.scalars(run, "train")
  assert sorted(trained["loss"]) == list(range(1, _STEPS + 1))


def test_a_clock_set_back_by_an_hour_changes_nothing(corpus, tmp_path):
  run = tmp_path / "run"
  trainer = start(*flags(corpus, run))
  for line in trainer.lines():
    if line.startswith("step 4/"):
      os.killpg(trainer.pid, signal.SIGTERM)
  assert trainer.wait() == 128 + signal.SIGTERM

  # Every process of the second half, the refresher's too, is an hour behind.
  (tmp_path / "clock").mkdir()
  (tmp_path / "clock" / "sitecustomize.py").write_text(_SET_BACK)
  path = f"{tmp_path / 'clock'}:{os.environ.get('PYTHONPATH', '')}"
  done = subprocess.run(
    tiny_runs.argv("pretrain", *flags(corpus, run)),
    env=tiny_runs.environment() | {"PYTHONPATH": path},
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
  assert re.search(r"Resumed .* at step [4-6]\.", done.stdout)
  trained = tiny_runs.scalars(run, "train")
  assert sorted(trained["loss"]) == list(range(1, _STEPS + 1))
  assert index_store.IndexStore(str(run)).latest() == _STEPS
  assert not tiny_runs.processes_of(run)


def test_a_corpus_replaced_beside_a_training_is_not_taken(
  tmp_path, undisturbed
):
  corpus, run = build(tmp_path / "corpus"), tmp_path / "run"
  other = build(tmp_path / "other", seed=1)
  trainer = start(*flags(corpus, run, "--refresh=off"))
  for line in trainer.lines():
    if line.startswith("step 3/"):
      corpus.rename(tmp_path / "away")
      other.rename(corpus)
  assert trainer.wait() == 0
  found = tiny_runs.scalars(run, "train")["loss"]
  assert found == pytest.approx(undisturbed, rel=1e-5)

  again = flags(corpus, run, "--refresh=off", train_steps=2 * _STEPS)
  done = forked_commands.run("pretrain", again, tiny_runs.environment())
  assert done["status"] == 2
  assert done["stderr"].startswith("error: ")
  assert done["stderr"].count("\n") == 1
  assert "corpus" in done["stderr"]


def test_a_refresher_does_not_embed_a_corpus_put_in_its_place(tmp_path):
  corpus = build(tmp_path / "corpus")
  other = build(tmp_path / "other", seed=1)
  run = tmp_path / "run"
  trainer = start(
    *flags(corpus, run, index_age_limit_steps=4, index_age_warning_steps=3)
  )
  said = []
  for line in trainer.lines():
    said.append(line)
    if line.startswith("step 1/"):
      corpus.rename(tmp_path / "away")
      other.rename(corpus)
  assert trainer.wait() == 2, "".join(said)
  assert said[-1].startswith("error: "), "".join(said[-5:])
  assert "is not the file that its manifest names" in "".join(said)
  assert not tiny_runs.processes_of(run)


def test_a_corpus_may_be_edited_beside_a_training(
  corpus, tmp_path, undisturbed
):
  more = tiny_runs.write_articles(
    tmp_path / "more.jsonl", tiny_runs.articles(3, seed=2)
  )
  edit = [f"--corpus={corpus}", f"--output={tmp_path / 'new'}", f"--add={more}"]
  beside = tmp_path / "beside"
  trainer = start(*flags(corpus, beside, "--refresh=off"))
  for line in trainer.lines():
    if line.startswith("step 2/"):
      done = forked_commands.run("edit_corpus", edit, tiny_runs.environment())
      assert done["status"] == 0, done["stderr"]
  assert trainer.wait() == 0
  found = tiny_runs.scalars(beside, "train")["loss"]
  assert found == pytest.approx(undisturbed, rel=1e-5)
