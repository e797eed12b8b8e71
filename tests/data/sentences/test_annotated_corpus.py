import dataclasses
import json
import string

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.data.corpus import passage_table
from realm_tf.data.sentences import annotated_corpus
from realm_tf.text import wordpiece
from tests import synthetic

# Stripping accents takes the sound mark off a "de".
CJK = "東京は日本の首都てす。大阪"
VOCABULARY = (
  *wordpiece.SPECIAL_TOKENS,
  *string.ascii_lowercase,
  *(f"##{c}" for c in string.ascii_lowercase),
  *string.digits,
  *(f"##{d}" for d in string.digits),
  *".,-'",
  *dict.fromkeys(CJK),
  "##す",
)
TOKENIZER = wordpiece.Tokenizer(VOCABULARY)

RECORDS = [
  (
    "Zoë Düsseldorf",
    "  Zoë née Curaçao lived in São Paulo.  Élan vital!",
    ["Zoë née Curaçao lived in São Paulo.", "Élan vital!"],
    ["Zoë", "São Paulo", "Élan"],
  ),
  (
    "東京",
    "東京は日本の首都です。大阪は大阪です。",
    ["東京は日本の首都です。", "大阪は大阪です。"],
    ["東京", "日本", "大阪"],
  ),
  ("plain", "it was 1999 in ab.", ["it was 1999 in ab."], ["1999"]),
]


def words(corpus, start, limit):
  return TOKENIZER.detokenize(corpus.tokens[start:limit].tolist())


def sentences_of(corpus):
  """(passage, sentence, spans) of each sentence, as text."""
  result = []
  for s in range(corpus.num_sentences):
    spans = range(corpus.span_splits[s], corpus.span_splits[s + 1])
    result.append(
      (
        int(corpus.sentence_passages[s]),
        words(corpus, corpus.sentence_starts[s], corpus.sentence_limits[s]),
        [
          words(corpus, corpus.span_starts[i], corpus.span_limits[i])
          for i in spans
        ],
      )
    )
  return result


def tokenized(text):
  ids = TOKENIZER.tokenize(tf.constant([text]))[0].numpy()
  return TOKENIZER.detokenize(ids.tolist())


def test_sentences_and_spans_stand_where_the_bytes_say(tmp_path):
  synthetic.write_sentences(tmp_path, RECORDS)
  corpus = annotated_corpus.load(str(tmp_path), TOKENIZER)
  expected = []
  for passage, (_, _, sentences, spans) in enumerate(RECORDS):
    left = list(spans)
    for sentence in sentences:
      mine = [s for s in left if s in sentence]
      left = [s for s in left if s not in mine]
      expected.append(
        (passage, tokenized(sentence), [tokenized(s) for s in mine])
      )
  assert sentences_of(corpus) == expected
  # By hand, so that the reference above is known to be no empty word.
  assert expected[0] == (
    0,
    "zoe nee curacao lived in sao paulo .",
    ["zoe", "sao paulo"],
  )
  assert expected[2] == (
    1,
    "東 京 は 日 本 の 首 都 てす 。",
    ["東 京", "日 本"],
  )
  assert expected[4] == (2, "it was 1999 in ab .", ["1999"])
  assert not any(corpus.dropped.values())


def test_passages_and_titles_are_whole(tmp_path):
  synthetic.write_sentences(tmp_path, RECORDS)
  corpus = annotated_corpus.load(str(tmp_path), TOKENIZER)
  assert corpus.num_passages == 3
  for i, (title, text, _, _) in enumerate(RECORDS):
    start, limit = corpus.passage_splits[i : i + 2]
    assert words(corpus, start, limit) == tokenized(text)
    start, limit = corpus.title_splits[i : i + 2]
    assert TOKENIZER.detokenize(
      corpus.title_tokens[start:limit].tolist()
    ) == tokenized(title)
  np.testing.assert_array_equal(
    corpus.uids,
    passage_table.passage_uid([r[0] for r in RECORDS], [r[1] for r in RECORDS]),
  )
  assert corpus.tokens.dtype == np.uint16


