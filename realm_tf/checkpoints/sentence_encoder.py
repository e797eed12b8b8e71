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
class LayerNorm:
  """A layer norm of the embeddings.

  Attributes:
    gamma: <float32>[outputs].
    beta: <float32>[outputs].
  """

  gamma: np.ndarray
  beta: np.ndarray


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
    layer_norm: Its layer norm, where that is the normalization; else None.
    has_parts: Whether it has seen a passage's title and body as two texts, as
      REALM's embedder has.
  """

  pooling: str
  normalization: str
  max_length: int
  dense: Dense | None = None
  query_prompt: str = ""
  passage_prompt: str = ""
  layer_norm: LayerNorm | None = None
  has_parts: bool = False

  def fields(self) -> dict[str, Any]:
    """Returns the fields of `RetrieverConfig` that make a retriever of it."""
    return {
      "pooling": self.pooling,
      "projection_size": len(self.dense.bias) if self.dense else 0,
      "projection_activation": self.dense.activation if self.dense else "none",
      "normalization": self.normalization,
      "passage_segments": self.has_parts,
      "passage_separator": self.has_parts,
      "query_prompt": self.query_prompt,
      "passage_prompt": self.passage_prompt,
    }
