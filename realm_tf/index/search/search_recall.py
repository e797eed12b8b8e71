"""Exact search, and a searcher's recall against it."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.index.search import searcher_base

_BLOCK_ROWS = 1 << 16


def exact_search(
  embeddings: Sequence[np.ndarray], queries: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
  """Scores everything, block by block.

  Args:
    embeddings: <floating>[n, D] each; together the index, in order.
    queries: <float32>[Q, D].
    k: Results wanted.

  Returns:
    Scores <float32>[Q, k'] and rows <int64>[Q, k'], best first, with
    k' = min(k, rows there are).
  """
  best_scores = np.empty([len(queries), 0], np.float32)
  best_rows = np.empty([len(queries), 0], np.int64)
  first = 0
  for part in embeddings:
    for start in range(0, len(part), _BLOCK_ROWS):
      block = np.asarray(part[start : start + _BLOCK_ROWS], np.float32)
      top = tf.math.top_k(
        tf.matmul(queries, block, transpose_b=True), k=min(k, len(block))
      )
      scores = np.concatenate([best_scores, top.values.numpy()], axis=1)
      rows = np.concatenate(
        [best_rows, top.indices.numpy() + first + start], axis=1
      )
      order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
      best_scores = np.take_along_axis(scores, order, axis=1)
      best_rows = np.take_along_axis(rows, order, axis=1)
    first += len(part)
  return best_scores, best_rows


def measure_recall(
  searcher: searcher_base.Searcher,
  embeddings: Sequence[np.ndarray],
  queries: np.ndarray,
  k: int,
) -> float:
  """Returns the share of the exact k best that the searcher returns.

  A result counts if its score, computed here, reaches the k-th best: passages
  that score the same are as good as one another.

  Args:
    searcher: Searches the same embeddings.
    embeddings: <floating>[n, D] each; together the index, in order.
    queries: <float32>[Q, D].
    k: Results asked of the searcher.
  """
  _, exact_rows = exact_search(embeddings, queries, k)
  _, rows, valid = searcher.search(tf.constant(queries), k)
  exact_scores = _scores(embeddings, queries, exact_rows)
  scores = _scores(embeddings, queries, np.where(valid, rows, 0))
  hits = valid.numpy() & (scores >= exact_scores.min(axis=1, keepdims=True))
  return float(hits.sum() / exact_rows.size)


def _scores(
  embeddings: Sequence[np.ndarray], queries: np.ndarray, rows: np.ndarray
) -> np.ndarray:
  """Returns <float32>[Q, k], the same for a pair wherever it stands."""
  found = gather_rows(embeddings, rows.ravel())
  found = found.reshape([*rows.shape, queries.shape[1]])
  return np.einsum("qkd,qd->qk", found, queries)


def gather_rows(
  embeddings: Sequence[np.ndarray], rows: np.ndarray
) -> np.ndarray:
  """Reads rows of an index.

  Args:
    embeddings: <floating>[n, D] each; together the index, in order.
    rows: <int>[m].

  Returns:
    <float32>[m, D].
  """
  offsets = np.cumsum([0, *(len(part) for part in embeddings)])
  result = np.empty([len(rows), embeddings[0].shape[1]], np.float32)
  parts = np.searchsorted(offsets, rows, side="right") - 1
  for part in np.unique(parts):
    here = parts == part
    result[here] = embeddings[part][rows[here] - offsets[part]]
  return result
