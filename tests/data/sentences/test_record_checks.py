"""Damaged records are named, by file and number."""

import string

import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.data.sentences import annotated_corpus
from realm_tf.data.sentences import sentence_records
from realm_tf.text import wordpiece
from tests import synthetic

TOKENIZER = wordpiece.Tokenizer(
  [*wordpiece.SPECIAL_TOKENS, *string.ascii_lowercase, "."]
)
GOOD = sentence_records.encode(b"t", b"a b. c d.", [(0, 4), (5, 9)], [(0, 1)])


def record(**features):
  """A record whose features are GOOD's but for some; None leaves one out."""
  example = tf.train.Example.FromString(GOOD)
  for name, value in features.items():
    del example.features.feature[name]
    if value is None:
      continue
    feature = example.features.feature[name]
    if value and isinstance(value[0], bytes):
      feature.bytes_list.value.extend(value)
    else:
      feature.int64_list.value.extend(value)
  return example.SerializeToString()


@pytest.mark.parametrize(
  ("damaged", "words"),
  [
    ({"text": None}, "one `text`"),
    ({"text": [b"a", b"b"]}, "one `text`"),
    ({"text": [3]}, "one `text`"),
    ({"title": None}, "one `title`"),
    ({"sentence_byte_start": [b"0"]}, "as integers"),
    ({"text": [b"a b. c \xff."]}, "its text is not UTF-8"),
    ({"title": [b"\xc3"]}, "its title is not UTF-8"),
    (
      {"sentence_byte_start": [0]},
      "it has 1 sentence_byte_start, but 2 sentence_byte_limit",
    ),
    (
      {"span_byte_limit": []},
      "it has 1 span_byte_start, but 0 span_byte_limit",
    ),
    ({"sentence_byte_limit": [4, 3]}, "a sentence is bytes 5 to 3 of a text"),
    ({"sentence_byte_limit": [4, 10]}, "bytes 5 to 10 of a text of 9"),
    ({"sentence_byte_start": [-1, 5]}, "a sentence is bytes -1 to 4"),
    ({"span_byte_start": [-3]}, "a span is bytes -3 to 1"),
    ({"span_byte_limit": [99]}, "a span is bytes 0 to 99 of a text of 9"),
    (
      {"sentence_byte_start": [5, 0], "sentence_byte_limit": [9, 4]},
      "the sentence from byte 0 on comes after one that ends at byte 9",
    ),
    ({"sentence_byte_start": [0, 3]}, "sentences must be in order and apart"),
  ],
)
def test_a_damaged_record_is_named(tmp_path, monkeypatch, damaged, words):
  monkeypatch.setattr(annotated_corpus, "BATCH_RECORDS", 2)
  synthetic.write_sentences(tmp_path, [("a", "b.", ["b."], [])], "part-0")
  path = tmp_path / "sentences" / "part-1.tfrecord.gz"
  sentence_records.write(str(path), [GOOD, GOOD, GOOD, record(**damaged), GOOD])
  with pytest.raises(errors.UserError) as caught:
    annotated_corpus.load(str(tmp_path), TOKENIZER)
  assert f"{path}, record 3 (from 0): " in str(caught.value)
  assert words in str(caught.value)
  assert "\n" not in str(caught.value)


def test_what_is_no_example_is_named(tmp_path):
  path = tmp_path / "sentences" / "part-1.tfrecord.gz"
  path.parent.mkdir()
  sentence_records.write(str(path), [GOOD, b"no example"])
  with pytest.raises(errors.UserError, match="record 1 .from 0"):
    annotated_corpus.load(str(tmp_path), TOKENIZER)


def test_sentences_and_spans_may_touch_be_empty_or_reach_the_end(tmp_path):
  path = tmp_path / "sentences" / "part-1.tfrecord.gz"
  path.parent.mkdir()
  touching = {
    "sentence_byte_start": [0, 4, 4],
    "sentence_byte_limit": [4, 4, 9],
    "span_byte_start": [5, 0],
    "span_byte_limit": [9, 1],
  }
  sentence_records.write(str(path), [record(**touching)])
  corpus = annotated_corpus.load(str(tmp_path), TOKENIZER)
  assert corpus.num_sentences == 2
  assert corpus.dropped["sentence without wordpieces"] == 1
