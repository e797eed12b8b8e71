"""kill -9 or a signal, then resume: the losses of an undisturbed run.

REALM_TF_KILLS=10 kills ten times; few kills keep the usual run short. Functions
run untraced here: tests/training/recipes/test_finetuning.py resumes a traced
run with dropout.
"""

import os
import random
import re
import signal
import threading

import pytest

from realm_tf.checkpoints import saved
from realm_tf.runs import run_state
from tests import forked_commands
from tests.end_to_end import tiny_runs

_KILLS = int(os.environ.get("REALM_TF_KILLS", "2"))
_STEPS = 8 + 6 * _KILLS
_EVERY = 3  # steps between two checkpoints
_LINE = re.compile(r"step (\d+)/")
_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP)


def flags(corpus, model_dir):
  return [
    "--config=tiny",
    f"--corpus={corpus}",
    f"--model_dir={model_dir}",
    "--refresh=off",
    *tiny_runs.config_flags(
      # The state of the dropout must survive too.
      dropout=0.1,
      train_steps=_STEPS,
      checkpoint_every_steps=_EVERY,
      evaluate_every_steps=_STEPS,
    ),
  ]


def train_and_kill(flags, log, number, step, delay_secs):
  """Sends a signal some moment after a step; returns the last step."""
  trainer = forked_commands.Started(
    "pretrain", flags, tiny_runs.environment(), errors=log, quickly=True
  )
  seen, shown = 0, []
  for line in trainer.lines():
    shown.append(line)
    match = _LINE.match(line)
    if match:
      seen = int(match[1])
    if seen >= step:
      threading.Event().wait(delay_secs)
      os.kill(trainer.pid, number)
      step = _STEPS + 1  # What is still in the pipe is read, too.
  status = trainer.wait()
  if number == signal.SIGKILL:
    assert status == -number, "".join(shown[-20:])
  else:
    assert status == 128 + number, "".join(shown[-20:])
    assert log.read_text() == (
      f"Interrupted by {number.name} at step {seen}. Run the same command "
      "again to go on.\n"
    )
  return seen


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  folder = tmp_path_factory.mktemp("kill") / "corpus"
  return tiny_runs.build_corpus(folder, tiny_runs.articles(60))


def test_a_killed_and_resumed_run_has_the_losses_of_an_undisturbed_one(
  corpus, tmp_path
):
  calm, killed = tmp_path / "calm", tmp_path / "killed"
  tiny_runs.run("pretrain", *flags(corpus, calm), quickly=True)
  rng = random.Random(0)
  # test_refreshed_resume kills before the first checkpoint.
  step = rng.randint(_EVERY + 1, 2 * _EVERY - 1)
  for kill in range(_KILLS):
    number = _SIGNALS[kill % len(_SIGNALS)]
    reached = train_and_kill(
      flags(corpus, killed),
      tmp_path / "log",
      number,
      step,
      rng.uniform(0, 0.03),
    )
    if number != signal.SIGKILL:
      newest = saved.newest(str(killed / "checkpoints"))
      assert newest.step == reached
      state = run_state.RunState(str(killed))
      assert state.state() == run_state.INTERRUPTED
    step = min(reached + rng.randint(1, 6), _STEPS - 4)
  tiny_runs.run("pretrain", *flags(corpus, killed), quickly=True)

  wanted = tiny_runs.scalars(calm, "train")
  found = tiny_runs.scalars(killed, "train")
  assert sorted(wanted["loss"]) == list(range(1, _STEPS + 1))
  for name in ("loss", "retrieval_utility", "entropy", "null_probability"):
    assert found[name] == pytest.approx(wanted[name], rel=1e-5, abs=1e-6), name
  for name, values in tiny_runs.scalars(calm, "eval").items():
    again = tiny_runs.scalars(killed, "eval")[name]
    assert again == pytest.approx(values, rel=1e-5, abs=1e-6), name
  tiny_runs.until_gone(killed)
  tiny_runs.until_gone(calm)
