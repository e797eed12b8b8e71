"""How a public sentence encoder makes embeddings of a BERT's last layer."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Dense:
  """A dense layer behind the pooling.

  Attributes:
    kernel: <float32>[inputs, outputs].
    bias: <float32>[outputs].
    activation: As `RetrieverConfig.projection_activation`.
  """

  kernel: np.ndarray
  bias: np.ndarray
  activation: str


@dataclasses.dataclass(frozen=True)
class SentenceEncoder:
  """What a sentence encoder has beside its BERT.

  Attributes:
    pooling: As `RetrieverConfig.pooling`.
    normalization: As `RetrieverConfig.normalization`.
    max_length: Most wordpieces of a text that it was made for, special tokens
      included.
    dense: Its dense layer; None for none.
    query_prompt: Text that it wants before each query.
    passage_prompt: Text that it wants before each passage.
  """

  pooling: str
  normalization: str
  max_length: int
  dense: Dense | None = None
  query_prompt: str = ""
  passage_prompt: str = ""

  def fields(self) -> dict[str, Any]:
    """Returns the fields of `RetrieverConfig` that make a retriever of it.

    It has seen one text at a time, without parts.
    """
    return {
      "pooling": self.pooling,
      "projection_size": len(self.dense.bias) if self.dense else 0,
      "projection_activation": self.dense.activation if self.dense else "none",
      "normalization": self.normalization,
      "passage_segments": False,
      "passage_separator": False,
      "query_prompt": self.query_prompt,
      "passage_prompt": self.passage_prompt,
    }
