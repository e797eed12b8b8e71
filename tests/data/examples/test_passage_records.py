import numpy as np
import pytest
import tensorflow as tf

from realm_tf.data.examples import packing
from realm_tf.data.examples import passage_records
from realm_tf.text import wordpiece
from tests import synthetic

LENGTH = 13  # odd, and shorter than some passages


def large_tokenizer():
  """More wordpieces than two bytes can number."""
  more = [f"x{number}" for number in range(1 << 16)]
  return wordpiece.Tokenizer([*synthetic.VOCABULARY, *more])


@pytest.fixture(params=["paired", "single"])
def case(request):
  """Records and packed rows of the same passages."""
  paired = request.param == "paired"
  tokenizer = synthetic.make_tokenizer() if paired else large_tokenizer()
  table = synthetic.passage_table(synthetic.random_corpus())
  made = passage_records.RecordFormat(LENGTH, tokenizer)
  assert made.is_paired == paired
  records = np.concatenate(
    [made.encode(table, 0, 7), made.encode(table, 7, len(table)), [made.null]]
  )
  return made, records, packing.PackedPassages.of(table, LENGTH, tokenizer)


def test_records_hold_what_the_embedder_reads(case):
  made, records, packed = case
  assert records.shape == (packed.null_row + 1, made.width)
  assert records.dtype == np.int32
  rows = tf.reshape(tf.range(packed.null_row + 1), [1, -1])
  decoded = made.decode(tf.constant(records[None]))
  np.testing.assert_array_equal(decoded.token_ids, packed.passages(rows))


def test_records_join_queries_as_packed_rows_do(case):
  made, records, packed = case
  rng = np.random.default_rng(0)
  rows = rng.integers(0, packed.null_row + 1, [6, 3])
  rows[:, 0] = packed.null_row
  queries = np.zeros([6, 8], np.int32)
  for query, length in zip(queries, (2, 3, 4, 6, 7, 8), strict=True):
    query[:length] = rng.integers(5, 40, length)
  joined = made.joined(
    tf.constant(queries), made.decode(tf.constant(records[rows]))
  )
  wanted = packed.joined(tf.constant(queries), tf.constant(rows, tf.int32))
  for got, want in zip(joined, wanted, strict=True):
    np.testing.assert_array_equal(got, want)


def test_two_wordpieces_are_in_a_word():
  made = passage_records.RecordFormat(288, synthetic.make_tokenizer())
  assert made.width == 145
  single = passage_records.RecordFormat(288, large_tokenizer())
  assert single.width == 290
