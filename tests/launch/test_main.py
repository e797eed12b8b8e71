"""The script `realm`: what it lists, runs and refuses."""

import ast
import importlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tomllib

import pytest

import realm_tf
from realm_tf.launch import main

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_LAUNCH = pathlib.Path(main.__file__).parent
_MOST_CPU_SECS = 0.5
# Runs a module and says, on stderr, what it has imported.
_PROGRAM = """
import json, runpy, sys
sys.argv = ["realm"]
try:
  runpy.run_module("realm_tf", run_name="__main__")
finally:
  print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def run(*argv):
  return subprocess.run(
    [sys.executable, *argv],
    env=os.environ | {"COLUMNS": "80"},
    cwd=_ROOT,
    capture_output=True,
    text=True,
    timeout=60,
  )


def script(*argv):
  return run("-m", "realm_tf", *argv)


def test_all_commands_are_named():
  there = {
    path.stem
    for path in _LAUNCH.glob("*.py")
    if "\n  command.run(main" in path.read_text()
  }
  assert sorted(main.COMMANDS) == sorted(there)


def test_the_script_is_declared():
  project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
  module, _, function = project["scripts"]["realm"].partition(":")
  assert getattr(importlib.import_module(module), function) is main.main


def test_each_command_is_listed_with_its_first_line_at_once():
  before = resource.getrusage(resource.RUSAGE_CHILDREN)
  done = run("-c", _PROGRAM)
  after = resource.getrusage(resource.RUSAGE_CHILDREN)
  cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
  assert done.returncode == 0
  assert cpu < _MOST_CPU_SECS
  assert not {"tensorflow", "numpy"} & set(json.loads(done.stderr))
  assert max(map(len, done.stdout.splitlines())) <= 80
  words = " ".join(done.stdout.split())
  for name in main.COMMANDS:
    docstring = ast.get_docstring(
      ast.parse((_LAUNCH / f"{name}.py").read_text())
    )
    assert f"{name} {docstring.splitlines()[0]}" in words


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_words_for_help_say_the_same(word):
  done = script(word)
  assert (done.returncode, done.stdout) == (0, script().stdout)


def test_version():
  done = script("--version")
  assert done.returncode == 0
  assert done.stdout == f"realm_tf {realm_tf.__version__}\n"


@pytest.mark.parametrize(
  ("word", "hint"),
  [
    ("pretrian", "Did you mean pretrain?"),
    ("build-corpus", "Did you mean build_corpus?"),
    ("Serve", "Did you mean serve?"),
    ("--config=tiny", "`realm` lists all."),
  ],
)
def test_an_unknown_command_is_refused_in_one_line(word, hint):
  done = script(word, "--help")
  assert (done.returncode, done.stdout) == (2, "")
  assert done.stderr == f"error: There is no command {word!r}. {hint}\n"


@pytest.mark.parametrize(
  "argv",
  [
    ("pretrain", "--help"),
    ("build_corpus", "--no_such_flag", "--output=any"),
    ("ask", "who wrote hamlet?"),
    ("demo", "an argument"),
  ],
)
def test_a_command_is_the_module_of_its_name(argv):
  name, *flags = argv
  ours, modules = script(*argv), run("-m", f"realm_tf.launch.{name}", *flags)
  assert ours.returncode == modules.returncode
  assert ours.stdout == modules.stdout
  assert ours.stderr == modules.stderr


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
  argv = ["reproduce", "--table=2", "--dry_run", f"--output={tmp_path}/new"]
  process = subprocess.Popen(
    [sys.executable, "-m", "realm_tf", *argv],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
  )
  process.stdout.close()  # As `head` does, here before anything is written.
  _, said = process.communicate()
  assert said == b""
  assert process.returncode == 128 + signal.SIGPIPE
