import re

import pytest

from realm_tf import errors
from realm_tf.data.tagging import tagging_sources


def write(folder, name, text="a O\n"):
  folder.mkdir(exist_ok=True)
  (folder / name).write_text(text)
  return str(folder / name)


def words(data, split):
  return [s.words[0] for s in data.sentences(split)]


def test_sources_are_joined_by_split(tmp_path):
  one, two = tmp_path / "one", tmp_path / "two"
  write(one, "wnut17train.conll", "a O\n")
  write(one, "emerging.dev.conll", "b O\n")
  write(one, "README.md", "train")
  write(one, "train.log", "x")
  write(two, "eng.train.txt", "c O\n")
  write(two, "eng.testa.txt", "d O\n")
  write(two, "eng.testb.txt", "e O\n")
  data = tagging_sources.load([str(one), str(two)])
  assert words(data, "train") == ["a", "c"]
  assert words(data, "valid") == ["b", "d"]
  assert words(data, "test") == ["e"]


def test_files_may_be_named_themselves(tmp_path):
  train = write(tmp_path, "my_train", "a O\n")
  valid = write(tmp_path, "valid.bio", "b O\n")
  data = tagging_sources.load([train, valid])
  assert words(data, "train") == ["a"]
  assert words(data, "valid") == ["b"]


def test_fingerprint_is_of_the_sentences(tmp_path):
  def fingerprint(folder, valid="b O\n"):
    write(folder, "train.txt")
    write(folder, "valid.txt", valid)
    return tagging_sources.load([str(folder)]).fingerprint

  first = fingerprint(tmp_path / "one")
  assert fingerprint(tmp_path / "two") == first
  assert fingerprint(tmp_path / "three", "b B-PER\n") != first


def test_mistakes_are_named(tmp_path):
  def error_of(*sources):
    with pytest.raises(errors.UserError) as error:
      tagging_sources.load([str(source) for source in sources])
    return str(error.value)

  assert "`data` is missing" in error_of()
  missing = tmp_path / "nowhere"
  assert error_of(missing) == f"data={missing} does not exist."
  folder = tmp_path / "one"
  other = write(folder, "other.txt")
  assert "holds no file such as" in error_of(folder)
  assert "must say which split" in error_of(other)
  train = write(folder, "train.txt")
  assert "no valid split" in error_of(train)


def test_mistakes_of_valid_are_named_as_its(tmp_path):
  missing = tmp_path / "nowhere"
  train = write(tmp_path, "train.txt")
  for source, says in (
    (str(missing), f"valid={missing} does not exist."),
    (train, f"valid={train} has no valid split"),
    (str(tmp_path), f"valid={tmp_path} has no valid split"),
  ):
    with pytest.raises(errors.UserError, match=re.escape(says)):
      tagging_sources.load_split([source], "valid")
