"""The layers by which a released reader scores spans."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class SpanScorer:
  """The variables of `models.span_reader.SpanScorer`, of H hidden units.

  Attributes:
    start_kernel: <float32>[width, H].
    end_kernel: <float32>[width, H].
    bias: <float32>[H].
    gamma: <float32>[H]. Of the layer norm.
    beta: <float32>[H].
    output_kernel: <float32>[H, 1].
    output_bias: <float32>[1].
  """

  start_kernel: np.ndarray
  end_kernel: np.ndarray
  bias: np.ndarray
  gamma: np.ndarray
  beta: np.ndarray
  output_kernel: np.ndarray
  output_bias: np.ndarray

  @property
  def hidden_size(self) -> int:
    """H."""
    return len(self.bias)
