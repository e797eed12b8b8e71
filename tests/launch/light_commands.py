"""Runs many commands up to where TensorFlow, or Beam, would be imported.

Reads a JSON list of {"command", "flags"} from stdin and prints a JSON list of
{"status", "stdout", "stderr"}. The status is `REACHED` if the command has found
nothing wrong before it imports one of the two.
"""

import importlib
import importlib.abc
import json
import multiprocessing
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile

REACHED = 77
_HEAVY = ("tensorflow", "tensorflow_datasets", "apache_beam", "scann")


class _Reached(BaseException):
  pass


class _Gate(importlib.abc.MetaPathFinder):
  def find_spec(self, name, path, target=None):
    if name.partition(".")[0] in _HEAVY:
      raise _Reached(name)


def outcomes(commands):
  """Runs commands, given as names with their flags; see the module."""
  done = subprocess.run(
    [sys.executable, "-m", "tests.launch.light_commands"],
    input=json.dumps([{"command": c, "flags": f} for c, f in commands]),
    env=os.environ | {"COLUMNS": "80"},
    cwd=pathlib.Path(__file__).resolve().parents[2],
    capture_output=True,
    text=True,
    timeout=120,
  )
  assert done.returncode == 0, done.stderr
  return json.loads(done.stdout)


def _run_forked(case):
  with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
    process = multiprocessing.get_context("fork").Process(
      target=_become, args=(case, stdout.fileno(), stderr.fileno())
    )
    process.start()
    process.join()
    texts = []
    for file in (stdout, stderr):
      file.seek(0)
      texts.append(file.read().decode())
  return {
    "status": process.exitcode,
    "stdout": texts[0],
    "stderr": texts[1],
  }


def _become(case, stdout, stderr):
  """Turns this process into the command."""
  os.dup2(stdout, 1)
  os.dup2(stderr, 2)
  module = f"realm_tf.launch.{case['command']}"
  sys.argv = [module, *case["flags"]]
  try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
  except _Reached:
    sys.exit(REACHED)


def main():
  """Runs the cases."""
  sys.meta_path.insert(0, _Gate())
  # What defines no flags may be there before the forks.
  for module in (
    "absl.app",
    "realm_tf.configs.loading",
    "realm_tf.encyclopedia",
  ):
    importlib.import_module(module)
  cases = json.load(sys.stdin)
  json.dump([_run_forked(case) for case in cases], sys.stdout)


if __name__ == "__main__":
  main()
