"""The retrievers of one corpus, by name."""

import functools
from collections.abc import Sequence

import numpy as np

from realm_tf import errors
from realm_tf.answering.retrievers import bm25
from realm_tf.answering.retrievers import retriever
from realm_tf.answering.retrievers import retriever_names
from realm_tf.data.corpus import passage_table
from realm_tf.text import wordpiece


class RetrieverSet:
  """The retrievers of one corpus, by name; BM25's is made on first use."""

  def __init__(
    self,
    passages: passage_table.PassageTable,
    tokenizer: wordpiece.Tokenizer,
    dense: retriever.Retriever | None,
  ):
    """Takes the model's retriever.

    Args:
      passages: The corpus.
      tokenizer: Of the corpus.
      dense: The model's; None if it will not be asked.
    """
    self._passages = passages
    self._tokenizer = tokenizer
    self._dense = dense

  def __getitem__(self, name: str) -> retriever.Retriever:
    """Returns a retriever.

    Args:
      name: One of `retriever_names.RETRIEVERS`.

    Raises:
      errors.UserError: If there is none of this name.
    """
    makers = {
      retriever_names.DENSE: lambda: self._dense,
      retriever_names.BM25: lambda: self._bm25,
    }
    found = makers[name]() if name in makers else None
    if found is None:
      raise errors.UserError(
        f"retriever={name} must be one of {', '.join(makers)}."
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
  def _bm25(self) -> bm25.Bm25:
    return bm25.Bm25(self._passages, self._tokenizer)
