"""Tables are run step by step, go on where they stopped, and are reported."""

import json

import pytest

from realm_tf import errors
from realm_tf.reproduction import plan
from realm_tf.reproduction import reproduce
from realm_tf.reproduction import runner
from realm_tf.reproduction import scales
from realm_tf.reproduction import tables
from tests.reproduction import fake_commands

TABLE = tables.get(2)


@pytest.fixture
def commands():
  return fake_commands.FakeCommands()


def run(output, commands, rows=(), seeds=(0,), scale="tiny", table=TABLE):
  made = scales.get(scale, scales.Sources())
  planners = [plan.Planner(made, seed, str(output)) for seed in seeds]
  wanted = tables.select(table, rows)
  return reproduce.run(table, wanted, planners, str(output), commands)


def test_what_is_finished_is_not_run_again(tmp_path, commands):
  run(tmp_path, commands, ["baseline"])
  assert [command for command, _ in commands.ran] == [
    "build_corpus",
    "annotate_spans",
    "pretrain_ict",
    "evaluate",
    "finetune",
    "evaluate",
  ]
  run(tmp_path, commands, ["baseline"])
  assert len(commands.ran) == 6
  # Another row adds what it does not share.
  run(tmp_path, commands, ["baseline", "realm_retriever"])
  added = [command for command, _ in commands.ran[6:]]
  assert added == ["pretrain", "evaluate", "finetune", "evaluate"]


def test_a_failed_step_goes_on_with_the_same_command(tmp_path, commands):
  commands.fails.add("finetune")
  with pytest.raises(errors.UserError) as error:
    run(tmp_path, commands, ["realm"])
  assert "finetune ended with status 2, in the step seed-0/realm-qa" in str(
    error.value
  )
  commands.fails.clear()
  before = len(commands.ran)
  run(tmp_path, commands, ["realm"])
  assert [command for command, _ in commands.ran[before:]] == [
    "finetune",
    "evaluate",
  ]


def test_a_step_that_was_interrupted_is_not_done(tmp_path):
  step = plan.Step("seed-0/ict", "pretrain_ict", {"seed": "0"}, ())

  def interrupted(argv):
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    runner.Runner(str(tmp_path), interrupted).run(step)
  asked = []
  steps = runner.Runner(str(tmp_path), lambda argv: asked.append(argv) or 0)
  assert not steps.is_done(step)
  steps.run(step)
  assert asked == [["realm_tf.launch.pretrain_ict", "--seed=0"]]
  assert steps.is_done(step)


def test_a_step_whose_files_are_gone_is_run_again(tmp_path, commands):
  run(tmp_path, commands, ["baseline"])
  (tmp_path / "seed-0" / "ict" / "checkpoints" / "checkpoint").unlink()
  before = len(commands.ran)
  run(tmp_path, commands, ["baseline"])
  assert [command for command, _ in commands.ran[before:]] == ["pretrain_ict"]


def test_a_command_that_writes_nothing_is_no_success(tmp_path, commands):
  commands.forgets.add("pretrain_ict")
  words = "has not written .*ict/checkpoints"
  with pytest.raises(errors.UserError, match=words):
    run(tmp_path, commands, ["baseline"])


def test_another_command_under_the_same_name_is_refused(tmp_path, commands):
  run(tmp_path, commands, ["baseline"])
  record = tmp_path / "steps" / "seed-0" / "ict.json"
  old = json.loads(record.read_text())
  old["command"] += " --config.train_steps=7"
  record.write_text(json.dumps(old))
  with pytest.raises(errors.UserError, match="holds seed-0/ict of another"):
    run(tmp_path, commands, ["baseline"])


_NO_FLOAT = "1" + 400 * "0"


@pytest.mark.parametrize(
  "text", ["{", f'{{"command": "", "done": true, "secs": {_NO_FLOAT}}}']
)
def test_damaged_records_are_named(tmp_path, commands, text):
  run(tmp_path, commands, ["baseline"])
  record = tmp_path / "steps" / "seed-0" / "ict.json"
  record.write_text(text)
  with pytest.raises(errors.UserError, match=r"ict\.json is damaged"):
    run(tmp_path, commands, ["baseline"])


@pytest.mark.parametrize(
  "text", ["{}", f'{{"figures": {{"recall@5": {{"value": {_NO_FLOAT}}}}}}}']
)
def test_a_summary_without_the_figure_is_named(tmp_path, commands, text):
  run(tmp_path, commands, ["baseline"])
  (summary,) = tmp_path.glob("seed-0/ict-*/summary.json")
  summary.write_text(text)
  with pytest.raises(errors.UserError, match=r"has no figure recall@5"):
    run(tmp_path, commands, ["baseline"])


