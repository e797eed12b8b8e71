import numpy as np
import pytest
import tensorflow as tf

from realm_tf.data.questions import answer_pattern
from realm_tf.data.questions import regex_answers
from realm_tf.text import wordpiece

WORDS = (
  "the great barrier reef 19 ##43 in of ##s year café cafe ( ) , 1".split()
)
TOKENIZER = wordpiece.Tokenizer((*wordpiece.SPECIAL_TOKENS, *WORDS))


class Texts:
  """Stands for `PassageTexts`; counts what is read."""

  def __init__(self, bodies):
    self.bodies = bodies
    self.read = 0

  def body(self, row):
    self.read += 1
    return self.bodies[row].encode()


def spans(pattern, body):
  found = regex_answers.find_spans(
    [answer_pattern.AnswerPattern(pattern)], body.encode(), TOKENIZER
  )
  _, starts, limits = (
    part[0].numpy() for part in TOKENIZER.tokenize_with_offsets([body])
  )
  return [
    body.encode()[starts[first] : limits[limit - 1]].decode()
    for first, limit in found
  ]


@pytest.mark.parametrize(
  ("pattern", "body", "wanted"),
  [
    ("Great Barrier Reef", "in the great barrier reef", ["great barrier reef"]),
    ("barrier|reef", "the reef, the barrier", ["reef", "barrier"]),
    (r"19\s?43", "in 1943, in 19", ["1943"]),
    (r"(19|20)\d\d", "the year 1943", ["1943"]),
    # Widened to the end of its word: the scorer matches a beginning.
    ("reef", "the reefs", ["reefs"]),
    # Inside of a word: no answer would match from its beginning.
    ("43", "in 1943", []),
    # Bytes are not characters.
    ("reef", "café café reef", ["reef"]),
    ("caf.", "the café", ["café"]),
    # What matches nothing at all is no answer.
    ("x*", "the reef", []),
    (r"\s+", "the reef", []),
    ("zebra", "the reef", []),
    (r"reef \(the", "the reef (the year)", ["reef (the"]),
  ],
)
def test_matches_as_wordpieces(pattern, body, wanted):
  assert spans(pattern, body) == wanted


def test_equal_spans_of_two_patterns_count_once():
  patterns = [
    answer_pattern.AnswerPattern(p) for p in ("great barrier", "great b")
  ]
  found = regex_answers.find_spans(
    patterns, b"the great barrier reef", TOKENIZER
  )
  assert found == [(1, 3)]


def make(patterns, bodies):
  texts = Texts(bodies)
  compiled = [
    [answer_pattern.AnswerPattern(p) for p in one] for one in patterns
  ]
  matcher = regex_answers.RegexAnswers(compiled, texts, len(bodies), TOKENIZER)
  return matcher, texts


def test_passages_and_spans_in_a_graph():
  matcher, _ = make(
    [["reef"], ["43"], []], ["the reef", "in 1943", "reef, reef"]
  )
  questions = tf.constant([0, 1, 2, 0], tf.int64)
  rows = tf.constant([[0, 1, 3], [1, 0, 2], [0, 1, 2], [2, 3, 1]])

  @tf.function
  def match():
    return matcher.held(questions, rows), matcher.occurrences(questions, rows)

  held, occurrences = match()
  assert held.shape == (4, 3)
  assert held.numpy().tolist() == [
    [True, False, False],
    [True, False, False],  # anywhere will do for a passage
    [False, False, False],
    [True, False, False],
  ]
  assert occurrences.numpy().tolist() == [
    [0, 0, 1, 2],
    [3, 0, 0, 1],
    [3, 0, 2, 3],
  ]


def test_each_passage_is_matched_once_a_question():
  matcher, texts = make([["reef"], ["in"]], ["the reef", "in 1943", "the"])
  for rows in ([[0, 1]], [[1, 0]], [[2, 1]], [[0, 2]]):
    held = matcher.held(tf.constant([0], tf.int64), tf.constant(rows))
    np.testing.assert_array_equal(held, np.array(rows) == 0)
  assert texts.read == 3
  matcher.held(tf.constant([1], tf.int64), tf.constant([[0]]))
  assert texts.read == 4
