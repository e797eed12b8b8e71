"""Workers of a cluster on loopback: the losses of one process, kills too."""

import contextlib
import json
import os
import re
import signal
import socket
import threading

import pytest

from realm_tf.checkpoints import saved
from realm_tf.runs import run_state
from tests import forked_commands
from tests.end_to_end import tiny_runs

_STEPS = 30
_COMPARED = 20  # steps from the first on; later ones differ by rounding
_EVERY = 5  # steps between two checkpoints
_DEADLINE_SECS = 120
_LINE = re.compile(r"step (\d+)/")


def flags(corpus, model_dir, *more, steps=_STEPS):
  return [
    "--config=tiny",
    f"--corpus={corpus}",
    f"--model_dir={model_dir}",
    *more,
    *tiny_runs.config_flags(
      batch_size=12,
      train_steps=steps,
      checkpoint_every_steps=_EVERY,
      evaluate_every_steps=steps,
    ),
  ]


def free_addresses(count):
  """Returns addresses of ports that were free a moment ago."""
  with contextlib.ExitStack() as stack:
    found = []
    for _ in range(count):
      taken = stack.enter_context(socket.socket())
      taken.bind(("127.0.0.1", 0))
      found.append(f"127.0.0.1:{taken.getsockname()[1]}")
    return found


@contextlib.contextmanager
def workers(count, command, *flags):
  """Starts the workers of a cluster; kills those that are left at the end."""
  addresses = free_addresses(count)
  started = []

  def kill():
    for worker in started:
      worker.kill()

  deadline = threading.Timer(_DEADLINE_SECS, kill)
  deadline.start()
  try:
    for index in range(count):
      place = {"type": "worker", "index": index}
      place = {"cluster": {"worker": addresses}, "task": place}
      environment = tiny_runs.environment() | {"TF_CONFIG": json.dumps(place)}
      started.append(forked_commands.Started(command, flags, environment))
    yield started
  finally:
    deadline.cancel()
    kill()
    for worker in started:
      worker.wait()


def train(count, command, *flags):
  """Runs a command on all workers of a cluster; returns what each printed."""
  with workers(count, command, *flags) as started:
    said = ["".join(worker.lines()) for worker in started]
    statuses = [worker.wait() for worker in started]
  assert statuses == [0] * count, ends(said)
  return said


def signal_one(count, step, index, number, command, *flags):
  """Sends a signal to one worker after a step.

  Returns:
    The statuses of all, and what each printed.
  """
  with workers(count, command, *flags) as started:
    chief, sent = [], False
    for line in started[0].lines():
      chief.append(line)
      match = _LINE.match(line)
      if match and int(match[1]) >= step and not sent:
        os.kill(started[index].pid, number)
        sent = True
    others = ["".join(worker.lines()) for worker in started[1:]]
    return [w.wait() for w in started], ["".join(chief), *others]


def ends(said):
  return "\n".join(text[-1500:] for text in said)


def assert_same_losses(one, several):
  for split, steps in (("train", range(1, _COMPARED + 1)), ("eval", [0])):
    wanted, found = (tiny_runs.scalars(run, split) for run in (one, several))
    assert sorted(found["loss"]) == sorted(wanted["loss"])
    for name in ("loss", "retrieval_utility", "entropy"):
      for step in steps:
        assert found[name][step] == pytest.approx(
          wanted[name][step], rel=1e-4, abs=1e-5
        ), (split, name, step)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  folder = tmp_path_factory.mktemp("hosts") / "corpus"
  return tiny_runs.build_corpus(folder, tiny_runs.articles(60))


@pytest.fixture(scope="module")
def alone(corpus, tmp_path_factory):
  """The same run in one process."""
  folder = tmp_path_factory.mktemp("alone") / "run"
  tiny_runs.run(
    "pretrain", *flags(corpus, folder, "--refresh=off"), quickly=True
  )
  return folder


def test_a_run_has_the_losses_of_one_process_though_workers_are_ended(
  corpus, alone, tmp_path
):
  run = tmp_path / "run"
  state = run_state.RunState(str(run))
  command = ("pretrain", *flags(corpus, run, "--refresh=off"))
  statuses, said = signal_one(3, 7, 1, signal.SIGKILL, *command)
  assert statuses[1] == -signal.SIGKILL
  assert statuses[0] == statuses[2] == 2, ends(said)
  for text in (said[0], said[2]):
    assert "run the same command on all workers again" in text
  assert saved.newest(str(run / "checkpoints")).step >= _EVERY
  # One signal ends all of them, after the same step, which is saved.
  statuses, said = signal_one(3, 11, 2, signal.SIGTERM, *command)
  assert statuses == [128 + signal.SIGTERM] * 3, ends(said)
  assert state.state() == run_state.INTERRUPTED
  assert saved.newest(str(run / "checkpoints")).step >= 11
  said = train(3, *command)
  assert "3 replicas on 3 hosts" in said[0]
  assert_same_losses(alone, run)
  assert state.state() == run_state.DONE


def test_workers_take_the_same_index_versions_at_the_same_steps(
  corpus, tmp_path
):
  run = tmp_path / "run"
  more = ("--config.export_every_steps=5", "--config.index_age_limit_steps=10")
  said = train(2, "pretrain", *flags(corpus, run, *more, steps=15))
  assert "2 replicas on 2 hosts" in said[0]
  used = [re.findall(r"index versions used: (.+)\. Next", x) for x in said]
  assert used[0] == used[1]
  versions = [int(version) for version in used[0][0].split(", ")]
  assert versions == sorted({*versions}) and len(versions) > 2
  # The age of the index at each step; its fall is the change of version.
  ages = [re.findall(r"index_age_steps (\d+)", x) for x in said]
  assert ages[0] == ages[1]
  assert run_state.RunState(str(run)).state() == run_state.DONE
