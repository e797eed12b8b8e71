"""docs/reproduce.md: each command passes `--dry_run`, the pod's on 64 cores."""

import pathlib
import re
import shlex

import pytest

from tests.launch import light_commands

_PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reproduce.md"
_COMMAND = re.compile(
  r"^python -m realm_tf\.launch\.(\w+)((?:.*\\\n)*.*)$", re.M
)
_CORES = 64


def commands(folder):
  """Returns (command, flags) of the page, with paths below a folder."""
  found = []
  blocks = re.findall(r"^```\n(.*?)^```", _PAGE.read_text(), re.M | re.S)
  for block in blocks:
    for name, rest in _COMMAND.findall(block):
      flags = shlex.split(rest.replace("\\\n", " "))
      flags = [
        re.sub(r"(?<=[=,])(runs|data|BERT)\b", rf"{folder}/\1", flag)
        for flag in flags
      ]
      if "--tpu=POD" in flags:
        flags.append(f"--dry_run_replicas={_CORES}")
      found.append((name, flags))
  return found


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
  """Of the page's commands: command, flags and what came of a dry run."""
  folder = tmp_path_factory.mktemp("page")
  given = commands(folder)
  ran = light_commands.outcomes([(n, [*f, "--dry_run"]) for n, f in given])
  assert not list(folder.iterdir())
  return [(*one, out) for one, out in zip(given, ran, strict=True)]


def test_every_command_passes(outcomes):
  for name, flags, outcome in outcomes:
    assert outcome["status"] == 0, (name, flags, outcome["stderr"])
    assert outcome["stdout"]


def test_the_page_goes_from_text_to_table_1(outcomes):
  names = [name for name, _, _ in outcomes]
  steps = ["build_corpus", "train_tagger", "annotate_spans", "pretrain_ict"]
  assert names[: len(steps)] == steps
  of_pod = [
    (name, " ".join(outcome["stdout"].split()))
    for name, flags, outcome in outcomes
    if "--tpu=POD" in flags
  ]
  assert [name for name, _ in of_pod] == [
    *("pretrain_ict", "pretrain", "pretrain"),
    *("finetune", "finetune", "finetune"),
  ]
  for _, said in of_pod:
    assert f"planned for {_CORES} replicas" in said
  batches = [re.search(r"in all, (\d+) a replica", s)[1] for _, s in of_pod]
  assert batches == ["64", "8", "8", "1", "1", "1"]


def test_what_is_read_was_written_by_an_earlier_command(outcomes):
  """Data aside, a step reads what a step before it has written."""
  written = set()
  for name, flags, outcome in outcomes:
    if name in ("reproduce", "drqa"):  # From here on, other systems.
      break
    for path in re.findall(
      r"^  reads +(\S*/runs/\S+)", outcome["stdout"], re.M
    ):
      assert any(path.startswith(made) for made in written), (name, path)
    if "--watch" not in flags:
      written |= {*re.findall(r"^  writes +(\S+)", outcome["stdout"], re.M)}
