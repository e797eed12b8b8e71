"""Ends a trainer whose index is refreshed beside it, then resumes it."""

import os
import re
import signal
import subprocess

import pytest

from realm_tf.index.versions import index_store
from realm_tf.runs import run_state
from tests import forked_commands
from tests.end_to_end import tiny_runs

_STEPS = 12
_TAKEN = re.compile(r"  index version (\d+) in use")
# A module that Python imports when it starts.
_SET_BACK = """
import time
_now, _now_ns = time.time, time.time_ns
time.time = lambda: _now() - 3600
time.time_ns = lambda: _now_ns() - 3600 * 10**9
"""


def flags(corpus, model_dir, age_limit):
  return [
    "--config=tiny",
    f"--corpus={corpus}",
    f"--model_dir={model_dir}",
    *tiny_runs.config_flags(
      train_steps=_STEPS,
      evaluate_every_steps=_STEPS,
      checkpoint_every_steps=_STEPS,
      export_every_steps=2,
      index_age_warning_steps=age_limit,
      index_age_limit_steps=age_limit,
    ),
  ]


def train_until(line_start, number, *flags):
  """Sends a signal to the group of a training once it prints a line.

  Args:
    line_start: How the line begins.
    number: The signal. Ctrl-C sends SIGINT to a group.
    *flags: Of `pretrain`.

  Returns:
    The exit status, and the lines printed.
  """
  process = forked_commands.Started(
    "pretrain", flags, tiny_runs.environment(), quickly=True
  )
  shown = []
  for line in process.lines():
    shown.append(line)
    if line.startswith(line_start):
      os.killpg(process.pid, number)
      line_start = "no line"
  return process.wait(), shown


def run_with_clock_set_back(folder, *flags):
  """Trains to the end by a clock that is an hour behind; returns stdout.

  Args:
    folder: A new one.
    *flags: Of `pretrain`. Its refresher has that clock, too.
  """
  folder.mkdir()
  (folder / "sitecustomize.py").write_text(_SET_BACK)
  done = subprocess.run(
    tiny_runs.argv("pretrain", *flags),
    env=tiny_runs.environment(folder),
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
  return done.stdout


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  folder = tmp_path_factory.mktemp("resume") / "corpus"
  return tiny_runs.build_corpus(folder, tiny_runs.articles(30))


def test_a_run_goes_on_after_kill_ctrl_c_sigterm_and_a_clock_set_back(
  corpus, tmp_path
):
  run = tmp_path / "run"
  store = index_store.IndexStore(str(run))
  state = run_state.RunState(str(run))

  # Killed before its first checkpoint. Training waits for each version, and 0
  # has been pruned in the end.
  args = flags(corpus, run, 3)
  status, shown = train_until("  index version 6 in use", signal.SIGKILL, *args)
  assert status == -signal.SIGKILL, "".join(shown[-20:])
  tiny_runs.until_gone(run)  # The refresher ends with its trainer.
  assert 0 not in store.versions()

  # It starts over. Ctrl-C ends trainer and refresher.
  args = flags(corpus, run, _STEPS)
  status, shown = train_until("step 5/", signal.SIGINT, *args)
  # None of the versions that the first attempt left, of steps yet to come.
  taken = [int(version) for version in _TAKEN.findall("".join(shown))]
  assert taken[0] == 0
  assert taken == sorted(taken)
  assert status == 128 + signal.SIGINT
  assert re.fullmatch(
    r"Interrupted by SIGINT at step \d+\. Run the same command again to go on"
    r"\.\n",
    shown[-1],
  )
  assert not [line for line in shown if "refresher failed" in line]
  assert state.state() == run_state.INTERRUPTED
  assert not tiny_runs.processes_of(run)

  # Once more, while the next training is still being set up.
  status, shown = train_until("  host ", signal.SIGTERM, *args)
  assert status == 128 + signal.SIGTERM
  assert shown[-1].startswith("Interrupted by SIGTERM")
  assert not tiny_runs.processes_of(run)

  said = run_with_clock_set_back(tmp_path / "clock", *args)
  assert re.search(r"Resumed .* at step [5-7]\.", said)
  trained = tiny_runs.scalars(run, "train")
  assert sorted(trained["loss"]) == list(range(1, _STEPS + 1))
  assert min(trained["index_age_steps"].values()) >= 0
  assert store.latest() == _STEPS
  assert not tiny_runs.processes_of(run)
