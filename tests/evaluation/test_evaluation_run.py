"""`evaluate` on the runs of a corpus of a dozen passages."""

import json
import re
import shutil

import pytest

from realm_tf import errors
from realm_tf.answering import passage_memory
from realm_tf.answering import prediction_records
from realm_tf.data.corpus import corpora
from realm_tf.evaluation import evaluation_options
from realm_tf.evaluation import evaluation_run
from realm_tf.evaluation import scoring
from realm_tf.index.versions import index_store
from realm_tf.index.versions import run_index
from tests import people
from tests.launch import suggested

pytestmark = pytest.mark.usefixtures("eagerly", "embeds_here")

NEVER = {"id": "never", "question": "where is Ada?", "answer": ["Timbuktu"]}


@pytest.fixture(scope="module")
def asked(world):
  """What was learned, and one question that nothing answers."""
  lines = (world / "questions.jsonl").read_text() + json.dumps(NEVER) + "\n"
  path = world / "asked.test.jsonl"
  path.write_text(lines)
  return str(world / "asked.{split}.jsonl")


@pytest.fixture(scope="module")
def regex_asked(world):
  path = world / "years.jsonl"
  invalid = {"id": "bad", "question": "when?", "answer": ["(1"]}
  path.write_text(
    (world / "regex.jsonl").read_text()
    + json.dumps(invalid | {"answer_type": "regex"})
    + "\n"
  )
  return str(path)


def evaluate(**fields):
  return evaluation_run.run(evaluation_options.Options(**fields))


def error_of(**fields):
  with pytest.raises(errors.UserError) as error:
    evaluate(**fields)
  assert "\n" not in str(error.value)
  return str(error.value)


@pytest.fixture(scope="module")
def evaluated(overfitted, asked):
  """All retrievers in one command."""
  model_dir = overfitted
  scores = evaluate(
    model_dir=str(model_dir),
    dataset=asked,
    retriever=("dense", "bm25", "none"),
    seed=3,
  )
  return model_dir / "evaluation", scores


def test_a_run_answers_what_it_has_learned(evaluated):
  _, scores = evaluated
  assert list(scores) == ["dense", "bm25", "none"]
  dense = scores["dense"]
  values = {name: figure.value for name, figure in dense.figures.items()}
  assert list(values) == [
    *("exact_match", "f1", "reader_oracle"),
    *(f"recall@{k}" for k in (1, 5, 20, 50, 100)),
  ]
  assert values["exact_match"] == pytest.approx(8 / 9)
  # The corpus has eight passages: the beam of 100 finds them all.
  assert values["recall@20"] == values["recall@100"] == pytest.approx(8 / 9)
  assert values["recall@1"] <= values["reader_oracle"] <= values["recall@20"]
  assert dense.classes == {"right": 8, "not_in_corpus": 1}
  assert scores["bm25"].figures["recall@1"].value == pytest.approx(8 / 9)
  # Without passages there is nothing to say of retrieval.
  assert set(scores["none"].figures) == {"exact_match", "f1"}


def test_each_retriever_has_a_folder_of_its_own(evaluated, overfitted, world):
  folder, scores = evaluated
  names = [f"asked-test-{name}" for name in scores]
  assert sorted(p.name for p in folder.iterdir()) == sorted(names)
  for name, score in scores.items():
    files = folder / f"asked-test-{name}"
    assert sorted(p.name for p in files.iterdir()) == [
      *(
        "outcomes.jsonl",
        "predictions.jsonl",
        "report.html",
        "summary.json",
      )
    ]
    summary = json.loads((files / "summary.json").read_text())
    assert summary["retriever"] == name
    assert summary["questions"] == 9
    assert summary["interval"]["seed"] == 3
    figure = score.figures["exact_match"]
    assert summary["figures"]["exact_match"]["value"] == figure.value
    assert ("corpus" in summary) == (name != "none")
    assert ("index" in summary) == (name == "dense")
    found = prediction_records.read(str(files / "predictions.jsonl"))
    assert [p.id for p in found] == [f"place-{x}" for x in people.PEOPLE] + [
      "never"
    ]
    # BM25 finds by words: one passage has those of the last question.
    counts = {"dense": [8] * 9, "bm25": [8] * 8 + [1], "none": [0] * 9}
    assert [len(p.retrieved) for p in found] == counts[name]
  first = prediction_records.read(
    str(folder / "asked-test-dense" / "predictions.jsonl")
  )[0]
  assert first.answer == people.PLACES[0]
  assert first.passage_title == "Ada"
  assert set(first.scores) == {"retriever", "reader", "total"}
  assert first.passage_text.startswith("Ada was born in ")
  assert first.passage_metadata == people.METADATA["Ada"]
  assert [p.id for p in first.passages] == list(first.retrieved[:5])
  for passage in first.passages:
    assert passage.text.startswith(f"{passage.title} was born in ")
    assert passage.metadata == people.METADATA.get(passage.title, {})
  corpus = corpora.Corpus.open(str(world / "corpus"))
  [row] = corpus.find_rows([first.passage_id])
  body = corpus.read_texts([row])[1][0].encode()
  assert body[slice(*first.span)].decode() == first.answer