def test_files_and_batches_are_joined_without_a_seam(tmp_path, monkeypatch):
  (tmp_path / "one").mkdir()
  (tmp_path / "many").mkdir()
  synthetic.write_sentences(tmp_path / "one", RECORDS)
  for i, record in enumerate(RECORDS):
    synthetic.write_sentences(tmp_path / "many", [record], f"part-{i}")
  one = annotated_corpus.load(str(tmp_path / "one"), TOKENIZER)
  monkeypatch.setattr(annotated_corpus, "BATCH_RECORDS", 1)
  many = annotated_corpus.load(str(tmp_path / "many"), TOKENIZER)
  assert sentences_of(one) == sentences_of(many)
  for name in ("tokens", "passage_splits", "title_splits", "uids", "articles"):
    np.testing.assert_array_equal(getattr(one, name), getattr(many, name))


def test_passages_of_one_title_are_of_one_article(tmp_path):
  synthetic.write_sentences(
    tmp_path,
    [(t, x, [x], []) for t, x in (("a", "b c"), ("a", "d e"), ("b", "b c"))],
  )
  corpus = annotated_corpus.load(str(tmp_path), TOKENIZER)
  assert corpus.articles[0] == corpus.articles[1] != corpus.articles[2]
  assert len(set(corpus.uids.tolist())) == 3


def test_what_cannot_be_placed_is_counted(tmp_path):
  synthetic.write_sentences(
    tmp_path,
    [
      ("a", "ab cd. ef gh.", ["ab cd.", "ef gh."], ["cd. ef", "gh"]),
      ("b", "ij \u200b kl", ["ij", "\u200b", "kl"], ["kl"]),
    ],
  )
  corpus = annotated_corpus.load(str(tmp_path), TOKENIZER)
  assert sentences_of(corpus) == [
    (0, "ab cd .", []),
    (0, "ef gh .", ["gh"]),
    (1, "ij", []),
    (1, "kl", ["kl"]),
  ]
  assert corpus.dropped["span across sentences"] == 1
  assert corpus.dropped["sentence without wordpieces"] == 1


def test_a_text_without_sentences_does_not_disturb_the_next(tmp_path):
  synthetic.write_sentences(
    tmp_path, [("a", "ab cd", [], []), ("b", "ef", ["ef"], ["ef"])]
  )
  corpus = annotated_corpus.load(str(tmp_path), TOKENIZER)
  assert sentences_of(corpus) == [(1, "ef", ["ef"])]
  assert corpus.num_passages == 2


def test_a_corpus_that_is_not_annotated_or_is_empty_is_refused(tmp_path):
  with pytest.raises(errors.UserError, match="annotate_spans"):
    annotated_corpus.load(str(tmp_path), TOKENIZER)
  synthetic.write_sentences(tmp_path, [])
  with pytest.raises(errors.UserError, match="holds no sentence"):
    annotated_corpus.load(str(tmp_path), TOKENIZER)
  synthetic.write_sentences(tmp_path, [("a", "ab cd", [], [])])
  with pytest.raises(errors.UserError, match="holds no sentence"):
    annotated_corpus.load(str(tmp_path), TOKENIZER)


def test_an_annotation_must_be_whole(tmp_path):
  folder = tmp_path / "sentences"
  for i, record in enumerate(RECORDS):
    synthetic.write_sentences(tmp_path, [record], f"sentences-{i:05d}-of-00003")
  with pytest.raises(errors.UserError, match="not finished"):
    annotated_corpus.load(str(tmp_path), TOKENIZER)
  shards = [{"file": path.name} for path in sorted(folder.iterdir())]
  manifest = folder / "manifest.json"
  manifest.write_text(json.dumps({"settings": {}, "shards": shards}))
  # Not of the annotation, and not read.
  synthetic.write_sentences(tmp_path, RECORDS, "copy")
  assert annotated_corpus.load(str(tmp_path), TOKENIZER).num_passages == 3
  (folder / "sentences-00001-of-00003.tfrecord.gz").unlink()
  with pytest.raises(errors.UserError, match="sentences-00001-of-00003"):
    annotated_corpus.load(str(tmp_path), TOKENIZER)
  wrapped = [shard | {"passages": [1]} for shard in shards]
  for damaged in ({}, {"settings": {}, "shards": wrapped}):
    manifest.write_text(json.dumps(damaged))
    with pytest.raises(errors.UserError, match="manifest.json is damaged"):
      annotated_corpus.load(str(tmp_path), TOKENIZER)


