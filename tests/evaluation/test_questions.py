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
    questions.Question("who?", ("Zoë", "Z."), "a city"),
    questions.Question("when?", ("1999",)),
  ]


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
    ),
    min_size=1,
    max_size=3,
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
