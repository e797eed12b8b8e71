"""Ends a trainer whose index is refreshed beside it, then resumes it."""

import os
import re
import signal
import subprocess

import pytest

from realm_tf.index.versions import index_store
from realm_tf.runs import run_state
from tests.end_to_end import tiny_runs

_STEPS = 12
_TAKEN = re.compile(r"  index version (\d+) in use")


def flags(corpus, model_dir, export_every, age_limit, **fields):
  return [
    "--config=tiny",
    f"--corpus={corpus}",
    f"--model_dir={model_dir}",
    *tiny_runs.config_flags(
      train_steps=_STEPS,
      evaluate_every_steps=_STEPS,
      export_every_steps=export_every,
      index_age_warning_steps=age_limit,
      index_age_limit_steps=age_limit,
      **fields,
    ),
  ]


def train_until(line_start, *flags, number=signal.SIGKILL):
  """Sends a signal to the group of a training once it prints a line.

  Args:
    line_start: How the line begins.
    *flags: Of `pretrain`.
    number: The signal. Ctrl-C sends SIGINT to a group.

  Returns:
    The exit status, and the lines printed.
  """
  process = subprocess.Popen(
    tiny_runs.argv("pretrain", *flags),
    env=tiny_runs.environment(),
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    start_new_session=True,
  )
  shown = []
  for line in process.stdout:
    shown.append(line)
    if line.startswith(line_start):
      os.killpg(process.pid, number)
      line_start = "no line"
  return process.wait(), shown


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  folder = tmp_path_factory.mktemp("resume") / "corpus"
  return tiny_runs.build_corpus(folder, tiny_runs.articles(30))


def test_a_run_killed_before_its_first_checkpoint_starts_over(corpus, tmp_path):
  run = tmp_path / "run"
  # Training waits for each version. Of these, 0 has been pruned in the end.
  args = flags(corpus, run, 2, 3, checkpoint_every_steps=_STEPS)
  status, shown = train_until("  index version 8 in use", *args)
  assert status == -signal.SIGKILL, "".join(shown[-20:])
  tiny_runs.until_gone(run)  # The refresher ends with its trainer.
  store = index_store.IndexStore(str(run))
  assert 0 not in store.versions()
  args = flags(corpus, run, 2, _STEPS, checkpoint_every_steps=_STEPS)
  said = tiny_runs.run("pretrain", *args)
  # None of those that the first attempt left, of steps yet to come.
  taken = [int(version) for version in _TAKEN.findall(said)]
  assert taken[0] == 0
  assert taken == sorted(taken)
  assert sorted(tiny_runs.scalars(run, "train")["loss"]) == list(
    range(1, _STEPS + 1)
  )
  assert min(tiny_runs.scalars(run, "train")["index_age_steps"].values()) >= 0
  assert store.latest() == _STEPS


def test_a_frozen_index_may_be_refreshed_after_all(corpus, tmp_path):
  run = tmp_path / "run"
  args = flags(corpus, run, 4, 5, checkpoint_every_steps=2)
  status, shown = train_until("step 7/", *args, "--refresh=off")
  assert status == -signal.SIGKILL, "".join(shown[-20:])
  assert index_store.IndexStore(str(run)).versions() == [0]
  said = tiny_runs.run("pretrain", *args)
  assert "waits for the refresher" in said
  assert index_store.IndexStore(str(run)).latest() == _STEPS


def test_ctrl_c_ends_trainer_and_refresher_and_the_same_command_goes_on(
  corpus, tmp_path
):
  run = tmp_path / "run"
  args = flags(corpus, run, 2, 3, checkpoint_every_steps=_STEPS)
  status, shown = train_until("step 5/", *args, number=signal.SIGINT)
  assert status == 128 + signal.SIGINT
  assert re.fullmatch(
    r"Interrupted by SIGINT at step \d+\. Run the same command again to go on"
    r"\.\n",
    shown[-1],
  )
  assert not [line for line in shown if "refresher failed" in line]
  assert run_state.RunState(str(run)).state() == run_state.INTERRUPTED
  assert not tiny_runs.processes_of(run)
  # Once more, while the next training is still being set up.
  status, shown = train_until("  memory ", *args, number=signal.SIGTERM)
  assert status == 128 + signal.SIGTERM
  assert shown[-1].startswith("Interrupted by SIGTERM")
  assert not tiny_runs.processes_of(run)
  said = tiny_runs.run("pretrain", *args)
  assert re.search(r"Resumed .* at step [5-7]\.", said)
  assert sorted(tiny_runs.scalars(run, "train")["loss"]) == list(
    range(1, _STEPS + 1)
  )
