import math

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.answering.retrievers import bm25
from realm_tf.answering.retrievers import bm25_searcher
from realm_tf.answering.retrievers import postings
from tests import graph_ops
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()
TEXTS = [
  ("na nb", "wa wb wa . wc"),
  ("nb", "wb wb wb"),
  ("nc", "wd we wf wg wh wi wj wa"),
  ("nd", "."),
  ("nd", "."),
]


def scores_by_hand(texts, query, k1=0.9, b=0.4):
  """Okapi's formula, passage by passage and term by term."""
  passages = [f"{title} {body}".split() for title, body in texts]
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


@pytest.fixture
def small_blocks(monkeypatch):
  """Cuts corpora into blocks of four passages."""
  monkeypatch.setattr(postings, "BLOCK_ROWS", 4)
  monkeypatch.setattr(bm25_searcher, "GROUP_ROWS", 2)


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.5, 0.75), (1.2, 0.0)])
def test_order_is_that_of_the_formula(k1, b):
  ranker = bm25.Bm25(
    synthetic.table_of_texts(TOKENIZER, TEXTS), TOKENIZER, k1=k1, b=b
  )
  queries = ["wa", "wb", "wa wb", "nd", "nb wa wa", "wd na .", "NA", "wt", ""]
  retrieved = ranker.retrieve(queries, 5)
  assert retrieved.rows.shape == (9, 5)
  for query, rows, best in zip(queries, *retrieved, strict=True):
    scores = scores_by_hand(TEXTS, query.lower(), k1, b)
    # Equal scores come in the corpus's order; a score of 0 finds nothing.
    order = np.argsort(-scores, kind="stable")
    expected = np.where(scores[order] > 0, order, -1)
    assert rows.tolist() == expected.tolist(), query
    np.testing.assert_allclose(
      best, np.where(rows >= 0, scores[order], -np.inf), rtol=1e-5
    )


def test_fewer_than_all_and_many_queries(monkeypatch, small_blocks):
  monkeypatch.setattr(bm25, "BATCH_QUERIES", 3)
  ranker = bm25.Bm25(synthetic.table_of_texts(TOKENIZER, TEXTS), TOKENIZER)
  queries = ["wa", "wb", "wd", "nd", "nb", "nd .", ". wa"]
  whole = ranker.retrieve(queries, 5).rows
  assert whole[3].tolist() == [3, 4, -1, -1, -1]
  for k in (1, 2, 3):
    rows = ranker.retrieve(queries, k).rows
    np.testing.assert_array_equal(rows, whole[:, :k])
  assert ranker.retrieve([], 2).rows.shape == (0, 2)


def test_unknown_words_find_nothing():
  table = synthetic.table_of_texts(
    TOKENIZER, [("na", "unheard wa"), ("nb", "wa")]
  )
  ranker = bm25.Bm25(table, TOKENIZER)
  found = ranker.retrieve(["alien", "alien nb", "alien wa"], 2).rows
  assert found[:2].tolist() == [[-1, -1], [1, -1]]
  assert sorted(found[2]) == [0, 1]


def test_a_corpus_without_a_known_word_has_nothing_to_find():
  table = synthetic.table_of_texts(TOKENIZER, [("alien", "unheard")])
  ranker = bm25.Bm25(table, TOKENIZER)
  assert ranker.retrieve(["wa", "alien"], 1).rows.tolist() == [[-1], [-1]]
  terms = TOKENIZER.tokenize(tf.constant(["wa"])).to_tensor()
  assert ranker.searcher.score(terms, tf.constant([[0]])).numpy() == 0


# Few words, so that some are in nearly all passages and some in one.
_WORDS = [f"w{letter}" for letter in "aaaaaabbbcdefg"]
_TEXT = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=9).map(" ".join)


@hypothesis.settings(
  max_examples=60,
  deadline=None,
  suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
  st.lists(_TEXT, min_size=1, max_size=23),
  st.lists(_TEXT | st.just(""), min_size=1, max_size=3),
  st.integers(1, 30),
  st.sampled_from([0, 1, 10_000]),
)
def test_what_is_skipped_is_not_among_the_best(
  small_blocks, bodies, queries, k, cost
):
  texts = [("na", body) for body in bodies]
  table = synthetic.table_of_texts(TOKENIZER, texts)
  with pytest.MonkeyPatch.context() as patched:
    # Common terms are looked up, or their whole lists are read.
    patched.setattr(bm25_searcher, "LOOK_UP_COST", cost)
    patched.setattr(bm25_searcher, "BLOCKS_AT_ONCE", 2)
    searcher = bm25_searcher.Bm25Searcher.build(table, TOKENIZER)
    terms = TOKENIZER.tokenize(tf.constant(queries)).to_tensor()
    scores, rows, valid = searcher.search(terms, k)
  every_row = tf.tile(tf.range(len(texts))[None], [len(queries), 1])
  every_score = searcher.score(terms, every_row).numpy()
  for number, query in enumerate(queries):
    expected = scores_by_hand(texts, query)
    np.testing.assert_allclose(every_score[number], expected, rtol=1e-5)
    wanted = min(k, np.count_nonzero(expected))
    assert valid[number].numpy().tolist() == [True] * wanted + [False] * (
      k - wanted
    )
    found = rows[number, :wanted].numpy()
    assert np.all(rows[number, wanted:] == -1)
    assert np.all(np.isneginf(scores[number, wanted:]))
    best = scores[number, :wanted].numpy()
    np.testing.assert_allclose(best, -np.sort(-expected)[:wanted], rtol=1e-5)
    np.testing.assert_allclose(best, expected[found], rtol=1e-5)
    same = np.flatnonzero(best[1:] == best[:-1])
    assert np.all(found[same] < found[same + 1])


def test_a_saved_model_searches_by_tensorflow_s_own_operations(tmp_path):
  table = synthetic.table_of_texts(TOKENIZER, TEXTS)
  searcher = bm25_searcher.Bm25Searcher.build(table, TOKENIZER)
  terms = TOKENIZER.tokenize(tf.constant(["wa nb", "wd"])).to_tensor()
  expected = searcher.search(terms, 3)
  module = tf.Module()
  module.searcher = searcher.in_variables()
  module.search = tf.function(
    lambda token_ids: module.searcher.search(token_ids, 3),
    input_signature=[tf.TensorSpec([None, None], tf.int32)],
    autograph=False,
  )
  tf.saved_model.save(module, str(tmp_path / "saved"))
  loaded = tf.saved_model.load(str(tmp_path / "saved"))
  for found, wanted in zip(loaded.search(terms), expected, strict=True):
    np.testing.assert_array_equal(found, wanted)
  ops = graph_ops.list_ops(loaded.search.concrete_functions[0])
  assert not {op for op in ops if "PyFunc" in op or "Scann" in op}
