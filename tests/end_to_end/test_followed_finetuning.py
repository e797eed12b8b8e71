"""`finetune --refresh=local`: killed while its index follows, and resumed."""

import json
import os
import re
import signal

import pytest

from realm_tf.index.versions import index_store
from tests import forked_commands
from tests import people
from tests.end_to_end import tiny_runs

_STEPS = 12
_TAKEN = re.compile(r"  index version (\d+) in use")


@pytest.fixture(scope="module")
def shown_and_run(world, tmp_path_factory):
  """Kills a run with its refresher, resumes it; returns what both printed."""
  run = tmp_path_factory.mktemp("following") / "run"
  fields = vars(
    people.config_of(
      train_passage_tower=True,
      bm25_negatives=1,
      learning_rate=5e-3,
      train_steps=_STEPS,
      evaluate_every_steps=6,
      export_every_steps=2,
      index_age_warning_steps=4,
      index_age_limit_steps=4,
    )
  )
  config = run.parent / "config.json"
  config.write_text(json.dumps(fields))
  flags = [
    f"--config={config}",
    f"--dataset={world}/questions.jsonl",
    f"--dev_dataset={world}/questions.jsonl",
    f"--corpus={world}/corpus",
    f"--init={world}/realm",
    f"--model_dir={run}",
    "--refresh=local",
  ]
  trainer = forked_commands.Started(
    "finetune", flags, tiny_runs.environment(), quickly=True
  )
  killed = []
  for line in trainer.lines():
    killed.append(line)
    if line.startswith("step 7/"):
      os.killpg(trainer.pid, signal.SIGKILL)
  assert trainer.wait() == -signal.SIGKILL, "".join(killed[-20:])
  tiny_runs.until_gone(run)  # The refresher ends with its trainer.
  return "".join(killed), tiny_runs.run("finetune", *flags, quickly=True), run


def test_a_killed_run_goes_on_with_its_index(shown_and_run):
  killed, resumed, run = shown_and_run
  before, after = (
    [int(version) for version in _TAKEN.findall(shown)]
    for shown in (killed, resumed)
  )
  assert "waits for the refresher" in killed
  # The index that the run started from comes first; the checkpoint's version
  # is opened again; the last is that of the last step.
  assert before[0] == 0 < before[-1]
  assert after[0] in before
  assert before == sorted(before) and after == sorted(after)
  assert after[-1] == _STEPS
  train = tiny_runs.scalars(run, "train")
  assert sorted(train["loss"]) == list(range(1, _STEPS + 1))
  # A new version's pipeline takes over up to four steps later.
  assert 0 < max(train["index_age_steps"].values()) <= 4 + 4
  tiny_runs.until_gone(run)


def test_the_last_version_is_evaluated_and_the_best_one_kept(shown_and_run):
  _, _, run = shown_and_run
  evaluations = tiny_runs.scalars(run, "eval")
  assert evaluations["index_version"][_STEPS] == _STEPS
  assert evaluations["exact_match"].keys() == {0, 6, _STEPS}
  best = json.loads((run / "exports/best/manifest.json").read_text())
  assert best["exact_match"] == pytest.approx(
    max(evaluations["exact_match"].values())
  )
  assert best["index_step"] == evaluations["index_version"][best["step"]]
  store = index_store.IndexStore(str(run))
  assert store.is_usable(best["index_step"])
  assert len(store.versions()) <= index_store.KEEP + 4
