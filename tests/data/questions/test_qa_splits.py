import json

import pytest

from realm_tf import errors
from realm_tf.data.questions import qa_splits
from tfds_builders import open_qa

KINDS = "encyclopedia:rivers"


def is_held_out(question):
  return open_qa.in_dev([question])[0]


def write(path, questions):
  path.write_text(
    "".join(
      json.dumps({"question": q, "answer": ["yes"]}) + "\n" for q in questions
    )
  )
  return str(path)


def test_a_single_file_is_split_by_orqas_hash(tmp_path):
  # The train questions of ORQA's own resplit files hash to no dev bucket.
  path = write(tmp_path / "all.jsonl", [f"what is {i}" for i in range(300)])
  train, dev = qa_splits.load_train_and_dev(path, "")
  assert len(train) + len(dev) == 300
  assert 15 < len(dev) < 50
  assert all(is_held_out(e.question) for e in dev)
  assert not any(is_held_out(e.question) for e in train)


def test_the_hash_agrees_with_orqas_files(shared_data):
  for split, held_out in (("train", False), ("dev", True)):
    path = shared_data / f"resplit/WebQuestions.resplit.{split}.jsonl.gz"
    dataset = qa_splits.load(str(path), split)
    found = {is_held_out(e.question) for e in dataset}
    assert found == {held_out}


def test_dev_questions_may_be_another_file(tmp_path):
  train = write(tmp_path / "train.jsonl", ["a", "b"])
  dev = write(tmp_path / "dev.jsonl", ["c"])
  found = qa_splits.load_train_and_dev(train, dev)
  assert [[e.question for e in part] for part in found] == [["a", "b"], ["c"]]


def test_a_file_that_leaves_no_dev_questions_is_refused(tmp_path):
  texts = [f"what is {i}" for i in range(60)]
  train = [text for text in texts if not is_held_out(text)]
  path = write(tmp_path / "train.jsonl", train)
  with pytest.raises(errors.UserError, match="`dev_dataset`"):
    qa_splits.load_train_and_dev(path, "")


def test_the_encyclopedias_questions_are_split_by_fact():
  train, dev = qa_splits.load_train_and_dev(KINDS, "")
  assert len(train) > 4 * len(dev) > 0
  facts = [{e.id.rsplit("/", 1)[0] for e in part} for part in (train, dev)]
  assert not facts[0] & facts[1]
  assert {e.answer_type for e in train} == {"string"}
  with pytest.raises(errors.UserError, match="no split 'best'"):
    qa_splits.load(KINDS, "best")


def test_the_first_questions_with_their_invalid_patterns(tmp_path):
  path = tmp_path / "a.jsonl"
  path.write_text(
    "".join(
      json.dumps({"question": q, "answer": ["("], "answer_type": "regex"})
      + "\n"
      for q in "abc"
    )
  )
  dataset = qa_splits.first(qa_splits.load(str(path), "dev"), 2)
  assert [example.question for example in dataset] == ["a", "b"]
  assert list(dataset.invalid_patterns) == ["1", "2"]


def test_questions_about_the_encyclopedia_say_what_they_are_about():
  dataset = qa_splits.load(KINDS, "test")
  assert all(example.subject for example in dataset)
  with pytest.raises(errors.UserError, match="leave out"):
    qa_splits.load(KINDS, "test", answer_type="regex")
