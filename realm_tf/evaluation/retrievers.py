"""The ways to find passages of one corpus: the model's own, and BM25."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from realm_tf import errors
from realm_tf.data import corpus as corpus_lib
from realm_tf.data import passages as passages_lib
from realm_tf.evaluation import bm25
from realm_tf.evaluation import recall
from realm_tf.evaluation import retriever_names as names
from realm_tf.text import tokenizer as tokenizer_lib


class Retrievers:
  """Finds passages for questions."""

  def __init__(
    self,
    passages: passages_lib.PassageTable,
    tokenizer: tokenizer_lib.Tokenizer,
    dense: recall.Retrieve | None,
  ):
    """Takes the model's retriever; that of BM25 is made when it is asked.

    Args:
      passages: The corpus.
      tokenizer: Of the corpus.
      dense: Searches the corpus's index; None if it will not be asked.
    """
    self._passages = passages
    self._tokenizer = tokenizer
    self._dense = dense

  def retrieve(
    self, questions: Sequence[str], k: int, retriever: str
  ) -> np.ndarray:
    """Returns the passages that are found for questions.

    Args:
      questions: Their texts.
      k: Passages a question; as many as there are at most.
      retriever: One of `retriever_names.RETRIEVERS`.

    Returns:
      <int>[questions, k], rows of the corpus, best first; -1 for none.

    Raises:
      errors.UserError: If there is no such retriever.
    """
    found: recall.Retrieve | None = None
    if retriever == names.DENSE:
      found = self._dense
    elif retriever == names.BM25:
      found = self._bm25.retrieve
    if found is None:
      raise errors.UserError(
        f"--retriever={retriever} must be one of {', '.join(names.RETRIEVERS)}."
      )
    return found(questions, min(k, len(self._passages)))

  def ids(self, rows: np.ndarray) -> tuple[str, ...]:
    """Returns the ids of passages.

    Args:
      rows: <int>[k]. Rows of the corpus; -1 for none, which are left out.
    """
    return tuple(self._passages.ids[row].decode() for row in rows if row >= 0)

  @functools.cached_property
  def _bm25(self) -> bm25.Bm25:
    return bm25.Bm25(self._passages, self._tokenizer)


@dataclasses.dataclass(frozen=True)
class LoadedRetrievers:
  """The retrievers of a run, without anything that reads.

  Attributes:
    retrievers: Find passages.
    corpus: That the passages are of.
    index: The index version's folder; "" where none is searched.
  """

  retrievers: Retrievers
  corpus: corpus_lib.Corpus
  index: str
