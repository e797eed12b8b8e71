"""BM25 over wordpieces: the sparse baseline of the paper's Table 1."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse
import tensorflow as tf

from realm_tf.answering.retrievers import retriever
from realm_tf.data.corpus import passage_table
from realm_tf.text import wordpiece

_BATCH = 256
# Scores that are held at once: 5 queries of 13 million passages.
_MOST_SCORES = 1 << 26


class Bm25:
  """Okapi BM25 (Robertson and Zaragoza, 2009), exact, as one sparse product.

  The weight of each term in each passage is known beforehand, so that the
  scores of many queries are a product of two sparse matrices. See
  `retriever.Retriever`.
  """

  trained_with_reader = False
  index = ""

  def __init__(
    self,
    passages: passage_table.PassageTable,
    tokenizer: wordpiece.Tokenizer,
    *,
    k1: float = 0.9,
    b: float = 0.4,
  ):
    """Weighs the terms of title and body.

    Args:
      passages: The corpus.
      tokenizer: Of the corpus; its wordpieces are the terms.
      k1: Saturation of a term's count; Anserini's default.
      b: How much longer passages are discounted; Anserini's default.
    """
    self._tokenizer = tokenizer
    rows = np.concatenate(
      [
        np.repeat(np.arange(len(passages)), part.lengths)
        for part in (passages.title_ids, passages.body_ids)
      ]
    )
    terms = np.concatenate(
      [passages.title_ids.values, passages.body_ids.values]
    )
    counts = scipy.sparse.csr_matrix(
      (np.ones(len(terms), np.float32), (rows, terms.astype(np.int64))),
      shape=(len(passages), tokenizer.vocab_size),
    )  # duplicates are summed
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    holding = np.bincount(counts.indices, minlength=tokenizer.vocab_size)
    idf = np.log1p((len(passages) - holding + 0.5) / (holding + 0.5))
    discount = k1 * (1 - b + b * lengths / lengths.mean())
    tf_part = counts.data * (k1 + 1)
    tf_part /= counts.data + np.repeat(discount, np.diff(counts.indptr))
    counts.data = (tf_part * idf[counts.indices]).astype(np.float32)
    self._weights = counts.T.tocsr()  # [terms, passages]

  def retrieve(self, texts: Sequence[str], k: int) -> retriever.Retrieved:
    """Returns the k best passages of each query.

    Args:
      texts: Queries.
      k: Passages wanted, at most as many as there are.

    Returns:
      The best; of equal scores, in the corpus's order. None where no more
      passages have a wordpiece of the query.
    """
    rows = np.full([len(texts), k], -1, np.int64)
    scores = np.full([len(texts), k], -np.inf, np.float32)
    size = min(_BATCH, max(1, _MOST_SCORES // self._weights.shape[1]))
    for first in range(0, len(texts), size):
      ids = self._tokenizer.tokenize(tf.constant(texts[first : first + size]))
      terms = ids.flat_values.numpy()
      queries = scipy.sparse.csr_matrix(
        (
          # Unknown words have nothing in common.
          (terms != self._tokenizer.unk_id).astype(np.float32),
          (ids.value_rowids().numpy(), terms),
        ),
        shape=(int(ids.nrows()), self._tokenizer.vocab_size),
      )
      queries.eliminate_zeros()
      products = queries @ self._weights  # only of passages with a common term
      for number, product in enumerate(products, start=first):
        best = _best(product.data, product.indices, k)
        rows[number, : len(best)] = product.indices[best]
        scores[number, : len(best)] = product.data[best]
    return retriever.Retrieved(rows, scores)


def _best(scores: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
  """Returns the places of the k largest scores; of equal ones, lower rows."""
  places = np.arange(len(scores))
  if len(scores) > k:
    least = np.partition(scores, -k)[-k]
    places = places[scores >= least]
  return places[np.lexsort((rows[places], -scores[places]))[:k]]
