import gzip
import json

import hypothesis
import pytest
from hypothesis import strategies as st

from realm_tf import errors
from realm_tf.answering import prediction_records
from realm_tf.answering import replies
from realm_tf.data.questions import qa_datasets

Prediction = prediction_records.Prediction
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
METADATA = st.dictionaries(TEXT, TEXT | st.integers(), max_size=2)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def asked(*texts):
  return [
    qa_datasets.Example(f"q{number}", text, ("x",))
    for number, text in enumerate(texts)
  ]


@hypothesis.settings(
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
  st.lists(
    st.builds(
      Prediction,
      question=TEXT,
      answer=TEXT,
      id=TEXT,
      passage_id=st.none() | TEXT,
      passage_title=st.none() | TEXT,
      span=st.none() | st.tuples(st.integers(0, 9), st.integers(9, 2**40)),
      scores=st.dictionaries(TEXT, FLOATS, max_size=3),
      retrieved=st.none() | st.lists(TEXT, max_size=3).map(tuple),
      probability=st.none() | st.floats(0, 1),
      passage_text=st.none() | TEXT,
      passage_metadata=st.none() | METADATA,
      passages=st.lists(
        st.builds(replies.Passage, TEXT, TEXT, TEXT, METADATA), max_size=2
      ).map(tuple),
    ),
    min_size=1,
    max_size=3,
  )
)
def test_what_is_written_is_read(tmp_path, written):
  path = str(tmp_path / "p.jsonl")
  prediction_records.write(path, written)
  assert prediction_records.read(path) == written


def test_fields_are_those_of_the_contract(tmp_path):
  path = tmp_path / "p.jsonl"
  prediction_records.write(
    str(path),
    [
      Prediction(
        question="who?",
        answer="Zoë",
        id="q0",
        passage_id="ab",
        passage_title="T",
        span=(3, 7),
        scores={"retriever": 1.5, "reader": 2.0, "total": 3.5},
        retrieved=("ab", "cd"),
        probability=0.25,
        passage_text="By Zoë.",
        passage_metadata={"url": "u"},
        passages=(replies.Passage("ab", "T", "By Zoë.", {"url": "u"}),),
      )
    ],
  )
  assert json.loads(path.read_text()) == {
    "id": "q0",
    "question": "who?",
    "answer": "Zoë",
    "passage_id": "ab",
    "passage_title": "T",
    "span": [3, 7],
    "scores": {"retriever": 1.5, "reader": 2.0, "total": 3.5},
    "retrieved": ["ab", "cd"],
    "probability": 0.25,
    "passage_text": "By Zoë.",
    "passage_metadata": {"url": "u"},
    "passages": [
      {
        **{"id": "ab", "title": "T", "text": "By Zoë."},
        "metadata": {"url": "u"},
      }
    ],
  }


def test_a_score_that_json_cannot_say_is_not_written(tmp_path):
  path = tmp_path / "p.jsonl"
  with pytest.raises(ValueError, match="JSON"):
    prediction_records.write(
      str(path), [Prediction("q", "a", "1", scores={"total": float("nan")})]
    )
  assert not path.exists()


def test_orqa_files_are_read_gzip_too(tmp_path):
  path = tmp_path / "p.jsonl.gz"
  line = '{"question": "who?", "prediction": "Zo\\u00eb"}\n'
  path.write_bytes(gzip.compress(line.encode()))
  assert prediction_records.read(str(path)) == [Prediction("who?", "Zoë")]


