import hypothesis
import pytest
from hypothesis import strategies as st

from realm_tf.text import sentence_splitter


def _split(text):
  content = text.encode()
  return [
    content[start:limit].decode()
    for start, limit in sentence_splitter.sentence_byte_spans(text)
  ]


@pytest.mark.parametrize(
  "text, expected",
  [
    ("", []),
    (" \n ", []),
    ("One. Two!  Three?", ["One.", "Two!", "Three?"]),
    (
      "Dr. Smith of the U.S. Army met Sgt. Jones. He left.",
      ["Dr. Smith of the U.S. Army met Sgt. Jones.", "He left."],
    ),
    (
      "He met J. K. Rowling in Jan. 2001. No. 5 cost $5.50. It sold.",
      ["He met J. K. Rowling in Jan. 2001.", "No. 5 cost $5.50.", "It sold."],
    ),
    (
      "\u00abD\u00e9j\u00e0 vu\u00bb is \u6c49\u5b57. \u00c7a va? Yes.",
      ["\u00abD\u00e9j\u00e0 vu\u00bb is \u6c49\u5b57.", "\u00c7a va?", "Yes."],
    ),
    ("A heading\n\nA line\nand its end", ["A heading", "A line\nand its end"]),
    ("First; Second is no sentence.", ["First; Second is no sentence."]),
    (
      "He left.[12][13] The war began",
      ["He left.[12][13]", "The war began"],
    ),
  ],
)
def test_splits(text, expected):
  assert _split(text) == expected


@pytest.mark.parametrize(
  "text",
  [
    "A lobby (68,000 sq ft)[citation needed] The hall",
    "He \n (a) S",
  ],
)
def test_brackets_alone_end_no_sentence(text):
  assert _split(text) == [text]
  assert _split(f"{text} was. It is.") == [f"{text} was.", "It is."]


@hypothesis.given(
  st.text(st.sampled_from('aB \n.!?;\u00e9\u6c49"()1\u200b\r'), max_size=60)
)
def test_sentences_hold_all_but_white_space_in_order(text):
  content = text.encode()
  at = 0
  for start, limit in sentence_splitter.sentence_byte_spans(text):
    assert at <= start < limit
    assert not content[at:start].decode().strip()
    sentence = content[start:limit].decode()
    assert sentence == sentence.strip()
    at = limit
  assert not content[at:].decode().strip()
