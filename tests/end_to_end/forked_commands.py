"""Runs many commands, each in a fork of one process that has the libraries.

Reads a JSON list of {"command", "flags", "root"} from stdin and prints a JSON
list of {"status", "stderr", "written"}: `written` are the paths below `root`
that the command added, changed or removed.
"""

import importlib
import json
import multiprocessing
import os
import pathlib
import runpy
import sys
import tempfile


def _snapshot(root):
  return {
    (str(path), path.stat().st_mtime_ns if path.is_file() else 0)
    for path in pathlib.Path(root).rglob("*")
  }


def _run_forked(case):
  before = _snapshot(case["root"])
  with tempfile.TemporaryFile() as stderr:
    process = multiprocessing.get_context("fork").Process(
      target=_become, args=(case, stderr.fileno())
    )
    process.start()
    process.join()
    stderr.seek(0)
    text = stderr.read().decode(errors="replace")
  return {
    "status": process.exitcode,
    "stderr": text,
    "written": sorted({p for p, _ in before ^ _snapshot(case["root"])}),
  }


def _become(case, stderr):
  """Turns this process into the command."""
  os.dup2(stderr, 2)
  os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
  module = f"realm_tf.launch.{case['command']}"
  sys.argv = [module, *case["flags"]]
  runpy.run_module(module, run_name="__main__", alter_sys=True)


def main():
  """Imports what all commands import, then runs the cases."""
  from realm_tf import environment

  environment.configure()
  # Imported, but nothing is computed: TensorFlow's threads would not survive
  # a fork.
  for module in (
    "apache_beam",
    "realm_tf.data.annotate",
    "realm_tf.data.build",
    "realm_tf.index.job",
    "realm_tf.training.evaluation_run",
    "realm_tf.training.pretraining",
    "realm_tf.training.tagger_run",
    "realm_tf.training.warm_start",
  ):
    importlib.import_module(module)

  cases = json.load(sys.stdin)
  json.dump([_run_forked(case) for case in cases], sys.stdout)


if __name__ == "__main__":
  main()
