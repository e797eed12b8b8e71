"""Bad input of `evaluate`: one line, status 2, nothing half-written."""

import json

import pytest

from realm_tf.runs import run_config
from tests import synthetic
from tests.end_to_end import refusals


def write_lines(path, *records):
  path.write_text("".join(json.dumps(record) + "\n" for record in records))
  return str(path)


def cases_of(root):
  """Yields (name, words of the message, flags)."""
  for task, config in (
    ("pretrain", synthetic.realm_config()),
    ("train_tagger", synthetic.tagger_config()),
  ):
    run = synthetic.make_run(task, config)
    run_config.write_or_match(str(root / task), run)
  model_dir = f"--model_dir={root}/pretrain"
  good = write_lines(
    root / "good.jsonl",
    {"id": "a", "question": "q", "answer": ["x"]},
    {"id": "b", "question": "r", "answer": ["y"]},
  )
  asked = f"--dataset={good}"
  empty = write_lines(root / "empty.jsonl", {"question": "q", "answer": []})
  one = write_lines(root / "one.jsonl", {"id": "a", "answer": "x"})
  other = write_lines(
    root / "other.jsonl",
    *({"id": name, "answer": "x"} for name in "abc"),
  )
  predictions = f"--predictions={one}"
  yield (
    "unknown_dataset",
    ["'trivia'", "nq_open"],
    ["--dataset=trivia", model_dir],
  )
  yield (
    "unknown_split",
    ["--split=validation", "test"],
    [asked, "--split=validation", model_dir],
  )
  yield (
    "no_answers",
    ["empty.jsonl, line 1", "no answers"],
    [f"--dataset={empty}", model_dir],
  )
  yield (
    "no_run",
    ["nowhere", "no run"],
    [asked, f"--model_dir={root}/nowhere"],
  )
  yield "nothing_to_score", ["--model_dir", "--predictions"], [asked]
  yield "both_modes", ["one of the two"], [asked, model_dir, predictions]
  yield (
    "flag_of_a_run",
    ["--recall_beam"],
    [asked, predictions, "--recall_beam=9"],
  )
  yield (
    "unknown_retriever",
    ["--retriever=tfidf", "bm25"],
    [asked, model_dir, "--retriever=dense,tfidf"],
  )
  yield (
    "closed_book_retrieves",
    ["--retriever=none", "--retrieval_only"],
    [asked, model_dir, "--retriever=none", "--retrieval_only"],
  )
  yield (
    "reads_nothing",
    ["--reader_beam", "--retrieval_only"],
    [asked, model_dir, "--reader_beam=3", "--retrieval_only"],
  )
  yield (
    "closed_book_on_a_tpu",
    ["--tpu", "--retriever=none"],
    [asked, model_dir, "--retriever=none", "--tpu=local"],
  )
  yield (
    "zero_shot_on_a_tpu",
    ["--tpu", "finetune"],
    [asked, model_dir, "--retrieval_only", "--tpu=local"],
  )
  yield (
    "beam_of_nothing",
    ["--reader_beam", "--corpus"],
    [asked, predictions, "--reader_beam=3"],
  )
  yield (
    "missing_ids",
    ["one.jsonl", "lacks", "'b'"],
    [asked, predictions],
  )
  yield (
    "unknown_ids",
    ["other.jsonl", "'c'"],
    [asked, f"--predictions={other}", f"--output={root}/out"],
  )
  yield "not_fine_tuned", ["pretrain", "finetune"], [asked, model_dir]
  yield (
    "tagger",
    ["train_tagger", "finetune"],
    [asked, f"--model_dir={root}/train_tagger", "--retrieval_only"],
  )
  yield (
    "negative_limit",
    ["limit"],
    [asked, model_dir, "--limit=-1"],
  )


NAMES = (
  "unknown_dataset",
  "unknown_split",
  "no_answers",
  "no_run",
  "nothing_to_score",
  "both_modes",
  "flag_of_a_run",
  "unknown_retriever",
  "closed_book_retrieves",
  "reads_nothing",
  "closed_book_on_a_tpu",
  "zero_shot_on_a_tpu",
  "beam_of_nothing",
  "missing_ids",
  "unknown_ids",
  "not_fine_tuned",
  "tagger",
  "negative_limit",
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
  """By name: words of the message, and what the command did."""
  root = tmp_path_factory.mktemp("bad_questions")
  cases = list(cases_of(root))
  results = refusals.outcomes(
    root, [("evaluate", flags) for _, _, flags in cases]
  )
  return {
    name: (words, outcome)
    for (name, words, _), outcome in zip(cases, results, strict=True)
  }


@pytest.mark.parametrize("name", NAMES)
def test_one_line_status_two_and_nothing_written(outcomes, name):
  words, outcome = outcomes[name]
  refusals.check(outcome, words)
