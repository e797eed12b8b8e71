"""The plans of the tables: which commands, and what rows share."""

import pytest

from realm_tf import errors
from realm_tf.configs import loading
from realm_tf.reproduction import plan
from realm_tf.reproduction import scales
from realm_tf.reproduction import tables
from tests.launch import light_commands
from tests.reproduction import fake_commands


def planner(output="out", seed=0, scale="tiny", sources=None):
  made = scales.get(scale, sources or scales.Sources())
  return plan.Planner(made, seed, str(output))


def steps_of(number, rows, made):
  table = tables.get(number)
  return list(
    plan.in_order(
      figure.step
      for row in tables.select(table, rows)
      for figure in row.figures(made).values()
    )
  )


def named(steps):
  return {step.name: step for step in steps}


def test_table_2_has_the_papers_rows_and_figures():
  paper = {
    row.name: (row.paper[tables.EXACT_MATCH], row.paper[tables.RECALL])
    for row in tables.get(2).rows
  }
  assert paper == {
    "realm": (38.2, 38.5),
    "realm_retriever": (37.4, 38.5),
    "realm_encoder": (35.3, 13.9),
    "baseline": (31.3, 13.9),
    "uniform_masks": (32.3, 24.2),
    "span_masks": (35.3, 26.1),
    "stale": (28.7, 15.1),
  }


def test_what_rows_share_comes_once_and_after_what_it_needs():
  steps = steps_of(2, [], planner())
  names = [step.name for step in steps]
  assert len(names) == len(set(names))
  for place, step in enumerate(steps):
    for needed in step.needs:
      assert needed.name in names[:place]
  commands = [step.command for step in steps]
  assert commands.count("build_corpus") == 1
  assert commands.count("pretrain_ict") == 1
  # REALM, two maskings, and the stale index; two rows mix REALM and ICT.
  assert commands.count("pretrain") == 4
  assert commands.count("finetune") == 7


def test_each_row_differs_from_realm_in_what_the_paper_says():
  steps = named(steps_of(2, [], planner()))
  assert "config.masking" not in steps["seed-0/realm"].flags
  masks = steps["seed-0/uniform_masks"].flags
  assert masks["config.masking"] == "bert_tokens"
  assert steps["seed-0/span_masks"].flags["config.masking"] == "random_span"
  stale = int(steps["seed-0/stale"].flags["config.export_every_steps"])
  assert stale == 30 * loading.load("pretrain", "tiny", {}).export_every_steps
  for name, retriever, reader in (
    ("realm-qa", "out/seed-0/realm", "out/seed-0/realm"),
    ("realm_retriever-qa", "out/seed-0/realm", "realm_tf/demo/bert"),
    ("realm_encoder-qa", "out/seed-0/ict", "out/seed-0/realm"),
    ("orqa", "out/seed-0/ict", "realm_tf/demo/bert"),
    ("stale-qa", "out/seed-0/stale", "out/seed-0/stale"),
  ):
    flags = steps[f"seed-0/{name}-encyclopedia"].flags
    assert flags["init_retriever"] == retriever
    assert flags["init_reader"].endswith(reader)


def test_recall_is_of_the_retriever_before_fine_tuning():
  row = tables.select(tables.get(2), ["realm_encoder"])[0]
  figures = row.figures(planner())
  recall, answers = figures[tables.RECALL], figures[tables.EXACT_MATCH]
  assert recall.step.flags["model_dir"] == "out/seed-0/ict"
  assert recall.step.flags["retrieval_only"] == "true"
  assert recall.name == "recall@5"
  assert answers.step.flags["model_dir"].endswith(
    "realm_encoder-qa-encyclopedia"
  )
  # So that the fine-tuning finds the index that the evaluation has built.
  assert list(figures) == [tables.RECALL, tables.EXACT_MATCH]


def test_both_tables_share_realm_and_orqa_at_both_scales():
  for scale in scales.NAMES:
    made = planner(scale=scale)
    first, second = (named(steps_of(n, [], made)) for n in (1, 2))
    shared = {name for name in first if name in second}
    column = next(iter(made.scale.datasets))
    for name in ("ict", "realm", f"realm-qa-{column}", f"orqa-{column}"):
      assert f"seed-0/{name}" in shared
    assert all(first[name] == second[name] for name in shared)


def test_baselines_of_table_1_read_what_bm25_finds():
  steps = named(steps_of(1, ["bert", "hard_em"], planner()))
  assert not any(step.command == "pretrain" for step in steps.values())
  bert = steps["seed-0/bert-qa-encyclopedia"].flags
  hard = steps["seed-0/hard_em-qa-encyclopedia"].flags
  assert "init_retriever" not in bert
  assert bert["config.retriever"] == hard["config.retriever"] == "bm25"
  assert hard["config.hard_em"] == "true"
  assert "config.hard_em" not in bert


