import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.data.ingest import passage_maker
from realm_tf.data.ingest import sources
from realm_tf.text import sentence_splitter
from realm_tf.text import white_space
from realm_tf.text import wordpiece
from tests.data import small_corpora

_TOKENIZER = wordpiece.Tokenizer(small_corpora.VOCABULARY)


def _make(title, text, max_tokens=32):
  maker = passage_maker.PassageMaker(_TOKENIZER, max_tokens)
  made = list(maker.make([sources.Document(title, text, (0, 0))]))
  return [p for _, passages in made for p in passages], maker.counts


@hypothesis.given(st.lists(st.integers(0, 12), max_size=30), st.integers(1, 12))
def test_packing_keeps_all_in_order_within_the_budget(lengths, budget):
  groups = passage_maker.pack(lengths, budget)
  assert [i for a, b in groups for i in range(a, b)] == list(
    range(len(lengths))
  )
  for start, limit in groups:
    assert sum(lengths[start:limit]) <= budget or limit == start + 1
  # Greedily: what begins a group did not fit into the one before.
  for (start, limit), (_, end) in zip(groups, groups[1:], strict=False):
    assert end > limit
    assert sum(lengths[start : limit + 1]) > budget


_SENTENCES = st.lists(
  st.lists(
    st.sampled_from(["cat", "dogs", "Caf\u00e9", "(sat", "\u6c49\u5b57", "x1"]),
    min_size=1,
    max_size=40,
  ).map(lambda words: " ".join(words).capitalize() + "."),
  min_size=1,
  max_size=12,
)


@hypothesis.settings(deadline=None, max_examples=30)
@hypothesis.given(_SENTENCES)
def test_passages_are_the_article_in_pieces_that_fit(parts):
  text = "  ".join(parts)
  passages, counts = _make("The cat", text)
  joined = " ".join(p.body for p in passages)
  assert joined.replace(" ", "") == white_space.normalize(text).replace(" ", "")
  normal = white_space.normalize(text)
  bodies = [p.body for p in passages]
  for passage, ids in zip(
    passages, _TOKENIZER.tokenize(tf.constant(bodies)), strict=True
  ):
    assert passage.body in normal
    assert len(passage.title_token_ids) == 2
    assert len(passage.body_token_ids) + 2 + 3 <= 32
    if not counts["split_sentence"]:
      np.testing.assert_array_equal(passage.body_token_ids, ids)
  if not counts["split_sentence"]:
    content = normal.encode()
    spans = sentence_splitter.sentence_byte_spans(normal)
    starts, limits = map(set, zip(*spans, strict=True))
    at = 0
    for body in bodies:
      at = content.index(body.encode(), at)
      assert at in starts
      at += len(body.encode())
      assert at in limits


def test_a_long_sentence_is_cut_at_words_and_counted():
  passages, counts = _make("T", "dogs " * 30, max_tokens=20)
  assert counts == {"split_sentence": 1}
  # 16 wordpieces are left; "dogs" is "dog", "##s".
  assert [len(p.body_token_ids) for p in passages] == [16, 16, 16, 12]
  assert passages[0].body == " ".join(["dogs"] * 8)


@pytest.mark.parametrize(
  "title, text, reason",
  [
    ("List of cats", "The cat sat.", "list_page"),
    ("Lists of dogs", "The dog sat.", "list_page"),
    ("Index of cats", "The cat sat.", "index_page"),
    ("Outline of cats", "The cat sat.", "outline_page"),
    ("Cat (disambiguation)", "The cat sat.", "disambiguation_page"),
    ("Cat", " \n ", "empty_text"),
    ("Cat", "\u200b", "empty_text"),
    ("cat " * 40, "The cat sat.", "long_title"),
  ],
)
def test_what_makes_no_passage_is_counted_by_reason(title, text, reason):
  assert _make(title, text) == ([], {reason: 1})


def test_listening_is_no_list():
  passages, counts = _make("Listening", "The cat sat.")
  assert len(passages) == 1
  assert not counts


def test_white_space_is_normalised_but_for_paragraphs():
  assert white_space.normalize(" a\u00a0 b\nc\r\n \n d ") == "a b c\n\nd"


def test_ids_depend_on_title_and_body_alone():
  passages, _ = _make("Cat", "The cat sat.")
  # The first 16 digits of sha1sum over "Cat", a zero byte, "The cat sat.".
  assert passages[0].id == "491d62afb1fbaaa2"
