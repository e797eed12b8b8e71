"""`--help` of each command: at once, complete, and status 0."""

import dataclasses
import json
import os
import pathlib
import re
import resource
import subprocess
import sys

import pytest

from realm_tf.configs import field_docs
from realm_tf.configs import loading
from realm_tf.data.questions import qa_datasets
from realm_tf.launch import question_flags
from tests.launch import light_commands

_LAUNCH = pathlib.Path(question_flags.__file__).parent
_COMMANDS = sorted(
  path.stem
  for path in _LAUNCH.glob("*.py")
  if "\n  command.run(main" in path.read_text()
)
_MOST_CPU_SECS = 3.0
_REQUIRED = {
  "annotate_spans": {"corpus"},
  "ask": set(),
  "build_corpus": {"input", "output"},
  "demo": set(),
  "drqa": {"corpus", "dataset", "model_dir"},
  "edit_corpus": {"corpus", "output"},
  "evaluate": {"dataset"},
  "export": {"model_dir", "output"},
  "finetune": {"config", "corpus", "dataset", "model_dir"},
  "graph_retriever": {"bert", "corpus", "dataset", "model_dir"},
  "import_checkpoint": {"output", "source"},
  "knn_lm": {"model_dir", "output"},
  "path_retriever": {"bert", "corpus", "dataset", "model_dir"},
  "pretrain": {"config", "corpus", "model_dir"},
  "pretrain_ict": {"config", "corpus", "model_dir"},
  "pretrain_mlm": {"config", "corpus", "model_dir"},
  "refresh_index": {"model_dir"},
  "reproduce": {"output", "table"},
  "serve": set(),
  "t5": {"corpus", "dataset", "model_dir"},
  "train_tagger": {"config", "data", "model_dir"},
}
# Runs a command and says, on stderr, what it has imported.
_PROGRAM = """
import json, runpy, sys
try:
  runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
  print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def helps():
  """Of each command: what --help printed, imported, and took of the CPU."""
  found = {}
  for command in _COMMANDS:
    argv = ["realm_tf.launch." + command, "--help"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
      [sys.executable, "-c", f"import sys; sys.argv = {argv}\n{_PROGRAM}"],
      env=os.environ | {"COLUMNS": "80"},
      capture_output=True,
      text=True,
      timeout=60,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found[command] = (done.stdout, set(json.loads(done.stderr)), cpu)
  return found


def entries(text):
  """Returns {flag: (is required, words)}."""
  found = {}
  text = text.partition("\nFlags:\n")[2]  # The lines above show an example.
  for heading, words in re.findall(
    r"^  (--\S+.*)\n((?: {6}.*\n)*)", text, re.M
  ):
    name = re.match(r"--(?:\[no\])?([\w.]+)", heading)[1]
    found[name] = (heading.endswith("(required)"), " ".join(words.split()))
  return found


def test_every_command_is_there(helps):
  assert sorted(helps) == sorted(_REQUIRED)


@pytest.mark.parametrize("command", _COMMANDS)
def test_it_answers_at_once(helps, command):
  _, modules, cpu = helps[command]
  assert not modules & {"tensorflow", "apache_beam"}
  assert cpu < _MOST_CPU_SECS


@pytest.mark.parametrize("command", _COMMANDS)
def test_it_says_how_the_command_is_used(helps, command):
  text, _, _ = helps[command]
  source = (_LAUNCH / f"{command}.py").read_text()
  assert text.splitlines()[0] == re.match(r'r?"""(.*)', source)[1].rstrip('"')
  assert f"python -m realm_tf.launch.{command}" in text
  assert max(map(len, text.splitlines())) <= 80
  shown = entries(text)
  assert {n for n, (required, _) in shown.items() if required} == (
    _REQUIRED[command]
  )
  # What must be given comes first.
  assert set([*shown][: len(_REQUIRED[command])]) == _REQUIRED[command]
  defined = re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', source)
  assert {*defined} <= shown.keys()
  assert all(words for _, words in shown.values())


@pytest.mark.parametrize("task", loading.TASKS)
def test_fields_of_the_config_are_told_in_the_words_of_the_schema(helps, task):
  text, _, _ = helps[task]
  shown = entries(text)
  for field in dataclasses.fields(loading.TASKS[task]):
    _, words = shown[f"config.{field.name}"]
    described = field_docs.describe(loading.TASKS[task])[field.name]
    assert words == " ".join(described.split())
    if field.default is not dataclasses.MISSING:
      assert words.endswith(f"(default: {field.default})".lower())
  assert "--config.batch_size=INT" in text
  assert "--config.learning_rate=NUMBER" in text


def test_every_field_is_described():
  for kind in loading.TASKS.values():
    for name, words in field_docs.describe(kind).items():
      assert re.match(r"[A-Z\"]", words), (kind, name)
  finetune = field_docs.describe(loading.TASKS["finetune"])
  # A class's own words go before those of its base.
  assert finetune["tied_embedders"].startswith("False, unless train_")
  assert finetune["tied_embedders"].endswith("made the index. (default: false)")
  assert finetune["max_positions"] == (
    "Learned positions; no input may be longer. (default: 512)"
  )


def test_all_words_for_help_say_the_same(helps):
  words = ("-h", "-help", "--h", "-?")
  cases = [(c, [word]) for c in _COMMANDS for word in words]
  # Whatever else is given.
  cases += [("build_corpus", ["--no_such_flag", "--help"])]
  for (command, _), outcome in zip(
    cases, light_commands.outcomes(cases), strict=True
  ):
    assert outcome["status"] == 0
    assert outcome["stdout"] == helps[command][0]


def test_the_datasets_that_flags_name_are_those_there_are():
  assert list(question_flags.BUILDERS) == qa_datasets.names()