def test_a_folder_is_of_one_scale(tmp_path, commands):
  run(tmp_path, commands, ["baseline"])
  with pytest.raises(errors.UserError, match="is of scale=tiny"):
    run(tmp_path, commands, ["baseline"], scale="paper")


def test_the_report_has_means_and_spreads_beside_the_papers(tmp_path, commands):
  run(tmp_path, commands, ["realm", "baseline"], seeds=(0, 1, 2))
  text = (tmp_path / "table-2.md").read_text()
  lines = [line for line in text.splitlines() if line.startswith("|")]
  assert lines[0] == (
    "| system | exact match, ours | exact match, paper | "
    "zero-shot recall@5, ours | zero-shot recall@5, paper |"
  )
  # 25, 26 and 27 percent: a mean of 26, a standard deviation of 1.
  assert lines[2] == "| REALM | 26.0 ± 1.0 | 38.2 | 26.0 ± 1.0 | 38.5 |"
  assert (
    lines[3] == "| Baseline (ORQA) | 13.5 ± 1.0 | 31.3 | 13.5 ± 1.0 | 13.9 |"
  )
  assert "seeds 0, 1, 2" in text
  report = json.loads((tmp_path / "table-2.json").read_text())
  realm = report["rows"][0]
  assert realm["ours"]["exact match"] == {
    "seeds": {"0": 25.0, "1": 26.0, "2": 27.0},
    "mean": 26.0,
    "standard_deviation": 1.0,
  }
  plot = (tmp_path / "table-2.svg").read_text()
  assert "Baseline (ORQA)" in plot
  assert "zero-shot recall@5, percent" in plot


def test_of_one_seed_there_is_no_spread(tmp_path, commands):
  run(tmp_path, commands, ["baseline"])
  text = (tmp_path / "table-2.md").read_text()
  assert "Ours: percent, seed 0. Paper:" in text
  assert "| 12.5 | 31.3 | 12.5 | 13.9 |" in text
  report = json.loads((tmp_path / "table-2.json").read_text())
  assert report["rows"][0]["ours"]["exact match"]["standard_deviation"] is None


def test_rows_that_are_finished_are_reported_when_a_later_one_fails(
  tmp_path, commands
):
  run(tmp_path, commands, ["baseline"])
  commands.fails.add("pretrain")
  with pytest.raises(errors.UserError):
    run(tmp_path, commands, ["realm_encoder", "baseline"], seeds=(0,))
  assert "Baseline (ORQA)" in (tmp_path / "table-2.md").read_text()


def test_table_1_sets_our_column_beside_the_papers_three(tmp_path, commands):
  run(tmp_path, commands, ["realm", "hard_em"], table=tables.get(1))
  lines = (tmp_path / "table-1.md").read_text().splitlines()
  head = next(line for line in lines if line.startswith("| system | NQ"))
  assert head == (
    "| system | NQ, paper | WQ, paper | CT, paper | encyclopedia, ours |"
  )
  assert "| REALM, X = Z | 39.2 | 40.2 | 46.8 | 25.0 |" in lines
  assert "| HardEM | 28.1 |  |  | 12.5 |" in lines


def test_what_is_beside_the_table_is_reported_below_it(tmp_path, commands):
  rows = ["realm", "t5_large", "masked_reader", "knn_lm", "masked_realm"]
  run(tmp_path, commands, rows, seeds=(0, 1), table=tables.get(1))
  text = (tmp_path / "table-1.md").read_text()
  table, beside = text.split("Beside the table")
  assert "| T5, closed book (large) | 29.8 | 32.2 |  |  |" in table
  assert "kNN-LM" not in table
  # What did not run here took no time, and is not listed as if it had.
  assert text.count("T5, closed book (large)") == 1
  report = json.loads((tmp_path / "table-1.json").read_text())
  minutes = {row["name"]: row["minutes"] for row in report["rows"]}
  assert minutes["t5_large"] == {}
  assert minutes["realm"].keys() == {"0", "1"}
  assert (
    "| system | accuracy, percent, ours | log-likelihood, nats, ours |"
  ) in beside
  assert "| REALM's reader alone | 25.0 ± 0.0 | -3.0 ± 0.0 |" in beside
  assert "| kNN-LM | 50.0 ± 0.0 | -2.0 ± 0.0 |" in beside
  assert "kNN-LM" not in (tmp_path / "table-1.svg").read_text()
