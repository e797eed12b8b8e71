import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.data.examples import packing
from tests import synthetic
from tests.synthetic import CLS
from tests.synthetic import SEP

TOKENIZER = synthetic.make_tokenizer()
TOKENS = st.integers(5, len(synthetic.VOCABULARY) - 1)
PASSAGES = st.lists(
  st.tuples(st.lists(TOKENS, max_size=8), st.lists(TOKENS, max_size=20)),
  min_size=1,
  max_size=5,
)


def packed(passages, length):
  titles, bodies = zip(*passages, strict=True)
  return packing.PackedPassages(
    tf.ragged.constant(titles, tf.uint16, ragged_rank=1),
    tf.ragged.constant(bodies, tf.uint16, ragged_rank=1),
    length,
    TOKENIZER,
  )


def cut(title, body, length):
  """Title and body as they fit into a row."""
  title = title[: length - 3]
  return title, body[: length - 3 - len(title)]


def padded(ids, length):
  assert len(ids) <= length
  return ids + [0] * (length - len(ids))


@hypothesis.given(PASSAGES, st.integers(4, 16))
def test_passages_equal_plain_lists(passages, length):
  rows = packed(passages, length)
  assert rows.null_row == len(passages)
  expected = []
  for title, body in [*passages, ([], [])]:
    title, body = cut(title, body, length)
    expected.append(padded([CLS, *title, SEP, *body, SEP], length))
  found = rows.passages(tf.range(len(passages) + 1))
  assert found.dtype == tf.int32
  np.testing.assert_array_equal(found, expected)


@hypothesis.given(
  PASSAGES,
  st.integers(4, 16),
  st.lists(st.lists(TOKENS, max_size=6), min_size=1, max_size=3),
  st.randoms(use_true_random=False),
)
def test_joined_equals_plain_lists(passages, length, queries, random):
  query_length = 8
  rows = packed(passages, length)
  candidates = [
    [random.randint(0, len(passages)) for _ in range(3)] for _ in queries
  ]
  query_rows = [padded([CLS, *query, SEP], query_length) for query in queries]
  ids, segments = rows.joined(tf.constant(query_rows), tf.constant(candidates))
  joint_length = query_length + length
  for query, chosen, got_ids, got_segments in zip(
    queries, candidates, ids.numpy(), segments.numpy(), strict=True
  ):
    for k, row in enumerate(chosen):
      _, body = cut(*([*passages, ([], [])][row]), length)
      want = [CLS, *query, SEP, *body, SEP]
      np.testing.assert_array_equal(got_ids[k], padded(want, joint_length))
      want_segments = [0] * (len(query) + 2) + [1] * (len(body) + 1)
      np.testing.assert_array_equal(
        got_segments[k], padded(want_segments, joint_length)
      )


def test_null_passage_by_hand():
  rows = packed([([10], [11, 12])], 8)
  np.testing.assert_array_equal(
    rows.passages(tf.constant([[1, 0]])),
    [[[CLS, SEP, SEP, 0, 0, 0, 0, 0], [CLS, 10, SEP, 11, 12, SEP, 0, 0]]],
  )
  ids, segments = rows.joined(
    tf.constant([[CLS, 20, SEP, 0]]), tf.constant([[1, 0]])
  )
  np.testing.assert_array_equal(
    ids[0],
    [
      [CLS, 20, SEP, SEP] + [0] * 8,
      [CLS, 20, SEP, 11, 12, SEP] + [0] * 6,
    ],
  )
  np.testing.assert_array_equal(
    segments[0],
    [[0, 0, 0, 1] + [0] * 8, [0, 0, 0, 1, 1, 1] + [0] * 6],
  )


def test_a_query_that_fills_its_room_meets_a_passage_that_fills_its():
  rows = packed([([], list(range(10, 30)))], 8)
  ids, _ = rows.joined(tf.constant([[CLS, 7, 8, SEP]]), tf.constant([[0]]))
  np.testing.assert_array_equal(
    ids[0, 0], [CLS, 7, 8, SEP, 10, 11, 12, 13, 14, SEP, 0, 0]
  )


@hypothesis.given(PASSAGES, st.integers(4, 16))
def test_the_refresher_and_the_trainer_read_the_same_passages(passages, length):
  titles, bodies = zip(*passages, strict=True)
  inputs = packing.passage_inputs(
    tf.ragged.constant(titles, tf.int32, ragged_rank=1),
    tf.ragged.constant(bodies, tf.int32, ragged_rank=1),
    length,
    TOKENIZER,
  )
  np.testing.assert_array_equal(
    inputs, packed(passages, length).passages(tf.range(len(passages)))
  )


def test_packing_in_parts_changes_nothing(monkeypatch):
  rng = np.random.default_rng(0)
  passages = [
    (
      list(rng.integers(5, 40, rng.integers(0, 4))),
      list(rng.integers(5, 40, rng.integers(0, 20))),
    )
    for _ in range(23)
  ]
  everything = tf.range(24)
  whole = packed(passages, 12).passages(everything)
  monkeypatch.setattr(packing, "CHUNK_PASSAGES", 5)
  np.testing.assert_array_equal(
    packed(passages, 12).passages(everything), whole
  )


@pytest.mark.parametrize(("vocabulary", "size"), [(1 << 16, 2), (70_000, 4)])
def test_two_bytes_a_wordpiece_where_the_vocabulary_allows(vocabulary, size):
  class Tokenizer:
    pad_id, cls_id, sep_id = 0, 2, 3
    vocab_size = vocabulary

  highest = vocabulary - 1
  rows = packing.PackedPassages(
    tf.ragged.constant([[5]], tf.int32),
    tf.ragged.constant([[highest, 6]], tf.int32),
    8,
    Tokenizer(),
  )
  # And of both rows, the null one is the second, three numbers.
  assert rows.nbytes == (6 + 3) * size + 2 * (8 + 4 + 4)
  assert list(rows.passages(tf.constant([0]))[0].numpy()) == [
    2,
    5,
    3,
    highest,
    6,
    3,
    0,
    0,
  ]


def test_what_is_too_long_to_be_read_is_cut_and_ends_in_sep():
  rows = packed([([5], [6, 7, 8, 9]), ([5], [])], 8)
  queries = tf.constant([[CLS, 7, SEP, 0]])
  ids, segments = rows.joined(queries, tf.constant([[0, 1]]), 6)
  assert ids.numpy().tolist() == [
    [[CLS, 7, SEP, 6, 7, SEP], [CLS, 7, SEP, SEP, 0, 0]]
  ]
  assert segments.numpy().tolist() == [[[0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 0, 0]]]
  whole, _ = rows.joined(queries, tf.constant([[0, 1]]), 8)
  assert whole.numpy().tolist() == [
    [
      [CLS, 7, SEP, 6, 7, 8, 9, SEP],
      [CLS, 7, SEP, SEP, 0, 0, 0, 0],
    ]
  ]


def test_queries_are_packed():
  ids = tf.ragged.constant([[7, 8, 9, 10], [], [6]], tf.int32)
  assert packing.pack_queries(ids, 5, TOKENIZER).numpy().tolist() == [
    [CLS, 7, 8, 9, SEP],
    [CLS, SEP, 0, 0, 0],
    [CLS, 6, SEP, 0, 0],
  ]
