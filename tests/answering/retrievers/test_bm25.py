import math

import numpy as np
import pytest

from realm_tf.answering.retrievers import bm25
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()
TEXTS = [
  ("na nb", "wa wb wa . wc"),
  ("nb", "wb wb wb"),
  ("nc", "wd we wf wg wh wi wj wa"),
  ("nd", "."),
  ("nd", "."),
]


def scores_by_hand(query, k1, b):
  """Okapi's formula, passage by passage and term by term."""
  passages = [f"{title} {body}".split() for title, body in TEXTS]
  mean = sum(map(len, passages)) / len(passages)
  scores = []
  for passage in passages:
    score = 0.0
    for term in query.split():
      holding = sum(term in other for other in passages)
      idf = math.log(1 + (len(passages) - holding + 0.5) / (holding + 0.5))
      count = passage.count(term)
      length = 1 - b + b * len(passage) / mean
      score += idf * count * (k1 + 1) / (count + k1 * length)
    scores.append(score)
  return np.array(scores)


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.5, 0.75), (1.2, 0.0)])
def test_order_is_that_of_the_formula(k1, b):
  ranker = bm25.Bm25(
    synthetic.table_of_texts(TOKENIZER, TEXTS), TOKENIZER, k1=k1, b=b
  )
  queries = ["wa", "wb", "wa wb", "nd", "nb wa wa", "wd na .", "NA", "wt", ""]
  retrieved = ranker.retrieve(queries, 5)
  assert retrieved.rows.shape == (9, 5)
  for query, rows, best in zip(queries, *retrieved, strict=True):
    scores = scores_by_hand(query.lower(), k1, b)
    # Equal scores come in the corpus's order; a score of 0 finds nothing.
    order = np.argsort(-scores, kind="stable")
    expected = np.where(scores[order] > 0, order, -1)
    assert rows.tolist() == expected.tolist(), query
    np.testing.assert_allclose(
      best, np.where(rows >= 0, scores[order], -np.inf), rtol=1e-5
    )


def test_fewer_than_all_and_many_queries(monkeypatch):
  ranker = bm25.Bm25(synthetic.table_of_texts(TOKENIZER, TEXTS), TOKENIZER)
  queries = ["wa", "wb", "wd", "nd", "nb", "nd .", ". wa"]
  whole = ranker.retrieve(queries, 5).rows
  # Two and one at once.
  for most_scores in (10, 1):
    monkeypatch.setattr(bm25, "_MOST_SCORES", most_scores)
    for k in (1, 2, 3):
      rows = ranker.retrieve(queries, k).rows
      np.testing.assert_array_equal(rows, whole[:, :k])


def test_unknown_words_find_nothing():
  table = synthetic.table_of_texts(
    TOKENIZER, [("na", "unheard wa"), ("nb", "wa")]
  )
  ranker = bm25.Bm25(table, TOKENIZER)
  found = ranker.retrieve(["alien", "alien nb", "alien wa"], 2).rows
  assert found[:2].tolist() == [[-1, -1], [1, -1]]
  assert sorted(found[2]) == [0, 1]
