"""Corpora of records that are passages already."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

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


TITLES = [f"Caf\u00e9 {i // 7}" for i in range(len(TEXTS))]


def write_tfrecord(path, values, compression=""):
  with tf.io.TFRecordWriter(str(path), compression) as writer:
    for value in values:
      writer.write(value)
  return str(path)


def texts_and_titles(folder):
  return [
    write_tfrecord(folder / "blocks.tfr", [t.encode() for t in TEXTS]),
    write_tfrecord(folder / "titles.tfr", [t.encode() for t in TITLES]),
  ]


def example(title, body, *token_ids):
  """A record of the retrieval corpus; `token_ids` of title and body."""
  feature = {
    name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))
    for name, text in (("title", title), ("body", body))
  }
  for name, ids in zip(("title", "body"), token_ids, strict=False):
    feature[f"{name}_token_ids"] = tf.train.Feature(
      int64_list=tf.train.Int64List(value=ids)
    )
  features = tf.train.Features(feature=feature)
  return tf.train.Example(features=features).SerializeToString()


def check_contents(folder):
  corpus = corpora.Corpus.open(folder)
  titles, bodies = corpus.read_texts()
  assert titles == TITLES
  assert bodies == TEXTS
  table = corpus.load_passages()
  for ids, texts in ((table.title_ids, TITLES), (table.body_ids, TEXTS)):
    assert ids.to_ragged().to_list() == (
      corpus.tokenizer.tokenize(texts).to_list()
    )


def test_texts_and_titles_keep_their_order(options, tmp_path, caplog):
  chosen = options(inputs=texts_and_titles(tmp_path))
  manifest = build.build(chosen)
  assert manifest.in_order
  assert manifest.articles == len(set(TITLES))
  assert "has no titles" not in caplog.text
  check_contents(chosen.output)


def test_texts_alone_have_no_titles(options, tmp_path, caplog):
  blocks, _ = texts_and_titles(tmp_path)
  assert build.build(options(inputs=[blocks])).articles == 1
  assert "has no titles" in caplog.text
  corpus = corpora.Corpus.open(options().output)
  assert corpus.read_texts()[1] == TEXTS


@pytest.mark.parametrize("compression", ["", "GZIP"])
@pytest.mark.parametrize("with_ids", [True, False])
def test_the_retrieval_corpus_keeps_its_order(
  options, tmp_path, compression, with_ids
):
  chosen = options()
  build.build(chosen)
  tokenizer = corpora.Corpus.open(chosen.output).tokenizer
  ids = zip(
    tokenizer.tokenize(TITLES).to_list(),
    tokenizer.tokenize(TEXTS).to_list(),
    strict=True,
  )
  rows = [
    example(title, text, *(pair if with_ids else ()))
    for title, text, pair in zip(TITLES, TEXTS, ids, strict=True)
  ]
  end = ".gz" if compression else ""
  for number, part in enumerate((rows[:40], rows[40:])):
    name = f"docs.tfr-{number:05d}-of-00002{end}"
    write_tfrecord(tmp_path / name, part, compression)
  chosen = options(
    inputs=[str(tmp_path / f"docs.tfr-*-of-00002{end}")],
    output=str(tmp_path / "docs"),
  )
  manifest = build.build(chosen)
  assert manifest.in_order
  assert manifest.articles == len(set(TITLES))
  check_contents(chosen.output)


def test_wordpieces_that_are_there_are_taken(options, tmp_path):
  corpus_options = options()
  build.build(corpus_options)
  tokenizer = corpora.Corpus.open(corpus_options.output).tokenizer
  same = tokenizer.tokenize(TEXTS[:3]).to_list()
  rows = [example("", t, [5], i) for t, i in zip(TEXTS, same, strict=False)]
  rows.append(example("", "a dog", [6], [7, 8]))
  path = write_tfrecord(tmp_path / "docs.tfr.gz", rows, "GZIP")
  build.build(options(inputs=[path], output=str(tmp_path / "docs")))
  table = corpora.Corpus.open(str(tmp_path / "docs")).load_passages()
  assert table.body_ids.to_ragged().to_list() == [*same, [7, 8]]
  assert table.title_ids.to_ragged().to_list() == [[5], [5], [5], [6]]


@pytest.mark.parametrize("ids", [[7, 8], [10**6], [-1]])
def test_wordpieces_of_another_vocabulary_are_refused(options, tmp_path, ids):
  path = write_tfrecord(
    tmp_path / "docs.tfr.gz", [example("", "a dog ran", [], ids)] * 9, "GZIP"
  )
  message = refusal(options(inputs=[path]))
  assert "another vocabulary" in message
  assert path in message
  assert not (tmp_path / "corpus").exists()


def test_files_that_are_cut_off_are_named(options, tmp_path):
  paths = texts_and_titles(tmp_path)
  rows = [example("a", "b")] * 50
  paths.append(write_tfrecord(tmp_path / "docs.tfr.gz", rows, "GZIP"))
  for path in paths:
    inputs = [path] if path.endswith(".gz") else paths[:2]
    with open(path, "rb") as f:
      content = f.read()
    for damaged in (content[:-9], content[:5], content[:-30] + content[-20:]):
      with open(path, "wb") as f:
        f.write(damaged)
      message = refusal(options(inputs=inputs))
      assert f"{path} is no whole TFRecord file" in message
    with open(path, "wb") as f:
      f.write(content)
  assert not (tmp_path / "corpus").exists()


def test_packed_files_may_be_joined(options, tmp_path):
  rows = [example("a", f"dog {n}") for n in range(5)]
  joined = b""
  for number, part in enumerate((rows[:3], rows[3:])):
    path = write_tfrecord(tmp_path / f"{number}.gz", part, "GZIP")
    joined += pathlib.Path(path).read_bytes()
  whole = tmp_path / "docs.tfr.gz"
  whole.write_bytes(joined)
  assert build.build(options(inputs=[str(whole)])).passages == 5
  whole.write_bytes(joined[:-9])
  assert "is no whole TFRecord file" in refusal(options(inputs=[str(whole)]))


def test_other_numbers_of_titles_are_refused(options, tmp_path):
  blocks, _ = texts_and_titles(tmp_path)
  titles = write_tfrecord(tmp_path / "titles.tfr", [b"a"] * 3)
  message = refusal(options(inputs=[blocks, titles]))
  assert "has 3 titles" in message
  assert f"has {len(TEXTS)} texts" in message
  assert "at most one" in refusal(options(inputs=[titles]))


def test_compressed_texts_are_refused(options, tmp_path):
  path = write_tfrecord(tmp_path / "blocks.tfr", [b"some text"], "GZIP")
  assert "gunzip" in refusal(options(inputs=[path]))
