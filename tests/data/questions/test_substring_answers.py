import numpy as np
import tensorflow as tf

from realm_tf.data.questions import substring_answers
from realm_tf.data.questions import token_answers
from realm_tf.text import wordpiece
from tests import synthetic

TOKENIZER = wordpiece.Tokenizer(
  (
    *wordpiece.SPECIAL_TOKENS,
    *("france", "frances", "19", "##43", "in", "a", "(", "+", ")", "b", "."),
  )
)
BODIES = ["Frances in a", "France in 1943", "france", "A (a+b) b.", ""]


def matcher(answers):
  table = synthetic.table_of_texts(TOKENIZER, [("in", body) for body in BODIES])
  bodies = tf.constant([*BODIES, ""])  # and the null passage's
  return substring_answers.SubstringAnswers(answers, table, bodies, TOKENIZER)


def held(*answers):
  """Which passages hold an answer, the null passage last."""
  rows = tf.constant([[0, 1, 2, 3, 4, 5]])
  found = matcher([["b"], list(answers)]).held(tf.constant([1], tf.int64), rows)
  assert found.shape == rows.shape
  return np.flatnonzero(found[0]).tolist()


def test_any_part_of_a_text_is_an_answer():
  assert held("France") == [0, 1]
  assert held("France in 19") == [1]
  assert held("france", "1943") == [1, 2]
  assert held("194") == [1]


def test_answers_are_no_patterns():
  assert held("(a+b) b.") == [3]
  assert held("a.b", "(", "\\E", "|", "[") == [3]
  assert held("a.b", "\n") == []


def test_an_empty_answer_is_none():
  assert held("") == []
  assert held() == []
  assert held("", "1943") == [1]


def test_spans_are_runs_of_wordpieces_that_may_end_within_a_word():
  found = matcher([["19", "France"]]).occurrences(
    tf.constant([0], tf.int64), tf.constant([[0, 1, 2, 5]])
  )
  # No wordpiece of "Frances" is "France"; case is the tokenizer's.
  assert sorted(found.numpy().tolist()) == [
    [0, 1, 0, 1],
    [0, 1, 2, 3],
    [0, 2, 0, 1],
  ]


def test_whole_words_are_fewer():
  table = synthetic.table_of_texts(TOKENIZER, [("in", b) for b in BODIES])
  words = token_answers.TokenAnswers([["France", "19"]], table, TOKENIZER)
  rows = tf.constant([[0, 1, 2, 3]])
  question = tf.constant([0], tf.int64)
  assert words.held(question, rows).numpy().tolist() == [
    [False, True, True, False]
  ]
  found = words.occurrences(question, rows).numpy().tolist()
  assert found == [[0, 1, 0, 1], [0, 2, 0, 1]]


def test_the_look_up_is_a_graph_over_many_questions():
  look_up = tf.function(matcher([["France"], ["b"]]).held)
  found = look_up(
    tf.constant([1, 0], tf.int64), tf.constant([[3, 0, 5], [3, 0, 5]])
  )
  assert found.numpy().tolist() == [[True, False, False], [False, True, False]]
