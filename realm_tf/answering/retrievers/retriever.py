"""The protocol of a retriever: from texts to rows of a corpus, with scores."""

from collections.abc import Sequence
from typing import NamedTuple
from typing import Protocol

import numpy as np


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