@pytest.mark.parametrize("name", ["drqa", "graph_retriever", "path_retriever"])
def test_a_baseline_answers_and_its_answers_are_scored(name):
  *before, answered, scored = steps_of(1, [name], planner())
  assert [step.command for step in before] == ["build_corpus"]
  assert answered.command == name
  assert answered.flags["model_dir"] == f"out/seed-0/{name}-encyclopedia"
  assert scored.flags["predictions"] == answered.files[0]
  assert scored.flags["corpus"] == "out/corpus"
  assert "model_dir" not in scored.flags


def test_no_passages_of_a_closed_book_are_judged():
  t5 = named(steps_of(1, ["t5"], planner()))
  assert "corpus" in t5["seed-0/t5-encyclopedia"].flags
  assert "corpus" not in t5["seed-0/t5-encyclopedia-test-answers"].flags
  drqa = named(steps_of(1, ["drqa"], planner()))
  assert "corpus" in drqa["seed-0/drqa-encyclopedia-test-answers"].flags


def test_t5_learns_sentences_and_is_of_the_papers_sizes_at_its_scale():
  sizes = {}
  for row in ("t5", "t5_large", "t5_11b"):
    steps = steps_of(1, [row], planner(scale="paper"))
    assert [s.command for s in steps].count("annotate_spans") == 1
    trained = [step for step in steps if step.command == "t5"]
    sizes[row] = {step.flags["size"] for step in trained}
    assert [step.flags["dataset"] for step in trained] == [
      "nq_open",
      "webquestions",
    ]
  assert sizes == {"t5": {"base"}, "t5_large": {"large"}, "t5_11b": {"11b"}}
  assert steps_of(1, ["t5_large"], planner()) == []


def test_knn_lm_is_of_the_realm_beside_which_it_stands():
  *_, realm, measured = steps_of(
    1, ["masked_reader", "knn_lm", "masked_realm"], planner()
  )
  assert measured.command == "knn_lm"
  assert measured.flags["model_dir"] == realm.flags["model_dir"]
  assert realm.name == "seed-0/realm"


def test_other_text_is_learned_from_but_not_retrieved():
  step = named(steps_of(1, [], planner()))["seed-0/realm_other_text"]
  assert step.flags["corpus"] == "out/corpus"
  assert step.flags["pretrain_corpus"] == "out/other_corpus"


def test_seeds_share_the_corpus_alone():
  first, second = (
    named(steps_of(2, [], planner(seed=seed))) for seed in (0, 1)
  )
  assert {*first} & {*second} == {"corpus", "corpus-sentences"}
  assert second["seed-1/realm"].flags["seed"] == "1"


def test_two_steps_of_one_name_must_be_the_same():
  first = plan.Step("a", "pretrain", {"seed": "0"}, ())
  other = plan.Step("a", "pretrain", {"seed": "1"}, ())
  assert list(plan.in_order([first, first])) == [first]
  with pytest.raises(ValueError, match="called a"):
    list(plan.in_order([first, other]))


def test_printed_commands_name_what_is_above():
  rows = tables.select(tables.get(2), ["realm", "realm_retriever"])
  lines = tables.commands(rows, [planner(scale="paper")]).splitlines()
  assert lines[0] == "# REALM (seed 0)"
  assert (
    "python -m realm_tf.launch.pretrain --config=base --corpus=out/corpus "
    "--init_checkpoint=BERT,out/seed-0/ict --model_dir=out/seed-0/realm "
    "--seed=0"
  ) in lines
  assert "# seed-0/realm: as above" in lines
  assert sum("launch.pretrain " in line for line in lines) == 1


def test_rows_come_in_the_tables_order_and_unknown_ones_are_refused():
  table = tables.get(2)
  rows = tables.select(table, ["stale", "realm"])
  assert [row.name for row in rows] == ["realm", "stale"]
  with pytest.raises(errors.UserError, match="rows=orqa is no row of table 2"):
    tables.select(table, ["orqa"])


@pytest.mark.parametrize("scale", scales.NAMES)
def test_the_commands_take_their_flags(scale, tmp_path):
  sources = scales.Sources()
  if scale == scales.PAPER:
    for name in ("articles.jsonl", "news.jsonl", "bert/config.json"):
      (tmp_path / name).parent.mkdir(exist_ok=True)
      (tmp_path / name).write_text("{}")
    (tmp_path / "bert" / "vocab.txt").write_text("[PAD]\n")
    sources = scales.Sources(
      wikipedia=f"{tmp_path}/articles.jsonl",
      cc_news=f"{tmp_path}/news.jsonl",
      bert=f"{tmp_path}/bert",
      conll=str(tmp_path),
    )
  made = planner(tmp_path / "out", scale=scale, sources=sources)
  steps = named([*steps_of(1, [], made), *steps_of(2, [], made)])
  run = fake_commands.FakeCommands()
  for step in steps.values():
    assert run(step.argv) == 0
  cases = [(step.command, step.argv[1:]) for step in steps.values()]
  outcomes = light_commands.outcomes(cases)
  for case, outcome in zip(cases, outcomes, strict=True):
    assert outcome["status"] == light_commands.REACHED, (case, outcome)
