"""Runs many commands, each in a fork of one process that has the libraries.

The process reads {"module", "flags", "environment", "root", "timeout",
"quickly"} from each line of stdin, as JSON, and prints a line of {"status",
"stdout", "stderr", "written"}: `written` are the paths below `root` that the
command added, changed or removed; the status is None if it took longer than the
timeout, in seconds; `quickly` is whether it takes the shortcuts of `quick`.
Where there is a "pipe" instead of "root", the command only starts, in a session
of its own, writes its output there, its errors to the file "errors" or there,
too, and a line of {"pid"} is printed; a line of {"wait"} with that number then
prints its {"status"}.
"""

import contextlib
import functools
import gc
import importlib
import json
import multiprocessing
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator

from tests import quick

_ROOT = pathlib.Path(__file__).resolve().parents[1]


@functools.cache
def _server():
  """Starts the process, which ends with this one."""
  return subprocess.Popen(
    [sys.executable, "-m", "tests.forked_commands"],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    cwd=_ROOT,
    text=True,
  )


def run(command, flags, environment=None, root="", quickly=False):
  """Runs a command in a fork; returns what came of it.

  Args:
    command: Its name.
    flags: Its flags.
    environment: Its environment variables; None for those of this process.
    root: Below which it may write; "" if that is not of interest.
    quickly: Whether it takes the shortcuts of `quick`.
  """
  return run_module(
    _module_of(command), flags, environment, root, quickly=quickly
  )


def run_module(
  module,
  arguments,
  environment=None,
  root="",
  timeout_secs=None,
  quickly=False,
):
  """Runs a module in a fork, as `run` does a command.

  Args:
    module: Its name.
    arguments: Its arguments.
    environment: See `run`.
    root: See `run`.
    timeout_secs: After which it is killed; None for never.
    quickly: See `run`.
  """
  return _order(
    module=module,
    flags=[*map(str, arguments)],
    environment=_variables(environment),
    root=str(root),
    timeout=timeout_secs,
    quickly=quickly,
  )


def _module_of(command):
  return f"realm_tf.launch.{command}"


def _variables(environment):
  return dict(os.environ if environment is None else environment)


class Started:
  """A command that runs in a fork, while its lines are read.

  Attributes:
    pid: Of the process, and of the group that it leads.
  """

  def __init__(
    self, command, flags, environment=None, errors="", quickly=False
  ):
    """Starts it.

    Args:
      command: Its name.
      flags: Its flags.
      environment: See `run`.
      errors: File for what it prints on stderr; "" to have it in the lines.
      quickly: See `run`.
    """
    self._status: int | None = None
    with tempfile.TemporaryDirectory() as folder:
      pipe = os.path.join(folder, "pipe")
      os.mkfifo(pipe)
      self.pid = _order(
        module=_module_of(command),
        flags=[*map(str, flags)],
        environment=_variables(environment),
        pipe=pipe,
        errors=str(errors),
        quickly=quickly,
      )["pid"]
      self._output = open(pipe, encoding="utf-8")  # noqa: SIM115

  def lines(self) -> Iterator[str]:
    """Yields what it prints, until it ends."""
    with self._output:
      yield from self._output

  def wait(self) -> int:
    """Waits for its end; returns the status, negative for a signal."""
    if self._status is None:
      self._status = _order(wait=self.pid)["status"]
    return self._status

  def kill(self) -> None:
    """Kills it, unless its end has been waited for."""
    if self._status is None:
      os.kill(self.pid, signal.SIGKILL)


def _order(**order):
  """Sends an order to the process; returns its reply."""
  server = _server()
  server.stdin.write(json.dumps(order) + "\n")
  server.stdin.flush()
  return json.loads(server.stdout.readline())


def _snapshot(root):
  if not root:
    return set()
  return {
    (str(path), path.stat().st_mtime_ns if path.is_file() else 0)
    for path in pathlib.Path(root).rglob("*")
  }


def _run_forked(case):
  before = _snapshot(case["root"])
  with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
    process = multiprocessing.get_context("fork").Process(
      target=_become, args=(case, stdout.fileno(), stderr.fileno())
    )
    process.start()
    process.join(case["timeout"])
    timed_out = process.exitcode is None
    if timed_out:
      process.kill()
      process.join()
    texts = []
    for file in (stdout, stderr):
      file.seek(0)
      texts.append(file.read().decode(errors="replace"))
  return {
    "status": None if timed_out else process.exitcode,
    "stdout": texts[0],
    "stderr": texts[1],
    "written": sorted({p for p, _ in before ^ _snapshot(case["root"])}),
  }


def _start_forked(case):
  process = multiprocessing.get_context("fork").Process(
    target=_lead, args=(case,)
  )
  process.start()
  return process


def _lead(case):
  """Turns this process into the command, in a session of its own."""
  os.setsid()
  pipe = os.open(case["pipe"], os.O_WRONLY)
  errors = pipe
  if case["errors"]:
    errors = os.open(case["errors"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
  _become(case, pipe, errors)


def _become(case, stdout, stderr):
  """Turns this process into the command."""
  os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
  os.dup2(stdout, 1)
  os.dup2(stderr, 2)
  os.environ.clear()
  os.environ.update(case["environment"])
  sys.argv = [case["module"], *case["flags"]]
  with contextlib.ExitStack() as stack:
    if case["quickly"]:
      # tf.data traces its functions all the same, and says so.
      warnings.filterwarnings("ignore", ".*not apply to tf.data functions")
      stack.enter_context(quick.untraced())
      quick.embed_here()
    runpy.run_module(case["module"], run_name="__main__", alter_sys=True)


def main():
  """Imports what all commands import, then runs what stdin says."""
  from realm_tf import environment

  environment.configure()
  environment.collect_garbage_rarely()
  # Imported, but nothing is computed: TensorFlow's threads would not survive
  # a fork.
  for module in (
    "apache_beam",
    "realm_tf.data.sentences.annotate",
    "realm_tf.data.ingest.build",
    "realm_tf.index.job.refresh_job",
    "realm_tf.evaluation.evaluation_run",
    "realm_tf.training.recipes.finetuning",
    "realm_tf.training.recipes.pretraining",
    "realm_tf.training.recipes.tagger_training",
    "realm_tf.training.recipes.warm_start",
    "tests.index.fake_run",
  ):
    importlib.import_module(module)
  # Forks share its pages until they write to them, as a collection does.
  gc.collect()
  gc.freeze()

  started = {}
  for line in sys.stdin:
    order = json.loads(line)
    if "wait" in order:
      process = started.pop(order["wait"])
      process.join()
      reply = {"status": process.exitcode}
    elif "pipe" in order:
      process = _start_forked(order)
      started[process.pid] = process
      reply = {"pid": process.pid}
    else:
      reply = _run_forked(order)
    print(json.dumps(reply), flush=True)


if __name__ == "__main__":
  main()
