import hypothesis
import hypothesis.strategies as st
import pytest

from realm_tf.text import salient_spans
from realm_tf.text import sentence_splitter

_PIECES = st.sampled_from(
  [
    "Łódź", "Émile Zola", "12 May 2008", "1914-18", "the 90s", "of", "the",
    "東京", "In", "U.S.", "Dr.", "peso", "79", "I", "'s", ".", ",", " (", ") ",
    "\n\n",
    "“", "”", "March", "Bank of England", "für", "𝔘nicode", "for", "e\u0301a",
    "1200 people", "AD", "BC", "-", "–", "The", "A. B.", "ǅ", "İstanbul", "ß",
  ]
)  # fmt: skip
_TEXTS = st.one_of(
  st.lists(_PIECES, max_size=25).map(" ".join),
  st.lists(_PIECES, max_size=25).map("".join),
  st.text(max_size=80),
)


@hypothesis.settings(deadline=None, max_examples=200)
@hypothesis.given(_TEXTS, st.text(max_size=10), st.booleans())
def test_spans_are_sorted_apart_and_on_character_boundaries(
  text, title, numbers
):
  tagger = salient_spans.RuleTagger(gazetteer=["Peso", "東京"], numbers=numbers)
  raw = text.encode()
  [found] = tagger.tag([text], [title])
  last = 0
  for span in found:
    assert last <= span.start < span.limit <= len(raw)
    assert raw[span.start : span.limit].decode().strip()
    last = span.limit


@hypothesis.settings(deadline=None, max_examples=100)
@hypothesis.given(_TEXTS)
def test_inside_sentences_keeps_spans_of_one_sentence_only(text):
  [found] = salient_spans.RuleTagger().tag([text])
  places = sentence_splitter.sentence_byte_spans(text)
  kept = salient_spans.inside_sentences(found, places)
  for span in found:
    inside = any(a <= span.start and span.limit <= b for a, b in places)
    assert (span in kept) == inside


@pytest.mark.parametrize(
  ("text", "wanted"),
  [
    (
      "In Łódź, Émile Zola met 東京 on 12 May 2008.",
      [("Łódź", "entity"), ("Émile Zola", "entity"), ("12 May 2008", "date")],
    ),
    ("東京 is far from Zürich.", [("Zürich", "entity")]),
  ],
)
def test_offsets_are_bytes(text, wanted):
  [found] = salient_spans.RuleTagger().tag([text])
  raw = text.encode()
  assert [(raw[s.start : s.limit].decode(), s.type) for s in found] == wanted


def test_dates_win_and_longer_names_win():
  text = "In the spring of 1912 the noble gases were sold by Noble Ltd."
  tagger = salient_spans.RuleTagger(
    gazetteer=["Noble", "Noble gases", "1912 the"]
  )
  [found] = tagger.tag([text])
  assert [text[s.start : s.limit] for s in found] == [
    "spring of 1912", "noble gases", "Noble Ltd",
  ]  # fmt: skip


def test_numbers_only_if_wanted():
  text = "Gold has atomic number 79 and 1,200.5 other things."
  assert salient_spans.RuleTagger().tag([text]) == [[]]
  [found] = salient_spans.RuleTagger(numbers=True).tag([text])
  assert [(text[s.start : s.limit], s.type) for s in found] == [
    ("79", "number"), ("1,200.5", "number"),
  ]  # fmt: skip


def test_a_batch_is_tagged_text_by_text():
  texts = ["He saw Paris.", "", "He saw Rome."]
  tagger: salient_spans.SpanTagger = salient_spans.RuleTagger()
  assert tagger.tag(texts) == [tagger.tag([text])[0] for text in texts]


def test_without_overlaps_prefers_the_first():
  first, second = salient_spans.Span(2, 5, "a"), salient_spans.Span(4, 9, "b")
  third = salient_spans.Span(5, 6, "c")
  assert salient_spans.without_overlaps([first, second, third]) == [
    first,
    third,
  ]
