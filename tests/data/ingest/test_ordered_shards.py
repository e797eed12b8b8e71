"""Corpora of records that are passages already."""

import numpy as np
import pytest

from realm_tf import errors
from realm_tf.data.corpus import corpora
from realm_tf.data.ingest import build
from realm_tf.data.ingest import corpus_edit
from tests.data import small_corpora

TEXTS = [
  "the zebra ran. it sat.",
  "a cat sat ,  twice",
  "the zebra ran. it sat.",
  "",
  "Caf\u00e9 far away, " * 40,
  *(f"dog {i} ran home" for i in range(60, 0, -1)),
]


def records(path, values=None):
  values = [t.encode() for t in TEXTS] if values is None else values
  array = np.empty(len(values), object)
  array[:] = values
  np.save(path, array)
  return str(path)


@pytest.fixture
def options(tmp_path):
  def make(**fields):
    return build.BuildOptions(
      **{
        "inputs": [records(tmp_path / "block_records.npy")],
        "output": str(tmp_path / "corpus"),
        "vocab": small_corpora.write_vocabulary(tmp_path),
        "num_shards": 3,
        **fields,
      }
    )

  return make


def test_each_record_is_a_passage_in_its_place(options, caplog):
  manifest = build.build(options())
  assert manifest.passages == manifest.documents == len(TEXTS)
  assert manifest.in_order
  assert not manifest.dropped
  assert "has no titles" in caplog.text
  corpus = corpora.Corpus.open(options().output)
  titles, bodies = corpus.read_texts()
  assert bodies == TEXTS
  assert set(titles) == {""}
  assert np.diff(corpus.shard_offsets).tolist() == [21, 22, 22]


def test_wordpieces_are_those_of_the_texts(options):
  build.build(options())
  corpus = corpora.Corpus.open(options().output)
  table = corpus.load_passages()
  wanted = corpus.tokenizer.tokenize(TEXTS).to_list()
  assert table.body_ids.to_ragged().to_list() == wanted
  assert not table.title_ids.lengths.any()


def test_the_same_file_is_left_alone(options, caplog):
  build.build(options())
  build.build(options())
  assert "this very corpus already" in caplog.text


def test_an_edit_ends_the_order(options, tmp_path):
  build.build(options())
  added = small_corpora.write_jsonl(tmp_path / "new.jsonl", [("A", "the dog.")])
  edited = corpus_edit.edit(
    corpus_edit.EditOptions(
      corpus=options().output, add=[added], output=str(tmp_path / "edited")
    ),
    corpora.Corpus.open(options().output),
  )
  assert edited.num_passages > len(TEXTS) - 2
  assert not edited.manifest.in_order


def refusal(options):
  with pytest.raises(errors.UserError) as error:
    build.build(options)
  assert "\n" not in str(error.value)
  return str(error.value)


def test_other_inputs_beside_records_are_refused(options, tmp_path):
  both = [records(tmp_path / "r.npy"), "encyclopedia"]
  assert "give it alone" in refusal(options(inputs=both))


def test_a_vocabulary_is_needed(options):
  assert "needs `vocab`" in refusal(options(vocab=None))


@pytest.mark.parametrize(
  ("values", "words"), [([], "no records"), ([b"a", b"\xff"], "record 1 is")]
)
def test_wrong_records_are_named(options, tmp_path, values, words):
  path = records(tmp_path / "wrong.npy", values)
  message = refusal(options(inputs=[path]))
  assert words in message
  assert path in message
  assert not (tmp_path / "corpus").exists()
