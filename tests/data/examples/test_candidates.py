import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.data.examples import candidates

NULL = 100


@st.composite
def searches(draw):
  k = draw(st.integers(3, 6))
  found = draw(st.integers(0, k))
  rows = draw(st.permutations(range(20)))[:k]
  source = draw(st.integers(0, 19))
  return rows, found, source, draw(st.integers(2, k))


@hypothesis.given(st.lists(searches(), min_size=1, max_size=3))
def test_null_first_then_the_best_that_are_not_the_source(given):
  for rows, found, source, count in given:
    k = len(rows)
    valid = np.arange(k) < found
    chosen, mask = candidates.exclude_source(
      tf.constant([rows]),
      tf.constant([valid]),
      tf.constant([[row + 1000 for row in rows]], tf.int64),
      tf.constant([source + 1000], tf.int64),
      count,
      NULL,
    )
    best = [r for r in rows[:found] if r != source][: count - 1]
    empty = count - 1 - len(best)
    assert list(chosen[0].numpy()) == [NULL, *best, *[NULL] * empty]
    assert list(mask[0].numpy()) == [True] * (1 + len(best)) + [False] * empty


def test_the_source_is_not_put_back_where_candidates_are_short():
  chosen, mask = candidates.exclude_source(
    tf.constant([[3, 1, 2], [1, 2, 3]]),
    tf.constant([[True, True, False], [True, True, True]]),
    tf.constant([[30, 10, 20], [10, 20, 30]], tf.int64),
    tf.constant([30, 99], tf.int64),
    4,
    NULL,
  )
  np.testing.assert_array_equal(
    chosen, [[NULL, 1, NULL, NULL], [NULL, 1, 2, 3]]
  )
  np.testing.assert_array_equal(mask, [[1, 1, 0, 0], [1, 1, 1, 1]])


def test_the_retriever_searches_one_more_and_masks_what_is_missing():
  uids = np.array([10, 11, 12, 13], np.int64)
  asked = []

  def embed(token_ids):
    return tf.cast(token_ids[:, :2], tf.float32)

  def search(embeddings, k):
    asked.append((embeddings.numpy().tolist(), k))
    return (
      tf.constant([[3.0, 2.0, 1.0], [1.0, 0.0, 0.0]]),
      tf.constant([[2, 0, 1], [3, -1, -1]]),
      tf.constant([[True, True, True], [True, False, False]]),
    )

  retrieve = candidates.CandidateRetriever(embed, search, uids, 3)
  rows, mask = retrieve(
    tf.constant([[1, 2, 3], [4, 5, 6]]), tf.constant([10, 13], tf.int64)
  )
  assert asked == [([[1.0, 2.0], [4.0, 5.0]], 3)]
  # Row 4 is the null passage.
  np.testing.assert_array_equal(rows, [[4, 2, 1], [4, 4, 4]])
  np.testing.assert_array_equal(mask, [[1, 1, 1], [1, 0, 0]])


def test_a_source_of_another_corpus_excludes_nothing():
  chosen, mask = candidates.exclude_source(
    tf.constant([[0, 1]]),
    tf.constant([[True, True]]),
    tf.constant([[10, 11]], tf.int64),
    tf.constant([77], tf.int64),
    3,
    NULL,
  )
  np.testing.assert_array_equal(chosen, [[NULL, 0, 1]])
  assert mask.numpy().all()


def test_queries_are_embedded_without_the_padding_they_share():
  widths = []

  def embed(token_ids):
    widths.append(token_ids.shape[1])
    return tf.cast(token_ids[:, :2], tf.float32)

  def search(queries, k):
    shape = [len(queries), k]
    return tf.zeros(shape), tf.zeros(shape, tf.int32), tf.ones(shape, tf.bool)

  retrieve = candidates.CandidateRetriever(
    embed, search, tf.constant([7], tf.int64), 2
  )
  for lengths in ([3, 5], [9, 1], [20, 20]):
    token_ids = np.zeros((2, 20), np.int32)
    for row, length in enumerate(lengths):
      token_ids[row, :length] = 1
    retrieve(tf.constant(token_ids), tf.constant([1, 2], tf.int64))
  assert widths == [8, 16, 20]
