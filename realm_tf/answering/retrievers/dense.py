"""Dense retrieval: maximum inner product search with an embedded query."""

from collections.abc import Callable
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.answering.retrievers import retriever
from realm_tf.data.examples import packing
from realm_tf.text import wordpiece

_BATCH = 256


class DenseRetriever:
  """Retrieves from an index version; see `retriever.Retriever`."""

  trained_with_reader = True

  def __init__(
    self,
    embed: Callable[[tf.Tensor], tf.Tensor],
    search: Callable[[tf.Tensor, int], tuple[tf.Tensor, tf.Tensor, tf.Tensor]],
    tokenizer: wordpiece.Tokenizer,
    query_length: int,
    index: str = "",
  ):
    """Takes the parts.

    Args:
      embed: The query embedder, from <int32>[batch, query_length] to
        <float32>[batch, D].
      search: The version's searcher; see `searchers.Searcher.search`.
      tokenizer: Of the corpus.
      query_length: Wordpieces of a query, [CLS] and [SEP] included.
      index: Folder of the index version.
    """
    self._embed = embed
    self._search = search
    self._tokenizer = tokenizer
    self._query_length = query_length
    self.index = index

  def embed(self, texts: Sequence[str]) -> np.ndarray:
    """Returns the embeddings of queries, <float32>[texts, D]."""
    return np.concatenate(
      [self._embed_batch(batch).numpy() for batch in _batches(texts)]
    )

  def retrieve(self, texts: Sequence[str], k: int) -> retriever.Retrieved:
    """See `retriever.Retriever`."""
    rows, scores = [], []
    for batch in _batches(texts):
      best, places, valid = self._search(self._embed_batch(batch), k)
      rows.append(tf.where(valid, places, -1).numpy())
      scores.append(tf.where(valid, best, -np.inf).numpy())
    return retriever.Retrieved(np.concatenate(rows), np.concatenate(scores))

  def _embed_batch(self, texts: Sequence[str]) -> tf.Tensor:
    token_ids = packing.pack_queries(
      self._tokenizer.tokenize(tf.constant(texts, tf.string)),
      self._query_length,
      self._tokenizer,
    )
    return self._embed(token_ids)


def _batches(texts: Sequence[str]) -> list[list[str]]:
  """Cuts texts into batches; no text at all is one empty batch."""
  return [
    list(texts[first : first + _BATCH])
    for first in range(0, max(len(texts), 1), _BATCH)
  ]
