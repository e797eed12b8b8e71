import gzip
import json
import shutil

import hypothesis
import pytest
from hypothesis import strategies as st

import tfds_builders
from realm_tf import errors
from realm_tf.data.questions import qa_datasets

TEXT = st.text(
  st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12
).filter(str.strip)


def _write(path, *records):
  text = "".join(json.dumps(record) + "\n" for record in records)
  content = text.encode()
  path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
  return str(path)


def _error(*args, **kwargs):
  with pytest.raises(errors.UserError) as caught:
    qa_datasets.load(*args, **kwargs)
  message = str(caught.value)
  assert "\n" not in message
  return message


@pytest.fixture
def small_curated_trec(tmp_path, monkeypatch):
  """Folder of sources, of which one question is in dev."""
  monkeypatch.setattr(
    tfds_builders.BUILDERS["curated_trec"],
    "PUBLISHED_SIZES",
    {"train": 1, "dev": 1, "test": 1},
  )
  folder = tmp_path / "manual"
  folder.mkdir()
  row = "{}\tfactoid\t{}\t{}\n"
  (folder / "large2470-train.tsv").write_text(
    row.format(1, "How many arches has the example bridge?", "(twelve|12")
    + row.format(2, "Where is the example museum?", "Example\\s+Town")
  )
  (folder / "large2470-test.tsv").write_text(row.format(3, "Who?", "Ada|A\\."))
  return str(folder)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_jsonl_is_read(tmp_path, name):
  path = _write(
    tmp_path / name,
    {"question": "who?", "answer": ["Zoë", "Z."]},
    {"question": "who?", "answer": "one", "subject": "a city"},
    {"id": "q7", "question": "when?", "answers": ["1999"]},
    {"id": 8, "question": "where", "answer": ["\\d+"], "answer_type": "regex"},
  )
  dataset = qa_datasets.load(path)
  assert list(dataset) == [
    qa_datasets.Example("1", "who?", ("Zoë", "Z."), "string"),
    qa_datasets.Example("2", "who?", ("one",), "string", "a city"),
    qa_datasets.Example("q7", "when?", ("1999",), "string"),
    qa_datasets.Example("8", "where", ("\\d+",), "regex"),
  ]
  assert len(dataset) == 4
  assert dataset.complete and dataset.published_size is None
  assert dataset.describe() == f"{path}: 4 questions"
  assert qa_datasets.load(path, "dev").examples == dataset.examples


@hypothesis.settings(
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
  st.lists(
    st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3)),
    min_size=1,
    max_size=4,
  )
)
def test_text_stays_as_it_is(tmp_path, questions):
  path = _write(
    tmp_path / "a.jsonl",
    *(
      {"question": question, "answer": answer} for question, answer in questions
    ),
  )
  assert [(e.question, list(e.answers)) for e in qa_datasets.load(path)] == [
    (question, answer) for question, answer in questions
  ]


