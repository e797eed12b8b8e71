"""The retrievers of one corpus, by name."""

import functools
from collections.abc import Callable
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering.retrievers import bm25
from realm_tf.answering.retrievers import dense as dense_retrieval
from realm_tf.answering.retrievers import hybrid
from realm_tf.answering.retrievers import hybrid_settings
from realm_tf.answering.retrievers import retriever
from realm_tf.answering.retrievers import retriever_names
from realm_tf.data.corpus import passage_table
from realm_tf.text import wordpiece


class RetrieverSet:
  """The retrievers of one corpus, by name; made on first use.

  Attributes:
    bm25: By words.
    hybrid: By both; None without the model's retriever.
  """

  def __init__(
    self,
    passages: passage_table.PassageTable,
    tokenizer: wordpiece.Tokenizer,
    dense: dense_retrieval.DenseRetriever | None,
    embeddings: Callable[[], tf.Tensor | np.ndarray] | None = None,
    settings: hybrid_settings.HybridSettings | None = None,
    by_words: Callable[[], bm25.Bm25] | None = None,
  ):
    """Takes the model's retriever.

    Args:
      passages: The corpus.
      tokenizer: Of the corpus.
      dense: The model's; None if it will not be asked.
      embeddings: Gives those of its index, <floating>[N, D]; None if the hybrid
        retriever will not be asked.
      settings: Of the hybrid retriever; None for the defaults.
      by_words: Gives BM25 where others share it; None to make it here.
    """
    self._passages = passages
    self._tokenizer = tokenizer
    self._dense = dense
    self._embeddings = embeddings
    self._settings = settings or hybrid_settings.HybridSettings()
    self._by_words = by_words

  def __getitem__(self, name: str) -> retriever.Retriever:
    """Returns a retriever.

    Args:
      name: One of `retriever_names.RETRIEVERS`.

    Raises:
      errors.UserError: If there is none of this name.
    """
    makers = {
      retriever_names.DENSE: lambda: self._dense,
      retriever_names.BM25: lambda: self.bm25,
      retriever_names.HYBRID: lambda: self.hybrid,
    }
    if name not in makers:
      raise errors.UserError(
        f"retriever={name} must be one of {', '.join(makers)}."
      )
    found = makers[name]()
    if found is None:
      raise errors.UserError(
        f"retriever={name} needs a retriever of the run's own, and it has none "
        f"here: take {retriever_names.BM25}."
      )
    return found

  def retrieve(
    self, questions: Sequence[str], k: int, name: str
  ) -> retriever.Retrieved:
    """Retrieves passages; fewer than k where the corpus has no more.

    Args:
      questions: Their texts.
      k: Passages a question.
      name: One of `retriever_names.RETRIEVERS`.

    Raises:
      errors.UserError: If the retriever is unknown.
    """
    return self[name].retrieve(questions, min(k, len(self._passages)))

  def ids(self, rows: np.ndarray) -> tuple[str, ...]:
    """Returns the ids of passages.

    Args:
      rows: <int>[k]. Rows of the corpus; -1 for none, which are left out.
    """
    return tuple(self._passages.ids[row].decode() for row in rows if row >= 0)

  @functools.cached_property
  def bm25(self) -> bm25.Bm25:
    """The retriever by words."""
    if self._by_words is not None:
      return self._by_words()
    return bm25.Bm25(self._passages, self._tokenizer)

  @property
  def hybrid_settings(self) -> hybrid_settings.HybridSettings:
    """How the hybrid retriever joins scores."""
    return self._settings

  @functools.cached_property
  def hybrid(self) -> hybrid.Hybrid | None:
    """The retriever by both; None without the model's retriever."""
    if self._dense is None or self._embeddings is None:
      return None
    with tf.device("/cpu:0"):
      embeddings = tf.convert_to_tensor(self._embeddings())
    return hybrid.Hybrid(self._dense, embeddings, self.bm25, self._settings)
