"""Dense retrieval: maximum inner product search with an embedded query."""

from collections.abc import Callable
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.answering.retrievers import retriever
from realm_tf.data.examples import packing
from realm_tf.text import wordpiece

# Texts that are embedded and searched for at once.
BATCH_QUERIES = 256


class DenseRetriever:
  """Retrieves from an index version; see `retriever.Retriever`.

  Attributes:
    search_vectors: Searches the version for embeddings.
    step: Of the weights that embed queries.
  """

  trained_with_reader = True

  def __init__(
    self,
    embed: Callable[[tf.Tensor], tf.Tensor],
    search: Callable[[tf.Tensor, int], retriever.Found],
    tokenizer: wordpiece.Tokenizer,
    query_length: int,
    index: str = "",
    step: int = 0,
  ):
    """Takes the parts.

    Args:
      embed: The query embedder, from <int32>[batch, query_length] to
        <float32>[batch, D].
      search: The version's searcher; see `searcher_base.Searcher.search`.
      tokenizer: Of the corpus.
      query_length: Wordpieces of a query, [CLS] and [SEP] included.
      index: Folder of the index version.
      step: Of the weights that embed queries.
    """
    self._embed = embed
    self.search_vectors = search
    self._tokenizer = tokenizer
    self._query_length = query_length
    self.index = index
    self.step = step

  def embed(self, texts: Sequence[str]) -> np.ndarray:
    """Returns the embeddings of queries, <float32>[texts, D]."""
    return np.concatenate(
      [
        self.embed_batch(tf.constant(batch, tf.string)).numpy()
        for batch in retriever.batches(texts, BATCH_QUERIES)
      ]
    )

  def embed_batch(self, texts: tf.Tensor) -> tf.Tensor:
    """Returns the embeddings of <string>[batch], <float32>[batch, D]."""
    token_ids = packing.pack_queries(
      self._tokenizer.tokenize(texts), self._query_length, self._tokenizer
    )
    return self._embed(token_ids)

  def retrieve(self, texts: Sequence[str], k: int) -> retriever.Retrieved:
    """See `retriever.Retriever`."""
    return retriever.in_batches(
      lambda batch: self.search(batch, self.embed_batch(batch), k),
      texts,
      BATCH_QUERIES,
    )

  def search(
    self, questions: tf.Tensor, embeddings: tf.Tensor, k: int
  ) -> retriever.Found:
    """Searches by the embeddings; see `retriever.Retriever`."""
    del questions
    return self.search_vectors(embeddings, k)
