"""Workers of a cluster on loopback: the losses of one process, kills too."""

import contextlib
import json
import re
import signal
import socket
import subprocess

import pytest

from realm_tf.checkpoints import saved
from realm_tf.runs import run_state
from tests.end_to_end import tiny_runs

_STEPS = 50
_COMPARED = 20  # steps from the first on; later ones differ by rounding
_EVERY = 5  # steps between two checkpoints
_DEADLINE_SECS = 120
_LINE = re.compile(r"step (\d+)/")


def flags(corpus, model_dir, *more):
  return [
    "--config=tiny",
    f"--corpus={corpus}",
    f"--model_dir={model_dir}",
    *more,
    *tiny_runs.config_flags(
      batch_size=12,
      train_steps=_STEPS,
      checkpoint_every_steps=_EVERY,
      evaluate_every_steps=_STEPS,
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
def workers(count, log_folder, command, *flags):
  """Starts the workers of a cluster; kills those that are left at the end."""
  addresses = free_addresses(count)
  processes = []
  try:
    for index in range(count):
      place = {"type": "worker", "index": index}
      place = {"cluster": {"worker": addresses}, "task": place}
      with open(log_folder / f"worker{index}.log", "a") as log:
        processes.append(
          subprocess.Popen(
            tiny_runs.argv(command, *flags),
            env=tiny_runs.environment() | {"TF_CONFIG": json.dumps(place)},
            stdout=subprocess.PIPE if index == 0 else log,
            stderr=log,
            text=True,
          )
        )
    yield processes
  finally:
    for process in processes:
      process.kill()
      process.wait()
      if process.stdout:
        process.stdout.close()


def logs(folder):
  return "\n".join(p.read_text()[-1500:] for p in folder.glob("*.log"))


def train(count, log_folder, command, *flags):
  """Runs a command on all workers of a cluster to its end."""
  with workers(count, log_folder, command, *flags) as processes:
    said = processes[0].communicate(timeout=_DEADLINE_SECS)[0]
    statuses = [p.wait(_DEADLINE_SECS) for p in processes]
  assert statuses == [0] * count, said[-2000:] + logs(log_folder)
  return said


def signal_one(count, log_folder, step, index, number, command, *flags):
  """Sends a signal to one worker after a step; returns all statuses."""
  with workers(count, log_folder, command, *flags) as processes:
    for line in processes[0].stdout:
      match = _LINE.match(line)
      if match and int(match[1]) >= step:
        processes[index].send_signal(number)
        break
    processes[0].stdout.read()
    return [p.wait(_DEADLINE_SECS) for p in processes]


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
  tiny_runs.run("pretrain", *flags(corpus, folder, "--refresh=off"))
  return folder


def test_workers_have_the_losses_of_one_process(corpus, alone, tmp_path):
  run = tmp_path / "run"
  said = train(2, tmp_path, "pretrain", *flags(corpus, run, "--refresh=off"))
  assert "2 replicas on 2 hosts" in said
  assert_same_losses(alone, run)
  assert run_state.RunState(str(run)).state() == run_state.DONE


def test_a_run_goes_on_after_a_worker_was_killed_and_one_was_told_to_end(
  corpus, alone, tmp_path
):
  run = tmp_path / "run"
  command = ("pretrain", *flags(corpus, run, "--refresh=off"))
  statuses = signal_one(3, tmp_path, 7, 1, signal.SIGKILL, *command)
  assert statuses[1] == -signal.SIGKILL
  assert statuses[0] == statuses[2] == 2, logs(tmp_path)
  assert "run the same command on all workers again" in logs(tmp_path)
  assert saved.newest(str(run / "checkpoints")).step >= _EVERY
  # One signal ends all of them, after the same step, which is saved.
  statuses = signal_one(3, tmp_path, 11, 2, signal.SIGTERM, *command)
  assert statuses == [128 + signal.SIGTERM] * 3, logs(tmp_path)
  assert run_state.RunState(str(run)).state() == run_state.INTERRUPTED
  assert saved.newest(str(run / "checkpoints")).step >= 11
  train(3, tmp_path, *command)
  assert_same_losses(alone, run)


def test_workers_take_the_same_index_versions_at_the_same_steps(
  corpus, tmp_path
):
  more = ("--config.export_every_steps=10", "--config.index_age_limit_steps=20")
  said = train(2, tmp_path, "pretrain", *flags(corpus, tmp_path / "run", *more))
  other = (tmp_path / "worker1.log").read_text()
  used = [
    re.findall(r"index versions used: (.+)\. Next", x) for x in (said, other)
  ]
  assert used[0] == used[1]
  versions = [int(version) for version in used[0][0].split(", ")]
  assert versions == sorted({*versions}) and len(versions) > 2
  # The age of the index at each step; its fall is the change of version.
  ages = [re.findall(r"index_age_steps (\d+)", x) for x in (said, other)]
  assert ages[0] == ages[1]
