"""Joins dense retrieval and BM25, in the graph."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from realm_tf.answering.retrievers import bm25_searcher
from realm_tf.answering.retrievers import hybrid_settings
from realm_tf.answering.retrievers import retriever
from realm_tf.answering.retrievers import retriever_names

# Passages that each retriever proposes for a question, at least.
DEPTH = 100
_RANK_OFFSET = 60.0  # Cormack et al., 2009


class Candidates(NamedTuple):
  """What both retrievers propose, c passages a question.

  Attributes:
    rows: <int32>[batch, c]. Rows of the corpus.
    dense: <float32>[batch, c]. Inner products of question and passage.
    sparse: <float32>[batch, c]. Scores by BM25.
    valid: <bool>[batch, c]. Whether a place holds a passage, each once.
  """

  rows: tf.Tensor
  dense: tf.Tensor
  sparse: tf.Tensor
  valid: tf.Tensor


class HybridSearcher(tf.Module):
  """Returns the passages with the best joined scores.

  The candidates are the best of both retrievers. Each of them has both scores,
  whichever retriever proposed it.
  """

  def __init__(
    self,
    dense: Callable[[tf.Tensor, int], retriever.Found],
    embeddings: tf.Tensor | tf.Variable,
    bm25: bm25_searcher.Bm25Searcher,
  ):
    """Takes the parts.

    Args:
      dense: Searches the index; see `searchers.Searcher.search`.
      embeddings: <floating>[N, D]. Of the index.
      bm25: Over the same corpus.
    """
    super().__init__(name="hybrid_searcher")
    self._dense = dense
    self._embeddings = embeddings
    self._bm25 = bm25

  def search(
    self,
    token_ids: tf.Tensor,
    embeddings: tf.Tensor,
    k: int,
    settings: hybrid_settings.HybridSettings,
  ) -> retriever.Found:
    """Returns the k best passages of each question, best first.

    Args:
      token_ids: <int32>[batch, L]. Wordpieces of questions, padded.
      embeddings: <float32>[batch, D]. Of the questions.
      k: Results a question; static.
      settings: How scores are joined.

    Returns:
      Joined scores <float32>[batch, k], rows <int32>[batch, k] and validity
      <bool>[batch, k]; -inf and -1 where there are fewer passages.
    """
    with tf.device("/cpu:0"):
      found = self.candidates(token_ids, embeddings, max(k, DEPTH))
      joined = join(found, settings)
      scores, places = tf.math.top_k(joined, k)
      rows = tf.gather(found.rows, places, batch_dims=1)
      valid = scores > float("-inf")
      return scores, tf.where(valid, rows, -1), valid

  def candidates(
    self, token_ids: tf.Tensor, embeddings: tf.Tensor, depth: int
  ) -> Candidates:
    """Returns what the retrievers propose, 2 `depth` places a question.

    Args:
      token_ids: As for `search`.
      embeddings: As for `search`.
      depth: Passages that each retriever proposes for a question; static.
    """
    with tf.device("/cpu:0"):
      _, by_vectors, dense_valid = self._dense(embeddings, depth)
      sparse, by_words, sparse_valid = self._bm25.search(token_ids, depth)
      rows = tf.concat([by_vectors, by_words], axis=1)
      valid = _once(rows) & tf.concat([dense_valid, sparse_valid], axis=1)
      rows = tf.maximum(rows, 0)
      vectors = tf.cast(tf.gather(self._embeddings, rows), tf.float32)
      dense = tf.linalg.matvec(vectors, embeddings)
      looked_up = self._bm25.score(token_ids, rows[:, :depth])
      return Candidates(
        rows, dense, tf.concat([looked_up, sparse], axis=1), valid
      )


def join(
  found: Candidates, settings: hybrid_settings.HybridSettings
) -> tf.Tensor:
  """Joins the two scores of each candidate.

  Args:
    found: The candidates.
    settings: How.

  Returns:
    <float32>[batch, c]. -inf for none.
  """
  normalize = _NORMALIZE[settings.method]
  dense = normalize(found.dense, found.valid)
  sparse = normalize(found.sparse, found.valid)
  joined = settings.weight * dense + (1 - settings.weight) * sparse
  return tf.where(found.valid, joined, float("-inf"))


def _once(rows: tf.Tensor) -> tf.Tensor:
  """Returns whether a row comes for the first time in its question.

  Args:
    rows: <int32>[batch, c].

  Returns:
    <bool>[batch, c].
  """
  order = tf.argsort(rows, axis=1, stable=True)
  ascending = tf.gather(rows, order, batch_dims=1)
  first = tf.pad(
    ascending[:, 1:] != ascending[:, :-1],
    [[0, 0], [1, 0]],
    constant_values=True,
  )
  return tf.gather(first, tf.argsort(order, axis=1), batch_dims=1)


def _standard_scores(scores: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
  """Returns scores with mean 0 and variance 1 over the valid ones.

  Args:
    scores: <float32>[batch, c].
    valid: <bool>[batch, c].

  Returns:
    <float32>[batch, c]. 0 where all are equal.
  """
  scores = tf.where(valid, scores, 0.0)
  mean, variance = tf.nn.weighted_moments(
    scores, [1], tf.cast(valid, tf.float32), keepdims=True
  )
  deviation = tf.sqrt(tf.maximum(variance, 0.0))
  return tf.math.divide_no_nan(scores - mean, deviation)


def _reciprocal_ranks(scores: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
  """Returns 1 / (60 + rank) among the valid scores, ranks from 1."""
  scores = tf.where(valid, scores, float("-inf"))
  order = tf.argsort(scores, axis=1, direction="DESCENDING", stable=True)
  rank = tf.cast(tf.argsort(order, axis=1) + 1, tf.float32)
  return 1 / (_RANK_OFFSET + rank)


_NORMALIZE = {
  retriever_names.CONVEX: _standard_scores,
  retriever_names.RECIPROCAL_RANKS: _reciprocal_ranks,
}
