import json

import pytest

from realm_tf import errors
from realm_tf.evaluation import evaluate
from realm_tf.evaluation import evaluation_options
from tests import forked_commands
from tests import written_corpus

QUESTIONS = [
  {"question": "capital of Norway?", "answer": ["Oslo"]},
  {"question": "capital of Italy?", "answer": ["Rome", "Roma"]},
  {"question": "capital of Chile?", "answer": ["Santiago"]},
]


def write_lines(path, records):
  path.write_text("".join(json.dumps(record) + "\n" for record in records))
  return str(path)


@pytest.fixture
def options(tmp_path):
  def make(predictions, questions=QUESTIONS, **fields):
    return evaluation_options.Options(
      predictions=write_lines(tmp_path / "p.jsonl", predictions),
      dataset=write_lines(tmp_path / "q.jsonl", questions),
      **fields,
    )

  return make


def test_a_file_of_orqa_is_scored(options, capsys):
  given = [
    {"question": q["question"], "prediction": p}
    for q, p in zip(QUESTIONS, ["the Oslo", "Milan", "Lima"], strict=True)
  ]
  scores = evaluate.score_file(options(given))
  assert scores.figures["exact_match"].value == pytest.approx(1 / 3)
  assert scores.classes == {"right": 1, "wrong": 2}
  printed = capsys.readouterr().out
  assert "exact_match" in printed and "33.3" in printed
  assert "needs `corpus`" not in printed


def test_with_a_corpus_all_is_written(options, tmp_path, capsys):
  corpus, ids = written_corpus.write_texts(
    tmp_path / "z",
    [[("N", "Oslo is in Norway."), ("I", "Roma!")], [("C", "A coast.")]],
  )
  given = [
    {
      "id": str(number),
      "question": question["question"],
      "answer": "Oslo",
      "passage_id": ids[0],
      "passage_title": "N",
      "span": [0, 4],
      "scores": {"total": 1.0},
      "retrieved": [ids[0], ids[2]],
      "probability": 0.75,
    }
    for number, question in enumerate(QUESTIONS, start=1)
  ]
  output = tmp_path / "new" / "out"
  chosen = options(given, corpus=corpus.path, output=str(output), seed=3)
  scores = evaluate.score_file(chosen)
  summary = json.loads((output / "summary.json").read_text())
  assert summary["dataset"] == chosen.dataset
  assert summary["predictions"] == chosen.predictions
  assert summary["corpus"] == corpus.path
  assert summary["questions"] == 3
  assert set(summary["figures"]) == {
    *("exact_match", "f1", "reader_oracle", "recall@1")
  }
  figure = scores.figures["exact_match"]
  assert summary["figures"]["exact_match"] == {
    "value": figure.value,
    "low": figure.low,
    "high": figure.high,
    "method": "wilson",
  }
  assert summary["figures"]["f1"]["method"] == "wilson"  # all are 0 or 1
  assert summary["interval"]["seed"] == 3
  assert summary["classes"] == {
    "right": 1,
    "not_retrieved": 1,
    "not_in_corpus": 1,
  }
  assert summary["calibration"]["error"] == pytest.approx(0.75 - 1 / 3)
  assert summary["invalid_regexes"] == {"questions": 0, "ids": []}
  lines = (output / "outcomes.jsonl").read_text().splitlines()
  assert [json.loads(line)["class"] for line in lines] == [
    *("right", "not_retrieved", "not_in_corpus")
  ]
  assert json.loads(lines[0])["answer_rank"] == 1
  assert "<svg" in (output / "report.html").read_text()
  assert sorted(p.name for p in output.iterdir()) == [
    *("outcomes.jsonl", "report.html", "summary.json")
  ]
  assert str(output) in capsys.readouterr().out


def test_passages_found_without_a_corpus_are_not_passed_over(options, capsys):
  given = [
    {"id": str(i), "answer": "x", "retrieved": ["ab"]} for i in (1, 2, 3)
  ]
  evaluate.score_file(options(given))
  assert "needs `corpus`" in capsys.readouterr().out


def test_an_invalid_regex_is_counted_and_said(options, tmp_path, capsys):
  asked = [
    {"question": "a?", "answer": ["(Os"]},
    {"question": "b?", "answer": ["os?lo|x*"]},
  ]
  given = [{"question": q["question"], "prediction": "Oslo"} for q in asked]
  output = tmp_path / "out"
  scores = evaluate.score_file(
    options(given, asked, answer_type="regex", output=str(output))
  )
  assert scores.figures["exact_match"].value == 0.5
  assert "f1" not in scores.figures
  printed = capsys.readouterr().out
  assert "warning: 1 questions have a pattern that is no regular" in printed
  summary = json.loads((output / "summary.json").read_text())
  assert summary["invalid_regexes"] == {"questions": 1, "ids": ["1"]}
  assert summary["empty_answer_is_right"] == {"questions": 1, "ids": ["2"]}
  assert summary["classes"]["invalid_regex"] == 1


def test_a_folder_that_cannot_be_made_is_named(options, tmp_path):
  given = [{"question": q["question"], "prediction": ""} for q in QUESTIONS]
  (tmp_path / "file").write_text("")
  with pytest.raises(errors.UserError, match="output=.*file/out"):
    evaluate.score_file(options(given, output=str(tmp_path / "file/out")))


def test_the_command_ends_in_one_line_and_status_2(options, tmp_path):
  chosen = options([{"question": "who?", "prediction": "x"}])
  output = tmp_path / "out"
  done = forked_commands.run(
    "evaluate",
    [
      f"--predictions={chosen.predictions}",
      f"--dataset={chosen.dataset}",
      f"--output={output}",
    ],
  )
  assert done["status"] == 2
  lines = [x for x in done["stderr"].splitlines() if x.startswith("error: ")]
  assert len(lines) == 1 and "Traceback" not in done["stderr"]
  assert chosen.predictions in lines[0] and "'who?'" in lines[0]
  assert not output.exists()
