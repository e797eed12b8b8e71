import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering.retrievers import bm25
from realm_tf.answering.retrievers import dense
from realm_tf.answering.retrievers import hybrid
from realm_tf.answering.retrievers import hybrid_searcher
from realm_tf.answering.retrievers import hybrid_settings
from realm_tf.index.search import exact
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()
TEXTS = [
  ("na", "wa wb wc"),
  ("nb", "wb wb"),
  ("nc", "wd"),
  ("nd", "wa wd we"),
  ("ne", "wf"),
  ("nf", "wg wa"),
]
VECTORS = np.array(
  [[1, 0], [0, 1], [2, 1], [-1, 0], [0.5, 0.5], [0, -1]], np.float16
)


def settings(weight, method="convex"):
  return hybrid_settings.HybridSettings(weight=weight, method=method)


def candidates(dense_scores, sparse_scores, valid):
  return hybrid_searcher.Candidates(
    tf.range(len(valid))[None],
    tf.constant([dense_scores], tf.float32),
    tf.constant([sparse_scores], tf.float32),
    tf.constant([valid]),
  )


def test_scores_are_normalised_over_the_valid_candidates_then_weighed():
  found = candidates([1, 3, 5, 99], [4, 0, 2, 99], [True, True, True, False])
  joined = hybrid_searcher.join(found, settings(0.75)).numpy()
  # Mean 3 and variance 8/3; mean 2 and variance 8/3.
  unit = 2 / np.sqrt(8 / 3)
  np.testing.assert_allclose(
    joined,
    [[0.75 * -unit + 0.25 * unit, 0.25 * -unit, 0.75 * unit, -np.inf]],
    rtol=1e-5,
    atol=1e-6,
  )


def test_equal_scores_add_nothing():
  found = candidates([2, 2], [1, 0], [True, True])
  joined = hybrid_searcher.join(found, settings(0.9)).numpy()
  np.testing.assert_allclose(joined, [[0.1, -0.1]], rtol=1e-5)


def test_ranks_are_among_the_valid_candidates():
  found = candidates([1, 3, 99, 5], [4, 0, 99, 2], [True, True, False, True])
  joined = hybrid_searcher.join(found, settings(0.75, "reciprocal_ranks"))
  np.testing.assert_allclose(
    joined.numpy(),
    [
      [
        0.75 / 63 + 0.25 / 61,
        0.75 / 62 + 0.25 / 63,
        -np.inf,
        0.75 / 61 + 0.25 / 62,
      ]
    ],
    rtol=1e-6,
  )


@pytest.fixture(scope="module")
def words():
  return bm25.Bm25(synthetic.table_of_texts(TOKENIZER, TEXTS), TOKENIZER)


@pytest.fixture
def retriever(words):
  def embed(token_ids):
    return tf.repeat([[1.0, 0.5]], tf.shape(token_ids)[0], axis=0)

  by_vectors = dense.DenseRetriever(
    embed,
    exact.ExactSearcher(tf.Variable(VECTORS)).search,
    TOKENIZER,
    query_length=8,
    index="index/7",
    step=7,
  )
  return hybrid.Hybrid(by_vectors, tf.constant(VECTORS), words, settings(0.5))


def test_each_candidate_has_both_scores_once(retriever, words, monkeypatch):
  monkeypatch.setattr(hybrid_searcher, "DEPTH", 3)
  [found] = retriever.candidates(["wa nb", "zz"])
  inner = VECTORS.astype(np.float32) @ [1.0, 0.5]
  proposed = [{2, 0, 4}, {2, 0, 4}]
  by_words = words.retrieve(["wa nb", "zz"], 6)
  for number, rows in enumerate(by_words.rows):
    scores = dict(zip(rows, by_words.scores[number], strict=True))
    proposed[number] |= {row for row in rows[:3] if row >= 0}
    valid = found.valid[number].numpy()
    places = found.rows[number].numpy()[valid]
    assert sorted(places) == sorted(proposed[number])
    np.testing.assert_allclose(
      found.dense[number].numpy()[valid], inner[places], rtol=1e-5
    )
    np.testing.assert_allclose(
      found.sparse[number].numpy()[valid],
      [scores.get(row, 0.0) for row in places],
      rtol=1e-5,
    )


def test_the_weight_goes_from_words_to_vectors(retriever, words):
  inner = VECTORS.astype(np.float32) @ [1.0, 0.5]
  retriever.use(settings(1.0))
  found = retriever.retrieve(["wa nb"] * 40, 8)
  assert found.rows.shape == found.scores.shape == (40, 8)
  assert found.rows[39].tolist() == [*np.argsort(-inner, kind="stable"), -1, -1]
  assert np.isneginf(found.scores[39, 6:]).all()
  retriever.use(settings(0.0))
  alone = words.retrieve(["wa nb"], 4).rows[0]
  assert alone.min() >= 0
  found = retriever.retrieve(["wa nb"], 4)
  assert found.rows[0].tolist() == alone.tolist()


def test_all_passages_of_a_small_corpus_are_candidates(retriever, words):
  retriever.use(settings(0.6))
  found = retriever.retrieve(["wa nb"], 6)
  by_words = words.retrieve(["wa nb"], 4)
  sparse = np.zeros(6)
  sparse[by_words.rows[0]] = by_words.scores[0]
  inner = VECTORS.astype(np.float32) @ [1.0, 0.5]
  joined = sum(
    weight * (scores - scores.mean()) / scores.std()
    for weight, scores in ((0.6, inner), (0.4, sparse))
  )
  assert found.rows[0].tolist() == np.argsort(-joined).tolist()
  np.testing.assert_allclose(found.scores[0], -np.sort(-joined), rtol=1e-4)
  assert (retriever.index, retriever.step) == ("index/7", 7)


def test_what_makes_no_sense_is_refused():
  for weight in (-0.1, 1.5, float("nan")):
    with pytest.raises(errors.UserError, match="hybrid_weight="):
      settings(weight)
  with pytest.raises(errors.UserError, match="hybrid_method=sum"):
    settings(0.5, "sum")