# What is done to an annotation of three shards of one record each, given its
# folder and its list of shards, and what the error says.
def _swap(folder, shards):
  first, second = (folder / shard["file"] for shard in shards[:2])
  first.rename(folder / "aside")
  second.rename(first)
  (folder / "aside").rename(second)
  return shards


def _repeat_record(folder, shards):
  synthetic.write_sentences(
    folder.parent, RECORDS[1:2] * 2, shards[1]["file"].split(".")[0]
  )
  return shards


TAMPERED = {
  "reversed": (lambda _, shards: shards[::-1], r"manifest\.json lists .*00001"),
  "doubled": (lambda _, shards: shards + shards[:1], r"manifest\.json lists"),
  "swapped": (_swap, "sentences-0000[01].*sums differ"),
  "repeated": (_repeat_record, "sentences-00001.*sums differ"),
  "repeated, without sums": (
    lambda folder, shards: [
      {"file": shard["file"], "passages": shard["passages"]}
      for shard in _repeat_record(folder, shards)
    ],
    "sentences-00001.* holds 2 passages, .* says 1",
  ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_another_annotation_than_the_manifest_says(tmp_path, what):
  folder = tmp_path / "sentences"
  shards = []
  for i, record in enumerate(RECORDS):
    name = f"sentences-{i:05d}-of-00003"
    synthetic.write_sentences(tmp_path, [record], name)
    path = folder / f"{name}.tfrecord.gz"
    shards.append(
      {"file": path.name, "passages": 1, "sha256": files.sha256(str(path))}
    )
  manifest = folder / "manifest.json"
  manifest.write_text(json.dumps({"settings": {}, "shards": shards}))
  assert annotated_corpus.load(str(tmp_path), TOKENIZER).num_passages == 3
  make, says = TAMPERED[what]
  shards = make(folder, shards)
  manifest.write_text(json.dumps({"settings": {}, "shards": shards}))
  with pytest.raises(errors.UserError, match=says) as caught:
    annotated_corpus.load(str(tmp_path), TOKENIZER)
  assert "annotate_spans(overwrite=True)" in str(caught.value)


def test_a_damaged_file_is_an_error(tmp_path):
  synthetic.write_sentences(tmp_path, RECORDS)
  (path,) = (tmp_path / "sentences").iterdir()
  path.write_bytes(path.read_bytes()[:-20])
  with pytest.raises(errors.UserError, match="damaged file"):
    annotated_corpus.load(str(tmp_path), TOKENIZER)


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path):
  synthetic.write_sentences(tmp_path, RECORDS)
  (path,) = (tmp_path / "sentences").iterdir()
  path.unlink()
  path.mkdir()
  with pytest.raises(errors.UserError, match="is a folder where a file"):
    annotated_corpus.load(str(tmp_path), TOKENIZER)


def test_heldout_is_told_by_the_fingerprint():
  corpus = synthetic.random_corpus(100, 10)
  held = corpus.heldout(0.1)
  assert 0.05 < held.mean() < 0.15
  assert not corpus.heldout(0).any()
  # More held out: the same ones and others.
  assert (corpus.heldout(0.3) | ~held).all()
  by_uid = dict(zip(corpus.uids.tolist(), held.tolist(), strict=True))
  backwards = dataclasses.replace(corpus, uids=corpus.uids[::-1])
  for uid, is_held in zip(backwards.uids, backwards.heldout(0.1), strict=True):
    assert by_uid[int(uid)] == is_held