@hypothesis.settings(
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
  st.lists(
    st.builds(
      qa_datasets.Example,
      TEXT,
      TEXT,
      st.lists(TEXT, min_size=1, max_size=2).map(tuple),
      st.sampled_from(["string", "regex"]),
      st.one_of(st.just(""), TEXT),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda example: example.id,
  )
)
def test_what_is_written_is_read(tmp_path, examples):
  path = str(tmp_path / "q.jsonl")
  qa_datasets.write(path, examples)
  assert list(qa_datasets.load(path)) == examples


def test_the_answer_type_is_that_of_lines_that_do_not_say(tmp_path):
  path = _write(
    tmp_path / "a.jsonl",
    {"question": "q", "answer": ["x"], "answer_type": "string"},
    {"question": "q", "answer": ["x|y"]},
  )
  found = qa_datasets.load(path, answer_type="regex")
  assert [example.answer_type for example in found] == ["string", "regex"]


@pytest.mark.parametrize(
  "record, says",
  [
    ({"question": "q", "answer": []}, "no answers"),
    ({"question": "q"}, "no answers"),
    ({"question": "q", "answer": None}, "no answers"),
    ({"question": "q", "answer": [" "]}, "empty answer"),
    ({"question": "q", "answer": ["a", 3]}, "no string"),
    ({"answer": ["a"]}, "no `question`"),
    ({"question": " ", "answer": ["a"]}, "no `question`"),
    ({"question": "q", "answer": ["a"], "answer_type": "glob"}, "'glob'"),
    ({"question": "q", "answer": ["a"], "id": [1]}, "`id`"),
    ({"question": "q", "answer": ["a"], "id": "1"}, "that of line 1"),
    ({"question": "q", "answer": ["a"], "subject": 3}, "`subject`"),
    ({"question": "q", "answer": ["\ud800"]}, "no string"),
    ({"question": "\ud800", "answer": ["a"]}, "no `question`"),
    (["q", "a"], "no JSON object"),
  ],
)
def test_a_bad_record_is_named_by_file_and_line(tmp_path, record, says):
  good = {"question": "q", "answer": ["a"]}
  path = _write(tmp_path / "bad.jsonl", good, record)
  message = _error(path)
  assert f"{path}, line 2" in message
  assert says in message


def test_files_that_are_no_questions(tmp_path):
  path = tmp_path / "a.jsonl"
  assert str(path) in _error(str(path))
  path.write_text("\n")
  assert "holds no question" in _error(str(path))
  path.write_text("{")
  assert "line 1 is not JSON" in _error(str(path))
  path.write_text("[" * 100_000)
  assert "line 1 is not JSON" in _error(str(path))


def test_unknown_datasets_and_splits_name_what_there_is(tmp_path):
  message = _error("natural_questions_open", "test")
  for name in ("nq_open", "webquestions", "curated_trec", "JSONL"):
    assert name in message
  for split in ("validation", None):
    message = _error("nq_open", split)
    assert "train, dev, test" in message
  path = _write(tmp_path / "a.jsonl", {"question": "q", "answer": ["a"]})
  assert "train, dev, test" in _error(path, "validation")
  assert "string or regex" in _error(path, answer_type="glob")
  assert "leave out" in _error("nq_open", "dev", answer_type="regex")


def test_a_path_for_each_split(tmp_path):
  _write(tmp_path / "q.dev.jsonl", {"question": "q", "answer": ["dev"]})
  _write(tmp_path / "q.test.jsonl", {"question": "q", "answer": ["test"]})
  pattern = str(tmp_path / "q.{split}.jsonl")
  for split in ("dev", "test"):
    (example,) = qa_datasets.load(pattern, split)
    assert example.answers == (split,)
  assert "there is dev, test" in _error(pattern, "train")
  assert "needs a split" in _error(pattern)


def test_invalid_patterns_are_told(tmp_path):
  path = _write(
    tmp_path / "CuratedTrec.resplit.dev.jsonl",
    {"question": "q", "answer": ["a|b"]},
    {"question": "q", "answer": ["(a|b"]},
  )
  dataset = qa_datasets.load(path)
  assert {example.answer_type for example in dataset} == {"regex"}
  assert list(dataset.invalid_patterns) == ["2"]
  assert "1 invalid patterns, such as that of 2 ('(a|b'" in dataset.describe()
  strings = qa_datasets.load(path, answer_type="string")
  assert strings.invalid_patterns == {}


@pytest.mark.filterwarnings("ignore::tfds_builders.open_qa.SourceWarning")
def test_a_builder_is_prepared_and_read(tmp_path, small_curated_trec):
  data_dir = str(tmp_path / "data")
  dev = qa_datasets.load(
    "curated_trec", "dev", data_dir=data_dir, manual_dir=small_curated_trec
  )
  assert list(dev) == [
    qa_datasets.Example(
      "1", "How many arches has the example bridge?", ("(twelve|12",), "regex"
    )
  ]
  assert list(dev.invalid_patterns) == ["1"]
  assert dev.complete and dev.published_size == 1
  # What is prepared needs no sources.
  test = qa_datasets.load("curated_trec", "test", data_dir=data_dir)
  assert [example.answers for example in test] == [("Ada|A\\.",)]
  assert test.invalid_patterns == {}


@pytest.mark.filterwarnings("ignore::tfds_builders.open_qa.SourceWarning")
def test_the_test_split_needs_its_own_file_alone(tmp_path, small_curated_trec):
  where = {
    "data_dir": str(tmp_path / "data"),
    "manual_dir": small_curated_trec,
  }
  train = tmp_path / "manual" / "large2470-train.tsv"
  content = train.read_bytes()
  train.unlink()
  alone = qa_datasets.load("curated_trec", "test", **where)
  assert [example.answers for example in alone] == [("Ada|A\\.",)]
  assert {example.answer_type for example in alone} == {"regex"}
  assert alone.complete and alone.published_size == 1
  for split in ("train", "dev"):
    message = _error("curated_trec", split, **where)
    assert "lacks large2470-train.tsv (from https://" in message
    assert "train, dev cannot be made without" in message
  # TFDS prepares all or none; what it has prepared holds the same.
  train.write_bytes(content)
  qa_datasets.load("curated_trec", "dev", **where)
  train.unlink()
  assert qa_datasets.load("curated_trec", "test", **where) == alone
  test = tmp_path / "manual" / "large2470-test.tsv"
  test.write_bytes(test.read_bytes().replace(b"Ada", b"Eva"))
  message = _error("curated_trec", "test", **where)
  assert "was prepared from other files" in message
  test.unlink()
  message = _error(
    "curated_trec", "test", **where | {"data_dir": str(tmp_path / "new")}
  )
  assert "large2470-test.tsv" in message
  assert "large2470-train.tsv" not in message


def test_nqs_test_split_needs_the_published_dev_file_alone(
  tmp_path, shared_data
):
  shutil.copy(shared_data / "nq_open" / "dev.jsonl.gz", tmp_path)
  where = {"data_dir": str(tmp_path / "data"), "manual_dir": str(tmp_path)}
  test = qa_datasets.load("nq_open", "test", **where)
  assert test.describe() == "nq_open test: 3610 questions"
  assert test.examples[1].id == "NQ-open.dev-1"
  message = _error("nq_open", "dev", **where)
  assert "lacks NQ-open.train.jsonl" in message


@pytest.mark.filterwarnings("ignore::tfds_builders.open_qa.SourceWarning")
def test_a_cut_test_file_is_refused(tmp_path, shared_data):
  with gzip.open(shared_data / "nq_open" / "dev.jsonl.gz", "rt") as f:
    lines = f.readlines()[:100]
  (tmp_path / "NQ-open.dev.jsonl").write_text("".join(lines))
  message = _error(
    "nq_open",
    "test",
    data_dir=str(tmp_path / "data"),
    manual_dir=str(tmp_path),
  )
  assert "test has 100 questions instead of 3610" in message


@pytest.mark.filterwarnings("ignore::tfds_builders.open_qa.SourceWarning")
def test_prepared_data_of_other_sources_is_refused(
  tmp_path, small_curated_trec
):
  where = {
    "data_dir": str(tmp_path / "data"),
    "manual_dir": small_curated_trec,
  }
  first = qa_datasets.load("curated_trec", "dev", **where)
  path = tmp_path / "manual" / "large2470-train.tsv"
  content = path.read_bytes()
  path.unlink()
  zipped = path.with_name(path.name + ".gz")
  zipped.write_bytes(gzip.compress(content))
  assert qa_datasets.load("curated_trec", "dev", **where) == first
  zipped.unlink()
  path.write_bytes(content.replace(b"twelve", b"eleven"))
  message = _error("curated_trec", "dev", **where)
  assert f"delete {tmp_path / 'data' / 'curated_trec'}" in message


def test_a_manual_dir_without_the_files(tmp_path):
  message = _error(
    "webquestions", "dev", data_dir=str(tmp_path), manual_dir=str(tmp_path)
  )
  for name in ("trainmodel.json", "val.json", "devtest.json", "test.json"):
    assert name in message
  assert "https://" in message


@pytest.mark.filterwarnings("ignore::tfds_builders.open_qa.SourceWarning")
def test_wrong_sizes_are_a_users_mistake(
  tmp_path, small_curated_trec, monkeypatch
):
  monkeypatch.undo()
  message = _error(
    "curated_trec",
    "dev",
    data_dir=str(tmp_path / "data"),
    manual_dir=small_curated_trec,
  )
  assert "train has 1 questions instead of 1353" in message


def test_orqas_files_are_read_as_they_are(shared_data):
  pattern = str(shared_data / "resplit" / "{}.resplit.{{split}}{}.jsonl.gz")
  for name, partial, kind, sizes in (
    ("WebQuestions", "", "string", (3417, 361, 2032)),
    ("CuratedTrec", "", "regex", (1353, 133, 694)),
    ("NaturalQuestions", ".partial", "string", (52939, 5861)),
  ):
    for split, size in zip(qa_datasets.SPLITS, sizes, strict=False):
      dataset = qa_datasets.load(pattern.format(name, partial), split)
      assert len(dataset) == size
      assert {example.answer_type for example in dataset} == {kind}
      assert dataset.invalid_patterns == {}


def test_other_files_with_questions(shared_data):
  for name, size in (("squad_wiki", 87599), ("nq_wiki", 7161)):
    path = str(shared_data / name / "qa_train.jsonl.gz")
    assert len(qa_datasets.load(path, "train")) == size


def test_real_builder_and_orqas_file_agree(shared_data, tmp_path):
  built = qa_datasets.load(
    "webquestions",
    "dev",
    data_dir=str(tmp_path),
    manual_dir=str(shared_data),
  )
  path = shared_data / "resplit" / "WebQuestions.resplit.dev.jsonl.gz"
  read = qa_datasets.load(str(path))
  assert [(e.question, e.answers) for e in built] == [
    (e.question, e.answers) for e in read
  ]
  assert built.describe() == "webquestions dev: 361 questions"


def test_a_csv_file_of_questions(tmp_path):
  path = tmp_path / "q.csv"
  path.write_text(
    "id,Question,ANSWER,note,answer_type\n"
    '7,"who, and\nwhen?",Ada,x,\n'
    ',where?,"[""Oslo"", ""Bergen""]",,\n'
    ",how many?,\\d+,,regex\n"
    ",why?,[sic],,\n"
  )
  assert list(qa_datasets.load(str(path))) == [
    qa_datasets.Example("7", "who, and\nwhen?", ("Ada",)),
    qa_datasets.Example("2", "where?", ("Oslo", "Bergen")),
    qa_datasets.Example("3", "how many?", ("\\d+",), "regex"),
    qa_datasets.Example("4", "why?", ("[sic]",)),
  ]
  path.write_text("who?\n")
  assert "no column `question`" in _error(str(path))
  path.write_text("question,answer\nwho?,Ada,x\n")
  assert "line 2: the row has 3 fields" in _error(str(path))
  path.write_text("question,answer\n,Ada\n")
  assert "line 2 has no `question`" in _error(str(path))


def test_questions_without_answers(tmp_path):
  (tmp_path / "q.csv").write_text("question,answer\nwho?,\nwhere?,\n")
  (tmp_path / "r.csv").write_text("question\nwho?\nwhere?\n")
  (tmp_path / "q.txt").write_text("who?\n\n where? \n")
  _write(
    tmp_path / "q.jsonl",
    {"question": "who?"},
    {"question": "where?", "answer": None},
  )
  for name in ("q.csv", "r.csv", "q.txt", "q.jsonl"):
    path = str(tmp_path / name)
    dataset = qa_datasets.load(path, "test", unanswered=True)
    assert [example.question for example in dataset] == ["who?", "where?"]
    assert not dataset.has_answers
    assert "2 questions, without answers" in dataset.describe()
    # Whoever trains or scores needs them.
    assert "the question has no answers" in _error(path, "test")
  # An empty list is a mistake, whoever reads it.
  path = _write(tmp_path / "empty.jsonl", {"question": "who?", "answer": []})
  assert "the question has no answers" in _error(path, unanswered=True)
  path = _write(
    tmp_path / "some.jsonl",
    {"question": "who?"},
    {"question": "q", "answer": "a"},
  )
  with pytest.raises(errors.UserError, match="line 2: .* all or to none"):
    qa_datasets.load(path, unanswered=True)


def test_the_words_are_those_of_the_builders():
  from tfds_builders import open_qa

  words = (qa_datasets.SPLITS, qa_datasets.STRING, qa_datasets.REGEX)
  assert words == (open_qa.SPLITS, open_qa.STRING, open_qa.REGEX)
