import hypothesis
import numpy as np
from hypothesis import strategies as st

from realm_tf.index.build import batching


@hypothesis.given(
  lengths=st.lists(st.integers(1, 100), max_size=40),
  batch_size=st.integers(1, 9),
)
def test_every_row_is_in_one_batch_with_all_its_tokens(lengths, batch_size):
  token_ids = np.zeros([len(lengths), 100], np.int32)
  for row, length in enumerate(lengths):
    token_ids[row, :length] = row + 1

  seen = {}
  for batch in batching.batches_by_length(token_ids, batch_size):
    assert len(batch.rows) <= batch_size
    longest = max(lengths[row] for row in batch.rows)
    width = batch.token_ids.shape[1]
    assert longest <= width < longest + 32
    for row, tokens in zip(batch.rows, batch.token_ids, strict=True):
      assert row not in seen
      seen[row] = np.trim_zeros(tokens).tolist()

  assert seen == {row: [row + 1] * n for row, n in enumerate(lengths)}


def test_batches_of_one_shape_hold_the_rows_in_order():
  token_ids = np.arange(1, 11, dtype=np.int32).reshape(5, 2)
  first, second = batching.batches_of_one_shape(token_ids, 3)
  np.testing.assert_array_equal(first.token_ids, token_ids[:3])
  np.testing.assert_array_equal(second.token_ids, [[7, 8], [9, 10], [0, 0]])
  assert [first.rows.tolist(), second.rows.tolist()] == [[0, 1, 2], [3, 4]]


def test_rows_of_one_length_are_together():
  token_ids = np.zeros([6, 64], np.int32)
  for row, length in enumerate([64, 5, 64, 5, 64, 5]):
    token_ids[row, :length] = 1
  batches = list(batching.batches_by_length(token_ids, 3))
  assert [batch.token_ids.shape for batch in batches] == [(3, 64), (3, 32)]
  assert [set(batch.rows) for batch in batches] == [{0, 2, 4}, {1, 3, 5}]