def test_its_predictions_score_alike_as_a_file(evaluated, asked, world):
  folder, scores = evaluated
  again = evaluate(
    predictions=str(folder / "asked-test-dense" / "predictions.jsonl"),
    dataset=asked,
    corpus=str(world / "corpus"),
    reader_beam=3,
    seed=3,
  )["predictions"]
  dense = scores["dense"]
  assert again.classes == dense.classes
  for name, figure in again.figures.items():
    assert figure == dense.figures[name]


def test_the_terminal_says_how_far_how_well_and_what_next(
  overfitted, asked, capsys, monkeypatch, tmp_path
):
  monkeypatch.setattr(evaluation_run, "CHUNK_QUESTIONS", 1)  # batches of eight
  monkeypatch.setattr(evaluation_run, "REPORT_SECS", 0.0)
  model_dir = overfitted
  evaluate(
    model_dir=str(model_dir),
    dataset=asked,
    retriever=("bm25", "dense"),
    output=str(tmp_path / "out"),
  )
  printed = capsys.readouterr().out
  assert "bm25: question 8/9 (89%)" in printed and "left" in printed
  assert "9 questions asked in" in printed
  assert "exact_match          88.9" in printed
  table = next(
    x for x in printed.splitlines() if x.split() == ["bm25", "dense"]
  )
  assert printed.index("calibration err.") < printed.index(table)
  # The default folder of what is asked next is not that of --output. More
  # passages would not help: what was wrong is nowhere in the corpus.
  flags = suggested.check(printed, "evaluate")
  assert flags == [
    f"--model_dir={model_dir}",
    f"--dataset={asked}",
    "--split=test",
    "--retriever=dense,bm25,hybrid",
  ]
  assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
    *("bm25", "dense")
  ]


def test_more_passages_are_suggested_where_an_answer_was_found_but_not_read(
  overfitted, capsys, tmp_path
):
  model_dir = overfitted
  # Where another was born: the passage on Ada is the only one that is read.
  question = {"question": "where was Ada born?", "answer": [people.PLACES[3]]}
  fields = {
    "model_dir": str(model_dir),
    "dataset": people.write_jsonl(tmp_path / "other.jsonl", [question]),
    "reader_beam": 1,
    "hybrid_weight": 0.5,
  }
  scores = evaluate(**fields, retriever=("dense", "bm25", "hybrid"))
  assert scores["dense"].classes == {"not_read": 1}
  flags = suggested.check(capsys.readouterr().out, "evaluate")
  assert "--reader_beam=2" in flags
  # Where the right passage was read, a longer beam is none.
  question["answer"] = ["taught there"]
  people.write_jsonl(tmp_path / "other.jsonl", [question])
  every = ("dense", "bm25", "hybrid", "none")
  scores = evaluate(**fields, retriever=every)
  assert {*scores["dense"].classes} <= {"misread", "near_miss"}
  assert "Next" not in capsys.readouterr().out


