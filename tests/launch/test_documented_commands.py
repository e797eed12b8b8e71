"""The commands that the documents show: known flags, allowed values."""

import dataclasses
import pathlib
import re
import shlex

import pytest

from realm_tf.configs import loading
from tests.launch import light_commands

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_DOCUMENTS = [
  *(_ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
  *sorted((_ROOT / "docs").glob("*.md")),
  *sorted((_ROOT / "realm_tf").rglob("*.md")),
  _ROOT / "benchmarks" / "README.md",
]
_BLOCK = re.compile(r"^```(?:bash|sh)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"python3? -m realm_tf\.launch\.(\w+)(.*)")
_VARIABLE = re.compile(r'^(\w+)=("[^"]*"|\S+)$', re.MULTILINE)
# What may be wrong where nothing has been downloaded, built or trained: a file,
# a corpus, a run, a tagger, weights, a vocabulary, a Python, spaCy.
_ABSENT = re.compile(
  r"does not exist|is no (run|tagger|Python)|Cannot read the vocabulary"
  r"|is not installed"
)


def _commands():
  """Returns (document, command, its arguments) of each."""
  found = []
  for path in _DOCUMENTS:
    for block in _BLOCK.findall(path.read_text()):
      text = re.sub(r"\\\n\s*", "", block)
      for name, value in _VARIABLE.findall(text):
        text = text.replace(f"${name}", value.strip('"'))
      for command, rest in _COMMAND.findall(text):
        words = shlex.split(re.split(r"\s[>|&]", rest)[0], comments=True)
        found.append((path.relative_to(_ROOT).as_posix(), command, words))
  return found


_SHOWN = _commands()
_TRAININGS = [shown for shown in _SHOWN if shown[1] in loading.TASKS]


def _name_of(shown):
  document, command, _ = shown
  return f"{document}: {command}"


def test_commands_are_found():
  documents = {document for document, _, _ in _SHOWN}
  assert {"README.md", "docs/results.md", "docs/warm_starts.md"} <= documents
  assert len(_SHOWN) > 100
  assert {command for _, command, _ in _TRAININGS} == set(loading.TASKS)


def test_each_starts_or_lacks_a_file_alone():
  outcomes = light_commands.outcomes([shown[1:] for shown in _SHOWN])
  for shown, outcome in zip(_SHOWN, outcomes, strict=True):
    started = outcome["status"] in (0, light_commands.REACHED)
    assert started or _ABSENT.search(outcome["stderr"]), (shown, outcome)


@pytest.mark.parametrize("shown", _TRAININGS, ids=_name_of)
def test_the_config_of_each_training_is_allowed(shown):
  _, task, words = shown
  kinds = {f.name: f.type for f in dataclasses.fields(loading.TASKS[task])}
  preset, overrides = "", {}
  for word in words:
    flag, _, value = word.partition("=")
    if flag == "--config":
      preset = value
    elif flag.startswith("--config."):
      field = flag.removeprefix("--config.")
      overrides[field] = (
        value in ("", "true") if kinds[field] is bool else kinds[field](value)
      )
  loading.load(task, preset, overrides)
