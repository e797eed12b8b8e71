import json

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import environment
from realm_tf import errors
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_record
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import passage_texts
from tests import written_corpus


def test_rows_are_found_by_id_and_bodies_come_in_order(tmp_path):
  shards = [[(f"T{i}", f"body {i}") for i in range(n)] for n in (3, 0, 2, 1)]
  # No passage twice.
  shards[2] = [("U", body) for _, body in shards[2]]
  shards[3] = [("V", "Zoë")]
  corpus, ids = written_corpus.write_texts(tmp_path / "z", shards)
  assert corpus.find_rows(ids[::-1]).tolist() == [5, 4, 3, 2, 1, 0]
  assert corpus.find_rows(
    [ids[2], "", "é", "g" * 16, ids[2] + "0"]
  ).tolist() == [*(2, -1, -1, -1, -1)]
  assert corpus.find_rows([]).tolist() == []
  assert list(corpus.iterate_bodies()) == [
    *("body 0", "body 1", "body 2", "body 0", "body 1", "Zoë")
  ]
  assert corpus.read_texts([5, 0]) == (["V", "T0"], ["Zoë", "body 0"])


def passage(number, body_ids=(4, 5)):
  return passage_record.Passage(
    "T", f"body {number}", np.array([5]), np.array(body_ids, np.int32)
  )


SHARDS = [[passage(10 * s + i) for i in range(4)] for s in range(3)]


def rewrite(path, number, change):
  """Applies a change to the list of a shard's serialized records."""
  file = sorted((path / "passages").iterdir())[number]
  records = change(passage_table.read_shard_records(str(file)))
  with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
    for record in records:
      writer.write(record)


def encoded(made):
  return passage_table.encode_passage(made, "uint16")


def rewrite_shards(path, change):
  """Applies a change to the manifest's list of shards."""
  file = path / "manifest.json"
  manifest = json.loads(file.read_text())
  manifest["shards"] = change(manifest["shards"])
  file.write_text(json.dumps(manifest))


def without_sums(path):
  """Makes a corpus what it would be without sums in its manifest."""
  rewrite_shards(
    path,
    lambda shards: [{k: s[k] for k in ("file", "passages")} for s in shards],
  )


# By name: what is done to records of the second shard, and whether it is seen
# without sums too.
RECORDS = {
  "reordered": (lambda records: records[::-1], True),
  "dropped": (lambda records: records[:-1], True),
  "doubled": (lambda records: [*records, records[0]], True),
  "replaced": (lambda records: [*records[:-1], encoded(passage(99))], True),
  "beyond the vocabulary": (
    lambda records: [*records[:-1], encoded(passage(13, (4, 6)))],
    True,
  ),
  "of other wordpieces": (
    lambda records: [*records[:-1], encoded(passage(13, (5, 4)))],
    False,
  ),
}


@pytest.mark.parametrize("change", RECORDS)
@pytest.mark.parametrize("sums", ["kept", "absent", "skipped"])
def test_other_records_are_not_read(tmp_path, monkeypatch, change, sums):
  path = tmp_path / "z"
  written_corpus.write(path, SHARDS)
  make, seen_without_sums = RECORDS[change]
  rewrite(path, 1, make)
  if sums == "absent":
    without_sums(path)
  if sums == "skipped":
    monkeypatch.setenv("REALM_TF_SKIP_CORPUS_SUMS", "")  # And undone.
    environment.skip_corpus_sums()
  corpus = corpora.Corpus.open(str(path))
  if sums != "kept" and not seen_without_sums:
    assert len(corpus.load_passages()) == 12
    return
  with pytest.raises(errors.UserError) as caught:
    corpus.load_passages()
  line = str(caught.value)
  assert "\n" not in line
  name = "passages-00001-of-00003.tfrecord.gz"
  assert (name in line) or ("manifest.json" in line and sums != "kept")
  assert "build_corpus(overwrite=True)" in line


def test_whoever_reads_a_file_sees_that_it_is_another(tmp_path):
  path = tmp_path / "z"
  written_corpus.write(path, SHARDS)
  rewrite(path, 1, lambda records: records[::-1])
  corpus = corpora.Corpus.open(str(path))
  for read in (
    corpus.check_files,
    corpus.read_texts,
    lambda: corpus.find_rows(["0"]),
    lambda: list(corpus.iterate_bodies()),
    lambda: corpus.read_keys(1),
    lambda: corpus.load_shard(1),
    lambda: passage_texts.PassageTexts(corpus).body(4),
  ):
    with pytest.raises(errors.UserError, match="passages-00001.*sums differ"):
      read()
  assert len(corpus.load_shard(0)) == 4


def test_a_file_that_is_replaced_after_it_was_read_is_seen(tmp_path):
  path = tmp_path / "z"
  written_corpus.write(path, SHARDS)
  corpus = corpora.Corpus.open(str(path))
  corpus.check_files()
  assert len(corpus.load_shard(1)) == 4
  rewrite(path, 1, lambda records: records[::-1])
  with pytest.raises(errors.UserError, match="passages-00001.*sums differ"):
    corpus.load_shard(1)
  assert len(corpus.load_shard(0)) == 4


# What is done to the list of files, and what the error says.
LISTS = {
  "reversed": (lambda shards: shards[::-1], "00001-of-00003.* after .*00002"),
  "doubled": (lambda shards: [s for s in shards for _ in "ab"], "00000.* once"),
  "shorter": (lambda shards: shards[:-1], "12 passages, .* add up to 8"),
  "not a list of files": (lambda shards: [1], "no manifest"),
  "elsewhere": (
    lambda shards: [s | {"file": f"../{s['file']}"} for s in shards],
    "names the file ../passages/passages-00000.*, which is not in its folder",
  ),
  "files that are numbers": (
    lambda shards: [s | {"file": i} for i, s in enumerate(shards)],
    "no manifest of a corpus .*must be str, not 0",
  ),
  "counts that are texts": (
    lambda shards: [s | {"passages": "4"} for s in shards],
    r"no manifest of a corpus .*shards\[0\].passages. must be int, not '4'",
  ),
  "of other counts": (
    lambda shards: [s | {"passages": 3} for s in shards],
    "12 passages, .* add up to 9",
  ),
}


@pytest.mark.parametrize("change", LISTS)
def test_a_list_of_files_that_is_none_is_refused(tmp_path, change):
  path = tmp_path / "z"
  written_corpus.write(path, SHARDS)
  make, says = LISTS[change]
  rewrite_shards(path, make)
  with pytest.raises(errors.UserError, match=f"manifest.json.*{says}"):
    corpora.Corpus.open(str(path))


def test_files_under_each_others_names_are_another_corpus(tmp_path):
  path = tmp_path / "z"
  written_corpus.write(path, SHARDS)
  without_sums(path)
  first, _, last = sorted((path / "passages").iterdir())
  first.rename(path / "aside")
  last.rename(first)
  (path / "aside").rename(last)
  corpus = corpora.Corpus.open(str(path))
  with pytest.raises(errors.UserError, match="fingerprint in .*manifest.json"):
    corpus.load_passages()