def test_questions_without_answers_are_just_answered(
  overfitted, tmp_path, capsys
):
  path = tmp_path / "mine.csv"
  path.write_text(
    "question\nwhere was Ada born?\n<b>where</b> was Boris born?\n"
  )
  scores = evaluate(
    model_dir=str(overfitted),
    dataset=str(path),
    retriever=("dense", "none"),
  )
  assert scores == {}
  printed = capsys.readouterr().out
  assert "2 questions, without answers" in printed
  assert f"Ada  {people.METADATA['Ada']['url']}" in printed
  assert "exact_match" not in printed
  folder = overfitted / "evaluation" / "mine-test-dense"
  assert sorted(path.name for path in folder.iterdir()) == [
    *("predictions.jsonl", "report.html", "summary.json")
  ]
  first, second = prediction_records.read(str(folder / "predictions.jsonl"))
  assert (first.id, first.answer) == ("1", people.PLACES[0])
  assert second.id == "2"
  summary = json.loads((folder / "summary.json").read_text())
  assert (summary["questions"], summary["answered"]) == (2, 2)
  assert "figures" not in summary
  report = (folder / "report.html").read_text()
  assert "Ada was born in <mark>Málaga</mark> in 1701" in report
  assert 'href="https://example.org/ada?a=1&amp;b=&lt;2&gt;"' in report
  assert "&lt;b&gt;where&lt;/b&gt;" in report and "<b>" not in report
  # A closed book has answers alone.
  closed = folder.with_name("mine-test-none") / "report.html"
  assert "<blockquote>" not in closed.read_text()


def test_questions_without_answers_find_passages(world, tmp_path, capsys):
  path = tmp_path / "mine.txt"
  path.write_text("where was Ada born?\n東京\nBoris?\n")
  evaluate(
    model_dir=str(world / "realm"),
    dataset=str(path),
    retriever=("bm25",),
    retrieval_only=True,
    num_passages=2,
    output=str(tmp_path / "out"),
  )
  predictions = prediction_records.read(str(tmp_path / "out/predictions.jsonl"))
  assert [len(p.passages) for p in predictions] == [2, 0, 1]
  assert predictions[0].passages[0].title == "Ada"
  assert predictions[0].passages[0].metadata == people.METADATA["Ada"]
  report = (tmp_path / "out" / "report.html").read_text()
  assert "Ada was born in Málaga" in report and "Nothing was found" in report
  printed = capsys.readouterr().out
  assert "Next" not in printed
  assert f"  Ada  {people.METADATA['Ada']['url']}\n" in printed
  assert "  Boris  böris.txt\n" in printed


def test_answers_are_needed_to_score_a_file(overfitted, evaluated, tmp_path):
  path = tmp_path / "mine.txt"
  path.write_text("where was Ada born?\n")
  folder, _ = evaluated
  message = error_of(
    predictions=str(folder / "asked-test-dense" / "predictions.jsonl"),
    dataset=str(path),
  )
  assert "the question has no answers" in message


def test_patterns_limits_and_beams(overfitted, regex_asked, capsys, tmp_path):
  model_dir = overfitted
  fields = {
    "model_dir": str(model_dir),
    "dataset": regex_asked,
    "reader_beam": 1,
    "recall_beam": 5,
  }
  scores = evaluate(**fields, output=str(tmp_path / "out"))["dense"]
  assert scores.invalid_regexes == ("bad",)
  assert scores.classes["invalid_regex"] == 1
  assert "f1" not in scores.figures
  # recall@k for k of the beam alone; the oracle is that of one passage.
  assert list(scores.figures) == [
    *("exact_match", "reader_oracle", "recall@1", "recall@5")
  ]
  figures = scores.figures
  assert figures["reader_oracle"] == figures["recall@1"]
  printed = capsys.readouterr().out
  assert "1 invalid patterns" in printed and "no regular expression" in printed
  few = evaluate(**fields, limit=2)["dense"]
  assert [o.question.id for o in few.outcomes] == ["year-Ada", "year-Boris"]
  assert not few.invalid_regexes
  name = "years-test-first2-dense-recall_beam_5-reader_beam_1"
  assert (model_dir / "evaluation" / name).is_dir()


def test_what_was_trained_on_is_not_taken_for_a_test_set(
  world, overfitted, tmp_path
):
  model_dir = overfitted
  fields = {
    "model_dir": str(model_dir),
    "dataset": str(world / "questions.jsonl"),
    "output": str(tmp_path / "out"),
  }
  message = error_of(**fields)
  assert "trained on" in message and "split=dev" in message
  assert not (tmp_path / "out").exists()
  assert len(evaluate(**fields, split="dev")["dense"].outcomes) == 8


