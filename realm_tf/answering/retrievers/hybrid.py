"""Hybrid retrieval: by embeddings and by words."""

from collections.abc import Iterator
from collections.abc import Sequence

import tensorflow as tf

from realm_tf.answering.retrievers import bm25 as bm25_retrieval
from realm_tf.answering.retrievers import dense as dense_retrieval
from realm_tf.answering.retrievers import hybrid_searcher
from realm_tf.answering.retrievers import hybrid_settings
from realm_tf.answering.retrievers import retriever

_BATCH = 32


class Hybrid:
  """Joins the model's retriever and BM25; see `retriever.Retriever`.

  Attributes:
    index: That of the model's retriever.
    step: Of the weights that embed queries.
    settings: How the scores are joined.
  """

  # A passage has a score f(x, z), whichever retriever proposed it.
  trained_with_reader = True

  def __init__(
    self,
    dense: dense_retrieval.DenseRetriever,
    embeddings: tf.Tensor,
    bm25: bm25_retrieval.Bm25,
    settings: hybrid_settings.HybridSettings,
  ):
    """Takes the parts.

    Args:
      dense: The model's retriever.
      embeddings: <floating>[N, D]. Of its index.
      bm25: Over the same corpus.
      settings: How scores are joined.
    """
    self._dense = dense
    self._bm25 = bm25
    self._searcher = hybrid_searcher.HybridSearcher(
      dense.search_vectors, embeddings, bm25.searcher
    )
    self.index = dense.index
    self.step = dense.step
    self.use(settings)
    self._propose = tf.function(
      lambda questions, embeddings: self._searcher.candidates(
        bm25.tokenize(questions), embeddings, hybrid_searcher.DEPTH
      ),
      autograph=False,
      reduce_retracing=True,
    )

  def use(self, settings: hybrid_settings.HybridSettings) -> None:
    """Joins scores otherwise from now on."""
    self.settings = settings
    self._search = tf.function(
      self.search, autograph=False, reduce_retracing=True
    )

  def retrieve(self, texts: Sequence[str], k: int) -> retriever.Retrieved:
    """See `retriever.Retriever`."""
    return retriever.in_batches(
      lambda batch: self._search(batch, self._dense.embed_batch(batch), k),
      texts,
      _BATCH,
    )

  def search(
    self, questions: tf.Tensor, embeddings: tf.Tensor, k: int
  ) -> retriever.Found:
    """Searches by embeddings and by words; see `retriever.Retriever`."""
    return self._searcher.search(
      self._bm25.tokenize(questions), embeddings, k, self.settings
    )

  def candidates(
    self, texts: Sequence[str]
  ) -> Iterator[hybrid_searcher.Candidates]:
    """Yields what both retrievers propose, for some questions at a time."""
    for batch in retriever.batches(texts, _BATCH):
      questions = tf.constant(batch, tf.string)
      yield self._propose(questions, self._dense.embed_batch(questions))
