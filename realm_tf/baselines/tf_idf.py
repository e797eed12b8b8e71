"""TF-IDF over hashed bigrams: the retriever of DrQA (Chen et al., 2017).

The words are BM25's, the corpus's wordpieces. Single words and pairs of
neighbours are hashed into 2^24 buckets; a text's weight of a bucket is
log(1 + count) log((N - n + 0.5) / (n + 0.5)), or 0 if that is negative, where n
of N passages hold the bucket, and a score the inner product of the weights of
question and passage. DrQA leaves stop words out; here their low weight does so.
"""

from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np
import scipy.sparse
import tensorflow as tf

from realm_tf.answering.retrievers import retriever
from realm_tf.data.corpus import passage_table
from realm_tf.text import wordpiece

BUCKETS = 1 << 24
_AT_ONCE = 64  # questions


class TfIdf:
  """Retrieves passages by their words and bigrams."""

  def __init__(
    self,
    passages: passage_table.PassageTable,
    tokenizer: wordpiece.Tokenizer,
    *,
    buckets: int = BUCKETS,
  ):
    """Counts and weighs the corpus.

    Args:
      passages: The corpus; no bigram runs from a title into its body.
      tokenizer: Of the corpus.
      buckets: That words and bigrams are hashed into.
    """
    self._tokenizer = tokenizer
    self._buckets = buckets
    counts = self._count(passages.title_ids) + self._count(passages.body_ids)
    num_rows = len(passages)
    holding = np.bincount(counts.indices, minlength=buckets)
    idf = np.log((num_rows - holding + 0.5) / (holding + 0.5))
    self._idf = np.maximum(idf, 0).astype(np.float32)
    # Bucket by bucket, as a question reads it.
    self._weights = self._weigh(counts).T.tocsr()

  def retrieve(self, texts: Sequence[str], k: int) -> retriever.Retrieved:
    """Returns the k best passages of each question.

    Args:
      texts: Questions.
      k: Passages wanted, at most as many as there are.

    Returns:
      The best; of equal scores, in the corpus's order. None where no more
      passages have anything in common with the question.
    """
    rows = np.full([len(texts), k], -1, np.int64)
    best = np.full([len(texts), k], -np.inf, np.float32)
    for i, scores in enumerate(self.scores(texts)):
      found = best_rows(scores, k)
      rows[i, : len(found)] = found
      best[i, : len(found)] = scores[found]
    return retriever.Retrieved(rows, best)

  def scores(self, texts: Sequence[str]) -> Iterator[np.ndarray]:
    """Yields the scores of all passages, <float32>[passages], of each question.

    Args:
      texts: Questions.
    """
    for batch in retriever.batches(texts, _AT_ONCE):
      ids = self._tokenizer.tokenize(tf.constant(batch, tf.string))
      rows = passage_table.TokenRows(
        ids.values.numpy(), ids.row_splits.numpy().astype(np.int64)
      )
      queries = self._weigh(self._count(rows))
      yield from (queries @ self._weights).toarray()

  def _count(self, texts: passage_table.TokenRows) -> scipy.sparse.csr_matrix:
    """Returns how often texts hold each bucket, <float32>[texts, buckets]."""
    terms = texts.values.astype(np.uint64)
    text = np.repeat(np.arange(len(texts)), texts.lengths)
    known = terms != self._tokenizer.unk_id
    pairs = known[:-1] & known[1:] & (text[:-1] == text[1:])
    # A word alone is a pair whose first is none.
    first, second = terms[:-1][pairs] + np.uint64(1), terms[1:][pairs]
    keys = np.concatenate([terms[known], first << np.uint64(32) | second])
    rows = np.concatenate([text[known], text[:-1][pairs]])
    buckets = (_mix(keys) % np.uint64(self._buckets)).astype(np.int64)
    ones = np.ones(len(keys), np.float32)
    shape = (len(texts), self._buckets)
    # What stands twice is added.
    return scipy.sparse.csr_matrix((ones, (rows, buckets)), shape)

  def _weigh(self, counts: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    weights = np.log1p(counts.data) * self._idf[counts.indices]
    return scipy.sparse.csr_matrix(
      (weights, counts.indices, counts.indptr), counts.shape
    )


def best_rows(scores: np.ndarray, k: int) -> np.ndarray:
  """Returns the places of the k best scores above 0, best first, <int64>[<=k].

  Args:
    scores: <float32>[n]. Of equal ones, the first is the best.
    k: At least 1.
  """
  # Only what could be among the best is sorted.
  k = min(k, len(scores))
  least = np.partition(scores, -k)[-k] if k else 0
  places = np.flatnonzero((scores > 0) & (scores >= least))
  return places[np.argsort(-scores[places], kind="stable")][:k]


def rank_rows(scores: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
  """Returns the k best of some rows, each once, best first, <int64>[<=k].

  Args:
    scores: <float32>[passages]. Those without a score come last.
    rows: <int64>[n].
    k: Rows wanted.
  """
  rows = np.unique(rows)
  return rows[np.argsort(-scores[rows], kind="stable")[:k]]


def _mix(keys: np.ndarray) -> np.ndarray:
  """Hashes <uint64>[n] by the finalizer of SplitMix64 (Steele et al., 2014)."""
  keys = (keys ^ keys >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
  keys = (keys ^ keys >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
  return keys ^ keys >> np.uint64(31)
