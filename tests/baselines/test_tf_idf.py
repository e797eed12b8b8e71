"""TF-IDF over hashed bigrams, against the formula by hand."""

import math

import numpy as np
import pytest

from realm_tf.baselines import tf_idf
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()
TEXTS = [
  ("na nb", "wa wb wa . wc"),
  ("nb", "wb wb wb wa"),
  ("nc", "wd we wf wg wh wi wj wa"),
  ("nd", "."),
  ("nd", "."),
  ("ne", "wg wh wk"),
  ("nf", "wh wg wk"),
]


def grams(*texts):
  """Words and bigrams; none that runs from one text into the next."""
  found = []
  for text in texts:
    words = text.split()
    found += [*words, *zip(words[:-1], words[1:], strict=True)]
  return found


def scores_by_hand(query):
  passages = [grams(title, body) for title, body in TEXTS]
  scores = []
  for passage in passages:
    score = 0.0
    for gram in {*grams(query)}:
      holding = sum(gram in other for other in passages)
      idf = math.log((len(passages) - holding + 0.5) / (holding + 0.5))
      weight = max(idf, 0.0) ** 2
      weight *= math.log(1 + grams(query).count(gram))
      score += weight * math.log(1 + passage.count(gram))
    scores.append(score)
  return np.array(scores)


@pytest.fixture(scope="module")
def retriever():
  return tf_idf.TfIdf(synthetic.table_of_texts(TOKENIZER, TEXTS), TOKENIZER)


QUERIES = ["wa", "wb wb", "wg wh", "nd", "na nb wa wa", "wd we .", "wt", ""]


def test_scores_are_those_of_the_formula(retriever):
  found = retriever.retrieve(QUERIES, len(TEXTS))
  for query, rows, scores in zip(QUERIES, *found, strict=True):
    wanted = scores_by_hand(query)
    order = np.argsort(-wanted, kind="stable")
    order = order[wanted[order] > 0]
    assert rows.tolist() == [*order, *[-1] * (len(TEXTS) - len(order))]
    np.testing.assert_allclose(scores[: len(order)], wanted[order], rtol=1e-5)
    assert np.isneginf(scores[len(order) :]).all()


def test_bigrams_tell_the_order_of_words(retriever):
  first, second = retriever.retrieve(["wg wh", "wh wg"], 1).rows
  assert TEXTS[first[0]][0] in ("nc", "ne")
  assert TEXTS[second[0]][0] == "nf"


def test_fewer_are_the_first_of_more(retriever):
  every = retriever.retrieve(QUERIES, len(TEXTS))
  some = retriever.retrieve(QUERIES, 2)
  np.testing.assert_array_equal(some.rows, every.rows[:, :2])
  np.testing.assert_array_equal(some.scores, every.scores[:, :2])


def test_rows_are_ranked_by_their_scores_and_those_without_come_last():
  scores = np.array([0, 3, 0, 5, 5], np.float32)
  rows = np.array([2, 3, 0, 4, 1, 3])
  assert tf_idf.rank_rows(scores, rows, 9).tolist() == [3, 4, 1, 0, 2]
  assert tf_idf.rank_rows(scores, rows, 2).tolist() == [3, 4]
  assert tf_idf.rank_rows(scores, rows[:0], 2).tolist() == []


def test_many_questions_are_answered_as_one(retriever):
  many = retriever.retrieve(QUERIES * 10, 3)
  np.testing.assert_array_equal(
    many.rows, np.tile(retriever.retrieve(QUERIES, 3).rows, (10, 1))
  )


def test_buckets_are_shared_when_there_are_few():
  """With one bucket, all texts hold it, and nothing tells them apart."""
  table = synthetic.table_of_texts(TOKENIZER, TEXTS)
  one = tf_idf.TfIdf(table, TOKENIZER, buckets=1)
  assert (one.retrieve(["wa"], 2).rows == -1).all()


def test_the_unknown_word_has_nothing_in_common():
  table = synthetic.table_of_texts(TOKENIZER, [("na", "zzz"), ("nb", "wa")])
  retriever = tf_idf.TfIdf(table, TOKENIZER)
  assert (retriever.retrieve(["zzz"], 2).rows == -1).all()
