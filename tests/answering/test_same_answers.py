import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.answering import same_answers
from realm_tf.evaluation import answer_matching

_TEXTS = st.text(
  alphabet=st.one_of(
    st.sampled_from("aAnNtThHeE .,'-$ \t\n"), st.characters(codec="utf-8")
  ),
  max_size=12,
)


@hypothesis.given(st.lists(_TEXTS, min_size=1, max_size=8))
def test_texts_are_normalized_as_exact_match_does(texts):
  # Where one rule is Python's and the other RE2's: a letter beyond ASCII next
  # to an article, and white space beyond ASCII.
  texts = [t for t in texts if t.isascii()] or ["The End"]
  found = same_answers.normalize(tf.constant(texts)).numpy()
  assert [t.decode() for t in found] == [
    answer_matching.normalize(t) for t in texts
  ]


def test_case_and_punctuation_of_any_script_are_equal():
  texts = tf.constant(["São  Paulo!", "são paulo", "ÉCOLE", "école"])
  found = [t.decode() for t in same_answers.normalize(texts).numpy()]
  assert found == ["são paulo", "são paulo", "école", "école"]


def test_probabilities_of_equal_answers_are_added_up():
  texts = tf.constant([["Oslo", "the oslo", "Rome", "x"], ["a b", "c", "", ""]])
  probabilities = tf.constant([[0.3, 0.2, 0.4, 0.1], [0.6, 0.3, 0.0, 0.0]])
  valid = tf.constant([[True] * 4, [True, True, False, False]])
  place, total, found = same_answers.merge(texts, probabilities, valid, 3)
  assert place.numpy()[0].tolist() == [0, 2, 3]
  np.testing.assert_allclose(total[0], [0.5, 0.4, 0.1], rtol=1e-6)
  assert place.numpy()[1, :2].tolist() == [0, 1]
  np.testing.assert_allclose(total[1], [0.6, 0.3, 0.0], rtol=1e-6)
  assert found.numpy().tolist() == [[True] * 3, [True, True, False]]


def test_more_answers_may_be_asked_for_than_there_are():
  texts, valid = tf.constant([["a b"]]), tf.constant([[True]])
  _, total, found = same_answers.merge(texts, tf.constant([[1.0]]), valid, 4)
  assert found.numpy().tolist() == [[True, False, False, False]]
  assert total.numpy().tolist() == [[1.0, 0.0, 0.0, 0.0]]


def test_without_sums_the_likeliest_span_answers():
  texts = tf.constant([["b", "a", "A", "c"]])
  probabilities = tf.constant([[0.4, 0.3, 0.2, 0.1]])
  valid = tf.constant([[True, True, True, True]])
  given = (texts, probabilities, valid, 3)
  place, total, _ = same_answers.merge(*given)
  assert place.numpy().tolist() != [[0, 1, 3]]
  place, total, found = same_answers.merge(*given, add_up=False)
  assert place.numpy().tolist() == [[0, 1, 3]]
  np.testing.assert_allclose(total, [[0.4, 0.3, 0.1]])
  assert found.numpy().all()
