import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_record
from realm_tf.data.corpus import passage_table

_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_IDS = st.lists(st.integers(0, 2**16 - 1), max_size=20)


def _passage(title, body, title_ids, body_ids):
  return passage_record.Passage(
    title, body, np.array(title_ids, np.int32), np.array(body_ids, np.int32)
  )


@pytest.mark.parametrize("dtype", ["uint16", "int32"])
@hypothesis.given(
  rows=st.lists(st.tuples(_TEXT, _TEXT, _IDS, _IDS), max_size=6)
)
def test_parsing_returns_what_was_written(rows, dtype):
  written = [_passage(*row) for row in rows]
  records = [passage_table.encode_passage(p, dtype) for p in written]
  parsed = passage_table.parse_passages(tf.constant(records, tf.string), dtype)
  assert parsed["body_token_ids"].dtype == dtype
  read = [
    _passage(title.decode(), body.decode(), title_ids, body_ids)
    for title, body, title_ids, body_ids in zip(
      parsed["title"].numpy(),
      parsed["body"].numpy(),
      parsed["title_token_ids"].to_list(),
      parsed["body_token_ids"].to_list(),
      strict=True,
    )
  ]
  for a, b, identifier in zip(written, read, parsed["id"].numpy(), strict=True):
    assert (a.title, a.body, a.id.encode()) == (b.title, b.body, identifier)
    np.testing.assert_array_equal(a.title_token_ids, b.title_token_ids)
    np.testing.assert_array_equal(a.body_token_ids, b.body_token_ids)


def test_uids_tell_title_and_text_apart():
  uids = passage_table.passage_uid(
    tf.constant(["a", "ab", "a", "a"]), tf.constant(["bc", "c", "bc", "bd"])
  ).numpy()
  assert uids.dtype == np.int64
  assert (uids >= 0).all()
  assert uids[0] == uids[2]
  assert len(set(uids.tolist())) == 3


def test_token_rows():
  a = passage_table.TokenRows(np.array([1, 2, 3]), np.array([0, 2, 2, 3]))
  b = passage_table.TokenRows(np.array([4]), np.array([0, 1]))
  both = passage_table.TokenRows.concatenate([a, b])
  assert len(both) == 4
  assert both.lengths.tolist() == [2, 0, 1, 1]
  rows = [both.row(i).tolist() for i in range(4)]
  assert rows == [[1, 2], [], [3], [4]]


def test_narrowest_token_dtype():
  assert corpus_manifest.token_dtype(2**16) == "uint16"
  assert corpus_manifest.token_dtype(2**16 + 1) == "int32"
