import gzip

import hypothesis
import pytest
from hypothesis import strategies as st

from realm_tf import errors
from realm_tf.evaluation import questions

TEXT = st.text(
  st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12
)


def test_questions_are_read(tmp_path):
  path = tmp_path / "dev.jsonl"
  path.write_text(
    '{"question": "who?", "answer": ["Zoë", "Z."], "subject": "a city"}\n'
    '{"question": "when?", "answer": ["1999"]}\n'
  )
  assert questions.read(str(path)) == [
    questions.Question("who?", ("Zoë", "Z."), "a city", "1", "string"),
    questions.Question("when?", ("1999",), "", "2", "string"),
  ]


def test_id_and_type_are_read_and_may_differ_by_line(tmp_path):
  path = tmp_path / "dev.jsonl.gz"
  lines = (
    '{"id": "a", "question": "q", "answer": ["x"], "answer_type": "string"}\n'
    '{"question": "q", "answer": ["x|y"]}\n'
  )
  path.write_bytes(gzip.compress(lines.encode()))
  assert questions.read(str(path), "regex") == [
    questions.Question("q", ("x",), id="a", answer_type="string"),
    questions.Question("q", ("x|y",), id="2", answer_type="regex"),
  ]


def test_an_id_stands_for_one_question(tmp_path):
  path = tmp_path / "dev.jsonl"
  line = '{"id": "2", "question": "q", "answer": ["x"]}\n'
  path.write_text(line + '{"question": "p", "answer": ["x"]}\n')
  with pytest.raises(errors.UserError, match="dev.jsonl:2 has the id '2' of"):
    questions.read(str(path))


def test_files_of_orqa_are_read(shared_data):
  path = shared_data / "resplit" / "CuratedTrec.resplit.train.jsonl.gz"
  found = questions.read(str(path), "regex")
  assert len(found) == 1353
  # Asked twice, and told apart.
  assert len({q.question for q in found}) < len({q.id for q in found}) == 1353


@hypothesis.settings(
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
  st.lists(
    st.builds(
      questions.Question,
      TEXT,
      st.lists(TEXT, min_size=1, max_size=2).map(tuple),
      st.one_of(st.just(""), TEXT),
      TEXT,
      st.sampled_from(["string", "regex"]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda question: question.id,
  )
)
def test_what_is_written_is_read(tmp_path, asked):
  path = str(tmp_path / "q.jsonl")
  questions.write(path, asked)
  assert questions.read(path) == asked


@pytest.mark.parametrize(
  "line",
  [
    "{",
    "",
    "[1]",
    "3",
    '{"answer": ["a"]}',
    '{"question": "q"}',
    '{"question": "q", "answer": []}',
    '{"question": "q", "answer": [1]}',
    '{"question": "q", "answer": 1}',
    '{"question": "q", "answer": "Paris"}',
    '{"question": 3, "answer": ["a"]}',
    '{"question": "q", "answer": ["a"], "subject": 3}',
    '{"question": "q", "answer": ["a"], "id": 3}',
    '{"question": "q", "answer": ["a"], "answer_type": "list"}',
    '{"question": "q", "answer": ["\\ud800"]}',
  ],
)
def test_a_wrong_line_is_named_by_file_and_number(tmp_path, line):
  path = tmp_path / "dev.jsonl"
  good = '{"question": "when?", "answer": ["1999"]}'
  path.write_text(f"{good}\n{good}\n{line}\n{good}\n")
  with pytest.raises(errors.UserError) as error:
    questions.read(str(path))
  assert str(error.value).startswith(f"{path}:3 ")
  assert "\n" not in str(error.value)


def test_a_file_that_is_empty_missing_or_not_utf8_is_named(tmp_path):
  path = tmp_path / "dev.jsonl"
  path.write_text("")
  with pytest.raises(errors.UserError, match="holds no question"):
    questions.read(str(path))
  path.write_bytes(b'{"question": "\xff", "answer": ["a"]}\n')
  with pytest.raises(errors.UserError, match="dev.jsonl"):
    questions.read(str(path))
  with pytest.raises(errors.UserError, match="nowhere.jsonl"):
    questions.read(str(tmp_path / "nowhere.jsonl"))
  path = tmp_path / "dev.jsonl.gz"
  whole = gzip.compress(b'{"question": "q", "answer": ["a"]}\n' * 9)
  for damaged in (b"{}", whole[:-9], whole[:20] + b"x" + whole[21:]):
    path.write_bytes(damaged)
    with pytest.raises(errors.UserError, match="dev.jsonl.gz cannot be read"):
      questions.read(str(path))