@pytest.mark.parametrize(
  "line",
  [
    "{",
    "",
    "[1]",
    '{"question": "q"}',
    '{"answer": "a"}',
    '{"prediction": "a"}',
    '{"id": 3, "answer": "a"}',
    '{"id": "q", "answer": null}',
    '{"id": "q", "answer": ["a"]}',
    '{"question": "q", "prediction": 1999}',
    '{"id": "q", "answer": "\\ud800"}',
    '{"id": "q", "answer": "a", "span": [3]}',
    '{"id": "q", "answer": "a", "span": [4, 3]}',
    '{"id": "q", "answer": "a", "span": [0.5, 3]}',
    '{"id": "q", "answer": "a", "span": [true, 3]}',
    '{"id": "q", "answer": "a", "scores": [1]}',
    '{"id": "q", "answer": "a", "scores": {"total": "1"}}',
    '{"id": "q", "answer": "a", "scores": {"total": NaN}}',
    '{"id": "q", "answer": "a", "retrieved": "ab"}',
    '{"id": "q", "answer": "a", "retrieved": [1]}',
    '{"id": "q", "answer": "a", "probability": 1.5}',
    '{"id": "q", "answer": "a", "probability": true}',
    '{"id": "q", "answer": "a", "probability": 1' + "0" * 400 + "}",
  ],
)
def test_a_wrong_line_is_named_by_file_and_number(tmp_path, line):
  path = tmp_path / "p.jsonl"
  path.write_text(f'{{"id": "p", "answer": "a"}}\n{line}\n')
  with pytest.raises(errors.UserError) as error:
    prediction_records.read(str(path))
  assert str(error.value).startswith(f"{path}:2 is no prediction")


def test_predictions_are_put_in_the_order_of_the_questions():
  given = [
    Prediction("b", "1", "q1"),
    # The question's text may be left out.
    Prediction("", "0", "q0"),
  ]
  aligned = prediction_records.align(given, asked("a", "b"), "p.jsonl")
  assert [p.answer for p in aligned] == ["0", "1"]


def test_trap_duplicate_questions_are_told_apart_by_id():
  given = [Prediction("a", str(i), f"q{i}") for i in (2, 0, 1)]
  aligned = prediction_records.align(given, asked("a", "a", "a"), "p.jsonl")
  assert [p.answer for p in aligned] == ["0", "1", "2"]


def test_without_ids_predictions_are_found_by_question():
  given = [Prediction("b", "1"), Prediction("a", "0")]
  aligned = prediction_records.align(given, asked("a", "b"), "p.jsonl")
  assert [p.answer for p in aligned] == ["0", "1"]


def test_without_ids_duplicate_questions_are_answered_in_order_or_alike():
  dataset = asked("a", "b", "a")
  given = [Prediction("a", "0"), Prediction("b", "1"), Prediction("a", "2")]
  aligned = prediction_records.align(given, dataset, "p.jsonl")
  assert [p.answer for p in aligned] == ["0", "1", "2"]
  aligned = prediction_records.align(given[:2], dataset, "p.jsonl")
  assert [p.answer for p in aligned] == ["0", "1", "0"]
  with pytest.raises(errors.UserError, match="in several ways: 'b'"):
    prediction_records.align([*given, Prediction("b", "3")], dataset, "p.jsonl")
  aligned = prediction_records.align([*given, given[1]], dataset, "p.jsonl")
  assert [p.answer for p in aligned] == ["0", "1", "2"]


@pytest.mark.parametrize(
  ("ids", "message"),
  [
    (["q0", "q1", "z1", "z2", "z3", "z4"], "'z1', 'z2', 'z3' and 1 more"),
    (["q0", "z1", "q1"], "not in the dataset: 'z1'"),
    (["q1"], "lacks answers to these ids: 'q0'"),
    (["q0", "q1", "q0"], "twice: 'q0'"),
    (["q0", None], "have none"),
    ([None, "q0"], "have one"),
  ],
)
def test_ids_that_do_not_fit_are_named_with_the_file(ids, message):
  given = [Prediction("", "x", name) for name in ids]
  with pytest.raises(errors.UserError) as error:
    prediction_records.align(given, asked("a", "b"), "p.jsonl")
  assert message in str(error.value) and "p.jsonl" in str(error.value)


def test_questions_that_do_not_fit_are_named_with_the_file():
  with pytest.raises(errors.UserError, match="p.jsonl .*dataset: 'c'"):
    prediction_records.align([Prediction("c", "x")], asked("a"), "p.jsonl")
  with pytest.raises(errors.UserError, match="these questions: 'b'"):
    prediction_records.align([Prediction("a", "x")], asked("a", "b"), "p.jsonl")


def test_another_split_with_the_same_ids_is_not_taken():
  given = [Prediction("a", "x", "q0"), Prediction("z", "x", "q1")]
  with pytest.raises(errors.UserError, match="another dataset .*: 'q1'"):
    prediction_records.align(given, asked("a", "b"), "p.jsonl")
