"""`--dry_run` of every command: the plan, without TensorFlow, and no traces.

A command that does not import TensorFlow touches no device and connects to no
TPU.
"""

import json
import re

import pytest

from realm_tf.launch import main
from tests.launch import given_flags
from tests.launch import light_commands

_TRAININGS = (
  *("finetune", "pretrain", "pretrain_ict", "pretrain_mlm", "train_tagger"),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  """The inputs of a recipe in its middle."""
  made = tmp_path_factory.mktemp("dry")
  given_flags.write_inputs(made, "questions.dev.jsonl")
  (made / "corpus/manifest.json").write_text(
    json.dumps(
      {
        "passages": 1_000_000,
        "max_passage_tokens": 100,
        "tokenizer": {"vocab_size": 30522},
      }
    )
  )
  (made / "corpus/sentences/manifest.json").write_text(
    json.dumps({"sentences": 5_000_000, "spans": {"date": 1, "name": 9}})
  )
  (made / "run/config.json").write_text(
    json.dumps({"task": "pretrain_ict", "config": {}, "corpus": "none"})
  )
  return made


def dry(cases):
  """Returns the outcomes of commands, given as names with dicts of flags."""
  return light_commands.outcomes(
    [(name, [*given_flags.argv(f), "--dry_run"]) for name, f in cases]
  )


def trees(folder):
  return {p: p.stat().st_mtime_ns for p in folder.rglob("*")}


def test_every_command_prints_its_plan_and_leaves_no_trace(root):
  cases = given_flags.good(root)
  # What is in the run is not read but by the refresher.
  cases["refresh_index"]["model_dir"] = f"{root}/later"
  assert {*cases} == {*main.COMMANDS}
  before = trees(root)
  outcomes = dry(cases.items())
  for name, outcome in zip(cases, outcomes, strict=True):
    assert (outcome["status"], outcome["stderr"]) == (0, ""), name
    if name == "reproduce":  # It prints commands, to be pasted.
      assert "python -m realm_tf.launch.pretrain " in outcome["stdout"]
      continue
    first, *lines = outcome["stdout"].splitlines()
    assert first == f"{name}: a dry run, nothing is done"
    assert re.match(r"  settings +--", lines[-1]) or name == "ask", name
    if name in _TRAININGS:
      shown = {line.split()[0] for line in lines}
      assert {"devices", "batch", "trained", "each", "writes"} <= shown
  assert trees(root) == before


def test_what_an_earlier_command_makes_is_named(root):
  none = f"{root}/none"
  training = {"config": "tiny", "corpus": none, "model_dir": f"{root}/new"}
  cases = [
    ("build_corpus", {"input": none, "vocab": none, "output": none}),
    ("annotate_spans", {"corpus": none, "tagger": none}),
    ("train_tagger", {"config": "tiny", "data": none, "model_dir": none}),
    ("pretrain_ict", training | {"init_checkpoint": none}),
    ("pretrain", training | {"pretrain_corpus": none}),
    ("refresh_index", {"model_dir": none}),
    ("finetune", training | {"dataset": f"{none}.jsonl", "init": none}),
    ("evaluate", {"dataset": f"{none}.{{split}}.jsonl", "model_dir": none}),
    ("export", {"model_dir": none, "output": none}),
    ("serve", {"model_base_path": none}),
  ]
  for (name, _), outcome in zip(cases, dry(cases), strict=True):
    assert outcome["status"] == 0, (name, outcome)
    assert re.search(r"  reads .*/none\S* .*: not there yet", outcome["stdout"])
  assert not (root / "none").exists()


def test_mistakes_are_refused_as_always(root):
  cases = {
    "--config.dropout=2.0 must be in [0, 1)": (
      "pretrain",
      {"config.dropout": 2.0},
    ),
    "--config.batch_size=16 must divide by the 3 replicas": (
      "pretrain",
      {"config.batch_size": 16, "dry_run_replicas": 3},
    ),
    "--refresh=inline is of --retrieval=device": (
      "pretrain",
      {"refresh": "inline"},
    ),
    "--refresh=local rebuilds the index": ("finetune", {"refresh": "local"}),
    "There is no dataset 'trivia'": ("finetune", {"dataset": "trivia"}),
    "has no kind 'zoo'": ("build_corpus", {"input": "encyclopedia:zoo"}),
    # It is there, but it is none.
    f"--corpus={root}/full has no manifest.json": (
      "pretrain_ict",
      {"corpus": f"{root}/full"},
    ),
    f"{root}/full is no run": ("evaluate", {"model_dir": f"{root}/full"}),
    "is no folder": ("pretrain_mlm", {"model_dir": f"{root}/vocab.txt/any"}),
    "Unknown command line flag 'corpsu'": ("pretrain", {"corpsu": "any"}),
    "Apache Beam: argument": ("build_corpus", {"direct_num_workers": "all"}),
  }
  good = given_flags.good(root)
  outcomes = dry([(name, good[name] | f) for name, f in cases.values()])
  for message, outcome in zip(cases, outcomes, strict=True):
    if message.startswith("Apache Beam"):  # It alone knows its flags.
      assert outcome["status"] == light_commands.REACHED
      continue
    assert outcome["status"] == 2, (message, outcome)
    assert message in outcome["stderr"]
    assert outcome["stdout"] == ""


def test_a_pod_is_planned_for_without_a_pod(root):
  flags = {
    "config": "base",
    "corpus": f"{root}/corpus",
    "model_dir": f"{root}/new",
    "tpu": "no-such-tpu",
    "dry_run_replicas": 64,
    "retrieval": "device",
  }
  (outcome,) = dry([("pretrain", flags)])
  said = " ".join(outcome["stdout"].split())
  assert "--tpu=no-such-tpu, which is not asked; planned for 64" in said
  assert "512 in all, 8 a replica; 200,000 steps" in said
  assert "1,000,000 passages" in said
  assert "5,000,000, 10 spans" in said
