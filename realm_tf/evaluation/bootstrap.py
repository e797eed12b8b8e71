"""Confidence intervals of means over questions, by the bootstrap."""

import dataclasses

import numpy as np
import scipy.stats

CONFIDENCE = 0.95
RESAMPLES = 2000

# Of this many values at once, so that large sets fit in memory.
_BATCH_VALUES = 4_000_000


@dataclasses.dataclass(frozen=True)
class Figure:
  """A mean with its interval.

  Attributes:
    value: The mean.
    low: Lower end of the 95% interval.
    high: Upper end.
    count: Values that the mean is of.
  """

  value: float
  low: float
  high: float
  count: int


def means(values: np.ndarray, seed: int = 0) -> list[Figure]:
  """Returns the mean of each column with its percentile interval.

  Args:
    values: <float>[questions, columns]. Questions are drawn with replacement,
      the same ones for all columns.
    seed: Of the draws; the same seed gives the same interval.

  Returns:
    One figure a column.

  Raises:
    ValueError: If there is no question.
  """
  values = np.asarray(values, np.float64)
  count, columns = values.shape
  if not count:
    raise ValueError("There is nothing to take a mean of.")
  if not columns:
    return []
  mean = values.mean(axis=0)
  low, high = mean, mean
  if count > 1:
    interval = scipy.stats.bootstrap(
      (values,),
      np.mean,
      n_resamples=RESAMPLES,
      batch=max(1, _BATCH_VALUES // values.size),
      vectorized=True,
      axis=0,
      confidence_level=CONFIDENCE,
      method="percentile",
      random_state=np.random.default_rng(seed),
    ).confidence_interval
    low, high = interval
  return [
    Figure(float(m), float(lo), float(hi), count)
    for m, lo, hi in zip(mean, low, high, strict=True)
  ]
