import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.text import token_windows

CLS, SEP = 2, 3


def test_a_long_sequence_by_hand():
  # Windows of 6 that share 2: tokens 0-5, 4-9, 8-9. Of what two share, each
  # owns one.
  cut = token_windows.cut(tf.constant([10, 0, 6], tf.int64), 6, 2)
  assert cut.rows.numpy().tolist() == [0, 0, 1, 2]
  assert cut.starts.numpy().tolist() == [0, 4, 0, 0]
  assert cut.limits.numpy().tolist() == [6, 10, 0, 6]
  assert cut.own_starts.numpy().tolist() == [0, 5, 0, 0]
  assert cut.own_limits.numpy().tolist() == [5, 10, 0, 6]
  tokens = tf.ragged.constant(
    [list(range(10, 20)), [], list(range(20, 26))], dtype=tf.int32
  )
  ids = token_windows.read(cut, tokens, 9, CLS, SEP).numpy()
  assert ids.tolist() == [
    [CLS, 10, 11, 12, 13, 14, 15, SEP, 0],
    [CLS, 14, 15, 16, 17, 18, 19, SEP, 0],
    [CLS, SEP, 0, 0, 0, 0, 0, 0, 0],
    [CLS, 20, 21, 22, 23, 24, 25, SEP, 0],
  ]
  owned = token_windows.owned(cut, 9).numpy()
  assert ids[owned].tolist() == list(range(10, 26))


@pytest.mark.parametrize(("size", "overlap"), [(5, 0), (7, 3), (8, 4), (30, 6)])
@hypothesis.given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=5))
def test_windows_join_to_what_was_cut(size, overlap, lengths):
  tokens = tf.RaggedTensor.from_row_lengths(
    tf.range(100, 100 + sum(lengths)), lengths
  )
  cut = token_windows.cut(tf.constant(lengths, tf.int64), size, overlap)
  ids = token_windows.read(cut, tokens, size + 2, CLS, SEP).numpy()
  owned = token_windows.owned(cut, size + 2).numpy()
  assert ids[owned].tolist() == tokens.flat_values.numpy().tolist()
  assert set(cut.rows.numpy()) == set(range(len(lengths)))
  assert (ids[:, 0] == CLS).all()
  assert (np.sum(ids == SEP, axis=1) == 1).all()
  # No token is read without neighbours where there is a window that has more.
  starts, limits = cut.own_starts - cut.starts, cut.limits - cut.own_limits
  is_inner = (cut.own_starts > 0).numpy()
  assert (starts.numpy()[is_inner] == overlap // 2).all()
  assert (limits.numpy() >= 0).all()


def test_no_sequence_at_all():
  cut = token_windows.cut(tf.zeros([0], tf.int64), 6, 2)
  tokens = tf.RaggedTensor.from_row_splits(
    tf.zeros([0], tf.int32), tf.constant([0], tf.int64)
  )
  assert token_windows.read(cut, tokens, 4, CLS, SEP).shape == (0, 4)
