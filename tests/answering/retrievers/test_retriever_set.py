import numpy as np
import pytest

from realm_tf import errors
from realm_tf.answering.retrievers import retriever
from realm_tf.answering.retrievers import retriever_set
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()
TABLE = synthetic.table_of_texts(
  TOKENIZER, [("na", "wa wb"), ("nb", "wb wc"), ("nc", "wd we")]
)


def test_each_is_asked_for_no_more_than_there_is():
  asked = []

  class Dense:
    trained_with_reader = True
    index = "index/4"

    def retrieve(self, texts, k):
      asked.append((list(texts), k))
      return retriever.Retrieved(np.array([[2, -1, 0]]), np.zeros([1, 3]))

  found = retriever_set.RetrieverSet(TABLE, TOKENIZER, Dense())
  rows = found.retrieve(["wd"], 100, "dense").rows
  assert asked == [(["wd"], 3)]
  assert found.ids(rows[0]) == (f"{2:016x}", f"{0:016x}")
  rows = found.retrieve(["wc", "we nc"], 2, "bm25").rows
  assert rows.shape == (2, 2)
  assert rows[:, 0].tolist() == [1, 2]


def test_others_are_refused():
  found = retriever_set.RetrieverSet(TABLE, TOKENIZER, None)
  for name in ("tfidf", "none", "dense"):
    with pytest.raises(errors.UserError, match=f"retriever={name}"):
      found.retrieve(["wa"], 1, name)
