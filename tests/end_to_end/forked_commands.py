"""Runs many commands, each in a fork of one process that has the libraries.

The process reads {"command", "flags", "environment", "root"} from each line of
stdin, as JSON, and prints a line of {"status", "stdout", "stderr", "written"}:
`written` are the paths below `root` that the command added, changed or removed.
"""

import functools
import importlib
import json
import multiprocessing
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile

_ROOT = pathlib.Path(__file__).resolve().parents[2]


@functools.cache
def _server():
  """Starts the process, which ends with this one."""
  return subprocess.Popen(
    [sys.executable, "-m", "tests.end_to_end.forked_commands"],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    cwd=_ROOT,
    text=True,
  )


def run(command, flags, environment, root=""):
  """Runs a command in a fork; returns what came of it.

  Args:
    command: Its name.
    flags: Its flags.
    environment: Its environment variables.
    root: Below which it may write; "" if that is not of interest.
  """
  server = _server()
  order = {
    "command": command,
    "flags": [*map(str, flags)],
    "environment": environment,
    "root": str(root),
  }
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
    process.join()
    texts = []
    for file in (stdout, stderr):
      file.seek(0)
      texts.append(file.read().decode(errors="replace"))
  return {
    "status": process.exitcode,
    "stdout": texts[0],
    "stderr": texts[1],
    "written": sorted({p for p, _ in before ^ _snapshot(case["root"])}),
  }


def _become(case, stdout, stderr):
  """Turns this process into the command."""
  os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
  os.dup2(stdout, 1)
  os.dup2(stderr, 2)
  os.environ.clear()
  os.environ.update(case["environment"])
  module = f"realm_tf.launch.{case['command']}"
  sys.argv = [module, *case["flags"]]
  runpy.run_module(module, run_name="__main__", alter_sys=True)


def main():
  """Imports what all commands import, then runs what stdin says."""
  from realm_tf import environment

  environment.configure()
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
  ):
    importlib.import_module(module)

  for line in sys.stdin:
    print(json.dumps(_run_forked(json.loads(line))), flush=True)


if __name__ == "__main__":
  main()
