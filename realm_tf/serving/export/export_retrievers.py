"""The retrievers of an exported run."""

import tensorflow as tf

from realm_tf.answering import passage_memory
from realm_tf.answering.retrievers import bm25 as bm25_retrieval
from realm_tf.answering.retrievers import hybrid as hybrid_retrieval
from realm_tf.answering.retrievers import hybrid_searcher
from realm_tf.answering.retrievers import retriever
from realm_tf.answering.retrievers import retriever_set


class ServedRetriever(tf.Module):
  """Retrieves in a SavedModel; what it searches is in variables.

  Attributes:
    scores_passages: Whether f(x, z) is added to the scores of a passage's
      spans; see `retriever.Retriever.trained_with_reader`.
  """

  scores_passages = True

  def search(
    self, questions: tf.Tensor, embeddings: tf.Tensor, k: int
  ) -> retriever.Found:
    """Retrieves passages in the graph; see `retriever.Retriever`."""
    raise NotImplementedError


class ServedDense(ServedRetriever):
  """The run's own retriever."""

  def __init__(self, searcher: tf.Module, score_scale: float):
    """Takes the parts.

    Args:
      searcher: Of the index.
      score_scale: By which inner products become scores.
    """
    super().__init__(name="dense")
    self.searcher = searcher
    self._score_scale = score_scale

  def search(
    self, questions: tf.Tensor, embeddings: tf.Tensor, k: int
  ) -> retriever.Found:
    """See base class."""
    scores, rows, valid = self.searcher.search(embeddings, k)
    return self._score_scale * scores, rows, valid


class ServedBm25(ServedRetriever):
  """BM25."""

  scores_passages = bm25_retrieval.Bm25.trained_with_reader

  def __init__(self, bm25: bm25_retrieval.Bm25):
    """Puts the index into variables."""
    super().__init__(name="bm25")
    self.searcher = bm25.searcher.in_variables()
    self._tokenize = bm25.tokenize

  def search(
    self, questions: tf.Tensor, embeddings: tf.Tensor, k: int
  ) -> retriever.Found:
    """See base class."""
    return self.searcher.search(self._tokenize(questions), k)


class ServedHybrid(ServedRetriever):
  """The run's own retriever and BM25, joined."""

  scores_passages = hybrid_retrieval.Hybrid.trained_with_reader

  def __init__(
    self,
    searcher: tf.Module,
    memory: passage_memory.PassageMemory,
    retrievers: retriever_set.RetrieverSet,
  ):
    """Puts BM25's index into variables.

    Args:
      searcher: Of the run's own index.
      memory: The corpus, in variables.
      retrievers: The run's.
    """
    super().__init__(name="hybrid")
    self.dense = searcher
    self.bm25 = retrievers.bm25.searcher.in_variables()
    self._searcher = hybrid_searcher.HybridSearcher(
      searcher.search, memory.embeddings, self.bm25
    )
    self._settings = retrievers.hybrid_settings
    self._tokenize = retrievers.bm25.tokenize

  def search(
    self, questions: tf.Tensor, embeddings: tf.Tensor, k: int
  ) -> retriever.Found:
    """See base class."""
    token_ids = self._tokenize(questions)
    return self._searcher.search(token_ids, embeddings, k, self._settings)