def test_zero_shot_recall_of_realm_and_of_bm25(world, asked, capsys):
  scores = evaluate(
    model_dir=str(world / "realm"),
    dataset=asked,
    retriever=("dense", "bm25"),
    retrieval_only=True,
  )
  for name in ("dense", "bm25"):
    assert list(scores[name].figures) == [
      f"recall@{k}" for k in (1, 5, 20, 50, 100)
    ]
    assert scores[name].figures["recall@100"].value == pytest.approx(8 / 9)
    assert scores[name].classes == {"retrieved": 8, "not_in_corpus": 1}
    folder = world / f"realm/evaluation/asked-test-{name}-retrieval_only"
    lines = (folder / "outcomes.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["right"] is None
    assert "<svg" in (folder / "report.html").read_text()
  assert scores["bm25"].figures["recall@1"].value == pytest.approx(8 / 9)
  name, flags = suggested.commands(capsys.readouterr().out)[0]
  assert name == "finetune"
  assert {f"--init={world}/realm", "--config.hidden_size=32"} <= {*flags}


def test_a_fine_tuned_retriever_may_be_asked_alone(
  overfitted, asked, evaluated, monkeypatch
):
  model_dir = overfitted

  def read(*args):
    raise AssertionError("Nobody needs this.")

  monkeypatch.setattr(passage_memory.Texts, "load", read)
  alone = evaluate(
    model_dir=str(model_dir), dataset=asked, retrieval_only=True
  )["dense"]
  _, scores = evaluated
  assert alone.figures["recall@1"] == scores["dense"].figures["recall@1"]
  assert "exact_match" not in alone.figures
  # BM25 needs no index either.
  monkeypatch.setattr(run_index, "open_index", read)
  bm25 = evaluate(
    model_dir=str(model_dir),
    dataset=asked,
    retriever=("bm25",),
    retrieval_only=True,
  )["bm25"]
  assert bm25.figures["recall@1"] == scores["bm25"].figures["recall@1"]


def test_the_corpus_of_a_run_without_an_index_is_embedded_first(
  world, asked, capsys
):
  fields = {
    "model_dir": str(world / "ict"),
    "dataset": asked,
    "retrieval_only": True,
  }
  # BM25 needs no index.
  evaluate(**fields, retriever=("bm25",))
  store = index_store.IndexStore(str(world / "ict"))
  assert store.latest() is None
  first = evaluate(**fields)["dense"]
  said = capsys.readouterr().out
  assert "Embedding the corpus, once" in said
  assert re.search(r"  passage (\d+)/\1 \(100%\)  .* passages/s", said)
  assert store.versions() == [40]  # the step of the weights
  second = evaluate(**fields)["dense"]
  assert "Embedding" not in capsys.readouterr().out
  assert first.figures == second.figures
  assert [o.prediction.retrieved for o in first.outcomes] == [
    o.prediction.retrieved for o in second.outcomes
  ]


def test_runs_that_cannot_answer_so_are_refused(world, overfitted, asked):
  model_dir = overfitted
  realm, ict = str(world / "realm"), str(world / "ict")
  message = error_of(model_dir=realm, dataset=asked)
  assert "a run of pretrain" in message and "retrieval_only=True" in message
  message = error_of(model_dir=ict, dataset=asked, retriever=("none",))
  assert "no pre-trained reader" in message
  message = error_of(model_dir=realm, dataset=asked, retriever=("tfidf",))
  assert "retriever=tfidf" in message and "none" in message
  message = error_of(
    model_dir=str(model_dir), dataset=asked, corpus=str(world / "nowhere")
  )
  assert "nowhere" in message


def test_an_index_that_is_not_the_corpuss_is_refused(
  world, overfitted, asked, tmp_path
):
  model_dir = overfitted
  corpus = people.write_other_corpus(tmp_path, world)
  fields = {"dataset": asked, "corpus": corpus}
  for run, retrieval_only in ((model_dir, False), (world / "realm", True)):
    message = error_of(
      model_dir=str(run), retrieval_only=retrieval_only, **fields
    )
    assert "index of another corpus" in message
  bare = tmp_path / "copied" / "ict"
  shutil.copytree(
    world / "ict", bare, ignore=shutil.ignore_patterns("index", "exports")
  )
  message = error_of(model_dir=str(bare), retrieval_only=True, **fields)
  assert "is not the corpus of" in message
  assert not (bare / "exports").exists()


def test_another_corpus_has_a_folder_of_its_own(world, asked, tmp_path):
  fields = {
    "model_dir": str(world / "realm"),
    "dataset": asked,
    "retriever": ("bm25",),
    "retrieval_only": True,
  }
  evaluate(**fields, corpus=str(world / "corpus"))  # the run's own
  other = people.write_other_corpus(tmp_path, world)
  evaluate(**fields, corpus=other)
  folder = world / "realm/evaluation"
  for name, corpus in (
    ("asked-test-bm25-retrieval_only", str(world / "corpus")),
    ("asked-test-bm25-retrieval_only-corpus_corpus", other),
  ):
    summary = json.loads((folder / name / "summary.json").read_text())
    assert summary["corpus"] == corpus
  # A third one of that name must not take the second one's place.
  third = tmp_path / "third" / "corpus"
  shutil.copytree(other, third)
  message = error_of(**fields, corpus=str(third))
  assert f"corpus={other}" in message and "`output`" in message


def test_questions_of_one_name_do_not_replace_each_other(
  world, asked, tmp_path
):
  fields = {
    "model_dir": str(world / "realm"),
    "retriever": ("bm25",),
    "retrieval_only": True,
  }
  evaluate(**fields, dataset=asked)
  shutil.copy(asked.format(split="test"), tmp_path)
  other = str(tmp_path / "asked.{split}.jsonl")
  message = error_of(**fields, dataset=other)
  assert f"dataset={asked}" in message and "`output`" in message
  evaluate(**fields, dataset=other, output=str(tmp_path / "out"))


def test_new_answers_do_not_stand_beside_an_old_summary(
  world, asked, tmp_path, monkeypatch
):
  fields = {
    "model_dir": str(world / "realm"),
    "dataset": asked,
    "retriever": ("bm25",),
    "retrieval_only": True,
    "output": str(tmp_path),
  }
  evaluate(**fields)
  assert (tmp_path / "summary.json").exists()

  def die(*args, **kwargs):
    raise KeyboardInterrupt

  monkeypatch.setattr(scoring, "judge_rows", die)
  with pytest.raises(KeyboardInterrupt):
    evaluate(**fields)
  assert [p.name for p in tmp_path.iterdir()] == ["predictions.jsonl"]


@pytest.mark.parametrize(
  ("run", "fields", "expected"),
  [
    (
      "realm",
      {"retriever": ("none",), "limit": 2, "data_dir": "tfds"},
      "finetune --dataset={learned} --data_dir=tfds "
      "--corpus={world}/corpus --init={world}/realm --model_dir={world}/qa",
    ),
    (
      "realm",  # One file is no longer for training, and a part of it neither.
      {"retriever": ("none",), "dataset": "{world}/questions.jsonl"},
      "finetune --dataset=nq_open --corpus={world}/corpus "
      "--init={world}/realm --model_dir={world}/qa",
    ),
    (
      "realm",
      {"retriever": ("none",), "dataset": "{asked}"},
      "finetune --dataset=nq_open --corpus={world}/corpus "
      "--init={world}/realm --model_dir={world}/qa",
    ),
    (
      None,
      {"retriever": ("none",), "limit": 2, "corpus": "{world}/corpus"},
      "evaluate --model_dir={run} --dataset={learned} --split=test "
      "--corpus={world}/corpus --retriever=dense,bm25,hybrid --limit=2",
    ),
    (
      None,
      {"retriever": ("bm25",), "retrieval_only": True, "recall_beam": 3},
      "evaluate --model_dir={run} --dataset={learned} --split=test "
      "--retriever=dense,bm25,hybrid --recall_beam=3",
    ),
  ],
)
def test_the_next_command_asks_the_same_questions(
  world, overfitted, asked, tmp_path, capsys, run, fields, expected
):
  for split in ("train", "dev", "test"):
    shutil.copy(asked.format(split="test"), tmp_path / f"{split}.jsonl")
  learned = str(tmp_path / "{split}.jsonl")
  names = {
    "world": world,
    "run": overfitted,
    "asked": asked,
    "learned": learned,
  }
  fields = {
    name: value.format(**names) if isinstance(value, str) else value
    for name, value in fields.items()
  }
  model_dir = str(world / run if run else overfitted)
  output = str(tmp_path / "out")
  evaluate(**{"dataset": learned} | fields, model_dir=model_dir, output=output)
  command, *wanted = expected.split()
  flags = suggested.check(capsys.readouterr().out, command)
  if command == "finetune":  # A preset, and the run's own shape.
    assert flags[0].startswith("--config=")
    assert "--config.hidden_size=32" in flags
    flags = [flag for flag in flags if not flag.startswith("--config")]
  assert flags == [flag.format(**names) for flag in wanted]
