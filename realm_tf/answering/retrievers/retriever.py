"""The protocols of a retriever: from texts to rows of a corpus, with scores."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple
from typing import Protocol

import numpy as np
import tensorflow as tf

# Scores <float32>, rows <int32> and validity <bool>, [batch, k] each, best
# first; -inf and -1 where not valid.
Found = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


class Retrieved(NamedTuple):
  """The k best passages of each text, best first.

  Attributes:
    rows: <int64>[texts, k]. Rows of the corpus; -1 for none.
    scores: <float32>[texts, k]. The larger the better, on the retriever's own
      scale; -inf for none.
  """

  rows: np.ndarray
  scores: np.ndarray


class Retriever(Protocol):
  """Retrieves passages of one corpus.

  Attributes:
    trained_with_reader: Whether its scores are f(x, z) of the model that the
      reader belongs to, and are added to those of spans (Lee et al., 2019,
      section 2.2). The reader judges other retrievers' passages alone.
    index: Folder of the index version that it searches; "" for none.
  """

  trained_with_reader: bool
  index: str

  def retrieve(self, texts: Sequence[str], k: int) -> Retrieved:
    """Retrieves the k best passages of each text.

    Args:
      texts: Queries.
      k: Passages a query, at most as many as the corpus has.
    """

  def search(
    self, questions: tf.Tensor, embeddings: tf.Tensor, k: int
  ) -> Found:
    """Retrieves the k best passages of each question, in the graph.

    Args:
      questions: <string>[batch].
      embeddings: <float32>[batch, D]. Of the same, by the model.
      k: Passages a question; static.
    """


def in_batches(
  search: Callable[[tf.Tensor], Found], texts: Sequence[str], size: int
) -> Retrieved:
  """Searches for many texts, some at once.

  Args:
    search: Searches for <string>[batch].
    texts: Queries.
    size: Queries at once.
  """
  scores, rows = [], []
  for batch in batches(texts, size):
    best, places, valid = search(tf.constant(batch, tf.string))
    scores.append(tf.where(valid, best, -np.inf).numpy())
    rows.append(tf.where(valid, places, -1).numpy().astype(np.int64))
  return Retrieved(np.concatenate(rows), np.concatenate(scores))


def batches(texts: Sequence[str], size: int) -> list[list[str]]:
  """Cuts texts into batches; no text at all is one empty batch."""
  return [
    list(texts[first : first + size])
    for first in range(0, max(len(texts), 1), size)
  ]
