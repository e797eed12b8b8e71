"""A training beside other trainers, and with another corpus in its place."""

import pytest

from tests import forked_commands
from tests.end_to_end import tiny_runs

_STEPS = 8


def flags(corpus, model_dir, *more, **changes):
  fields = {
    "train_steps": _STEPS,
    "evaluate_every_steps": _STEPS,
    "checkpoint_every_steps": 2,
    "export_every_steps": 2,
  }
  return [
    "--config=tiny",
    f"--corpus={corpus}",
    f"--model_dir={model_dir}",
    *tiny_runs.config_flags(**fields | changes),
    *more,
  ]


def start(*flags):
  return forked_commands.Started(
    "pretrain", flags, tiny_runs.environment(), quickly=True
  )


def build(folder, seed=0):
  return tiny_runs.build_corpus(folder, tiny_runs.articles(30, seed))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  return build(tmp_path_factory.mktemp("disturbed") / "corpus")


@pytest.fixture(scope="module")
def undisturbed(corpus, tmp_path_factory):
  """The losses of a run that nobody disturbs."""
  run = tmp_path_factory.mktemp("undisturbed") / "run"
  tiny_runs.run("pretrain", *flags(corpus, run, "--refresh=off"), quickly=True)
  return tiny_runs.scalars(run, "train")["loss"]


def test_one_of_three_trainers_trains(corpus, tmp_path):
  run = tmp_path / "run"
  trainers = [start(*flags(corpus, run, "--refresh=off")) for _ in range(3)]
  said = [list(trainer.lines()) for trainer in trainers]
  statuses = [trainer.wait() for trainer in trainers]
  assert sorted(statuses) == [0, 2, 2], said
  for status, lines in zip(statuses, said, strict=True):
    if status == 2:
      assert lines[-1].startswith("error: ")
      assert str(run) in lines[-1]
      assert "another process" in lines[-1]
  trained = tiny_runs.scalars(run, "train")
  assert sorted(trained["loss"]) == list(range(1, _STEPS + 1))


def test_a_corpus_replaced_and_edited_beside_a_training_changes_nothing(
  tmp_path, undisturbed
):
  corpus, run = build(tmp_path / "corpus"), tmp_path / "run"
  other = build(tmp_path / "other", seed=1)
  more = tiny_runs.write_articles(
    tmp_path / "more.jsonl", tiny_runs.articles(3, seed=2)
  )
  away, new = tmp_path / "away", tmp_path / "new"
  edit = [f"--corpus={away}", f"--output={new}", f"--add={more}"]
  trainer = start(*flags(corpus, run, "--refresh=off"))
  for line in trainer.lines():
    if line.startswith("step 2/"):
      corpus.rename(away)
      other.rename(corpus)
      done = forked_commands.run("edit_corpus", edit, tiny_runs.environment())
      assert done["status"] == 0, done["stderr"]
  assert trainer.wait() == 0
  found = tiny_runs.scalars(run, "train")["loss"]
  assert found == pytest.approx(undisturbed, rel=1e-5)

  again = flags(corpus, run, "--refresh=off", train_steps=2 * _STEPS)
  done = forked_commands.run("pretrain", again, tiny_runs.environment())
  assert done["status"] == 2
  assert done["stderr"].startswith("error: ")
  assert done["stderr"].count("\n") == 1
  assert "corpus" in done["stderr"]


def test_a_refresher_does_not_embed_a_corpus_put_in_its_place(tmp_path):
  corpus = build(tmp_path / "corpus")
  other = build(tmp_path / "other", seed=1)
  run = tmp_path / "run"
  trainer = start(
    *flags(corpus, run, index_age_limit_steps=4, index_age_warning_steps=3)
  )
  said = []
  for line in trainer.lines():
    said.append(line)
    if line.startswith("step 1/"):
      corpus.rename(tmp_path / "away")
      other.rename(corpus)
  assert trainer.wait() == 2, "".join(said)
  assert said[-1].startswith("error: "), "".join(said[-5:])
  assert "is not the file that its manifest names" in "".join(said)
  assert not tiny_runs.processes_of(run)
