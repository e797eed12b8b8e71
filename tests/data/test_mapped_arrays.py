"""Arrays of large corpora on disk: written once and whole, then mapped."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import dataset_options
from realm_tf import errors
from realm_tf.data import mapped_arrays
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import corpus_folder
from realm_tf.data.corpus import passage_record
from realm_tf.data.examples import packing
from realm_tf.data.sentences import annotate
from realm_tf.data.sentences import annotated_corpus
from realm_tf.text import wordpiece
from tests import written_corpus

_NUMBERS = "one two three four five six seven eight nine".split()
_VOCABULARY = (
  *wordpiece.SPECIAL_TOKENS,
  *_NUMBERS,
  *"a river it was found in may is of . 19 ##0 ##1 ##2".split(),
  *(f"##{digit}" for digit in range(3, 10)),
)


def fill(folder):
  with mapped_arrays.collect(folder) as arrays:
    arrays.append("few", np.arange(3, dtype=np.int64))
    arrays.append("few", np.arange(3, 5))
    arrays.append("none", np.empty([0], np.uint16))
    arrays.append("names", np.array([b"a", b"bc"], "S4"))
    arrays.facts["count"] = 5
  return arrays


def check(found):
  assert found.facts == {"count": 5}
  np.testing.assert_array_equal(found.arrays["few"], np.arange(5))
  assert found.arrays["none"].dtype == np.uint16
  assert found.arrays["names"].tolist() == [b"a", b"bc"]


def test_what_is_appended_is_there(tmp_path):
  check(fill(""))
  folder = str(tmp_path / "arrays" / "some")
  assert mapped_arrays.read(folder) is None
  check(fill(folder))
  check(mapped_arrays.read(folder))
  assert os.listdir(tmp_path / "arrays") == ["some"]
  for name in corpus_folder.files.below(str(tmp_path)):
    assert mapped_arrays.is_own(name)


def test_the_files_stay_as_they_are(tmp_path):
  folder = str(tmp_path / "some")
  fill(folder).arrays["few"][:] = 7
  check(mapped_arrays.read(folder))


@pytest.mark.parametrize("folder", ["some", "arrays/some"])
def test_what_ends_early_leaves_nothing(tmp_path, folder):
  folder = str(tmp_path / folder)
  with pytest.raises(KeyError), mapped_arrays.collect(folder) as found:
    found.append("any", np.arange(3))
    raise KeyError
  assert not os.listdir(tmp_path)


def test_what_ends_early_leaves_other_arrays(tmp_path):
  fill(str(tmp_path / "arrays" / "kept"))
  folder = str(tmp_path / "arrays" / "some")
  with pytest.raises(KeyError), mapped_arrays.collect(folder):
    raise KeyError
  assert os.listdir(tmp_path / "arrays") == ["kept"]


def test_the_first_to_end_publishes(tmp_path):
  folder = str(tmp_path / "some")
  with mapped_arrays.collect(folder) as slow:
    slow.append("few", np.arange(9))
    fill(folder)
  np.testing.assert_array_equal(slow.arrays["few"], np.arange(5))
  assert os.listdir(tmp_path) == ["some"]


@pytest.mark.parametrize("name", ["few.bin", "manifest.json"])
def test_damaged_files_are_written_anew(tmp_path, name):
  folder = tmp_path / "some"
  fill(str(folder))
  (folder / name).write_bytes(b"{")
  assert mapped_arrays.read(str(folder)) is None
  check(fill(str(folder)))
  check(mapped_arrays.read(str(folder)))


@pytest.mark.parametrize(
  "change",
  [
    lambda manifest: manifest.update(arrays=[]),
    lambda manifest: manifest.update(facts=1),
    lambda manifest: manifest["arrays"].update(few=3),
    lambda manifest: manifest["arrays"]["few"].update(dtype="nothing"),
    lambda manifest: manifest["arrays"].update(
      {"../outside": manifest["arrays"]["few"]}
    ),
  ],
)
def test_a_manifest_of_another_form_is_written_anew(tmp_path, change):
  folder = tmp_path / "some"
  fill(str(folder))
  (tmp_path / "outside.bin").write_bytes((folder / "few.bin").read_bytes())
  path = folder / "manifest.json"
  manifest = json.loads(path.read_text())
  change(manifest)
  path.write_text(json.dumps(manifest))
  assert mapped_arrays.read(str(folder)) is None
  check(fill(str(folder)))
  check(mapped_arrays.read(str(folder)))


def test_small_and_remote_corpora_stay_in_memory(tmp_path):
  enough = mapped_arrays.FEWEST_PASSAGES
  assert mapped_arrays.place(str(tmp_path), "any", enough)
  assert not mapped_arrays.place(str(tmp_path), "any", enough - 1)
  assert not mapped_arrays.place("gs://bucket/corpus", "any", enough)


def test_a_tensor_shares_the_memory(tmp_path):
  folder = str(tmp_path / "some")
  array = fill(folder).arrays["few"]
  tensor = mapped_arrays.as_tensor(array)
  read = tf.data.Dataset.range(5).map(lambda i: tf.gather(tensor, i))
  array[2] = 70  # of this process's copy of the page
  assert [int(v) for v in dataset_options.untuned(read)] == [0, 1, 70, 3, 4]


def test_what_cannot_be_shared_is_copied():
  for array in (np.array([True, False]), np.arange(3)[::2]):
    np.testing.assert_array_equal(mapped_arrays.as_tensor(array), array)
  fixed = np.arange(3)
  fixed.flags.writeable = False
  np.testing.assert_array_equal(mapped_arrays.as_tensor(fixed), fixed)


@pytest.fixture
def corpus(tmp_path):
  tokenizer = wordpiece.Tokenizer(_VOCABULARY)

  def passage(number):
    title = f"river {_NUMBERS[number % 9]}"
    body = f"It was found in May {1900 + number}. A river is one of two."
    ids = tokenizer.tokenize([title, body]).to_list()
    return passage_record.Passage(title, body, *(np.array(i) for i in ids))

  path = tmp_path / "corpus"
  shards = [list(map(passage, range(4))), list(map(passage, range(4, 11)))]
  written_corpus.write(path, shards, _VOCABULARY)
  annotate.annotate(annotate.AnnotateOptions(str(path)))
  return str(path)


def test_a_large_corpus_is_read_once(corpus, monkeypatch):
  def everything():
    opened = corpora.Corpus.open(corpus)
    table = opened.load_passages()
    packed = packing.PackedPassages.of(table, 24, opened.tokenizer)
    sentences = annotated_corpus.load(corpus, opened.tokenizer)
    rows = np.arange(len(table) + 1)
    return {
      "passages": packed.passages(rows).numpy(),
      "uids": table.uids,
      "ids": table.ids,
      "bodies": table.body_ids.values,
      "title_lengths": table.title_ids.lengths,
    } | vars(sentences)

  in_memory = everything()
  assert not os.path.exists(f"{corpus}/{mapped_arrays.NAME}")
  monkeypatch.setattr(mapped_arrays, "FEWEST_PASSAGES", 1)
  written = everything()
  made = sorted(os.listdir(f"{corpus}/{mapped_arrays.NAME}"))
  assert [name.partition("-")[0] for name in made] == [
    *("passages", "passages", "sentences"),
  ]
  # Nothing of the records is read from now on.
  monkeypatch.setattr(corpora.Corpus, "load_shard", None)
  monkeypatch.setattr(annotated_corpus, "_tokenized_batches", None)
  mapped = everything()
  for name, value in in_memory.items():
    for other in (written, mapped):
      np.testing.assert_array_equal(other[name], value)
      assert getattr(other[name], "dtype", None) == getattr(
        value, "dtype", None
      )
  assert not corpus_folder.foreign(corpus)


def test_another_annotation_is_tokenized_anew(corpus, monkeypatch):
  monkeypatch.setattr(mapped_arrays, "FEWEST_PASSAGES", 1)
  tokenizer = corpora.Corpus.open(corpus).tokenizer
  before = annotated_corpus.load(corpus, tokenizer)
  annotate.annotate(annotate.AnnotateOptions(corpus, limit=2, overwrite=True))
  after = annotated_corpus.load(corpus, tokenizer)
  assert (before.num_passages > 2) and after.num_passages == 2


def test_passages_of_another_fingerprint_are_not_published(corpus, monkeypatch):
  monkeypatch.setattr(mapped_arrays, "FEWEST_PASSAGES", 1)
  opened = corpora.Corpus.open(corpus)
  monkeypatch.setattr(corpora.Corpus, "fingerprint", "f" * 64)
  with pytest.raises(errors.UserError, match="fingerprint"):
    opened.load_passages()
  assert not os.path.exists(f"{corpus}/{mapped_arrays.NAME}")
