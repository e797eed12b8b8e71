"""BM25 over wordpieces: the sparse baseline of the paper's Table 1."""

from collections.abc import Sequence

import tensorflow as tf

from realm_tf.answering.retrievers import bm25_searcher
from realm_tf.answering.retrievers import retriever
from realm_tf.data.corpus import passage_table
from realm_tf.text import wordpiece

# Texts that are searched for at once.
BATCH_QUERIES = 32


class Bm25:
  """Okapi BM25, exact; see `retriever.Retriever`.

  Attributes:
    searcher: What searches.
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
    self.searcher = bm25_searcher.Bm25Searcher.build(
      passages, tokenizer, k1=k1, b=b
    )
    self._tokenizer = tokenizer
    self._retrieve = tf.function(
      lambda texts, k: self.search(texts, None, k),
      autograph=False,
      reduce_retracing=True,
    )

  def search(
    self, questions: tf.Tensor, embeddings: tf.Tensor | None, k: int
  ) -> retriever.Found:
    """Searches by the words of questions; see `retriever.Retriever`."""
    del embeddings
    return self.searcher.search(self.tokenize(questions), k)

  def tokenize(self, questions: tf.Tensor) -> tf.Tensor:
    """Returns all wordpieces of texts <string>[batch], padded with 0.

    Returns:
      <int32>[batch, L].
    """
    with tf.device("/cpu:0"):
      return self._tokenizer.tokenize(questions).to_tensor()

  def retrieve(self, texts: Sequence[str], k: int) -> retriever.Retrieved:
    """Returns the k best passages of each query.

    Args:
      texts: Queries.
      k: Passages wanted, at most as many as there are.

    Returns:
      The best; of equal scores, in the corpus's order. None where no more
      passages have a wordpiece of the query.
    """
    return retriever.in_batches(
      lambda batch: self._retrieve(batch, k), texts, BATCH_QUERIES
    )
