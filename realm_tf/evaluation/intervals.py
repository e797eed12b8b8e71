"""Confidence intervals of means over questions.

A share, a mean of zeros and ones, has Wilson's score interval (Wilson, 1927),
which is one of some width for three right answers of three, too. Any other
mean, such as F1's, has the percentile interval of the bootstrap.
"""

import dataclasses

import numpy as np
import scipy.stats

CONFIDENCE = 0.95
RESAMPLES = 2000
WILSON = "wilson"
BOOTSTRAP = "percentile bootstrap"

# Of this many values at once, so that large sets fit in memory.
BATCH_VALUES = 4_000_000


@dataclasses.dataclass(frozen=True)
class Figure:
  """A mean with its interval.

  Attributes:
    value: The mean.
    low: Lower end of the 95% interval.
    high: Upper end.
    count: Values that the mean is of.
    method: How the interval was computed, `WILSON` or `BOOTSTRAP`.
  """

  value: float
  low: float
  high: float
  count: int
  method: str


def mean(values: np.ndarray, seed: int = 0) -> Figure:
  """Returns the mean of values with its interval.

  Args:
    values: <float>[questions]. If all are 0 or 1, the mean is a share.
    seed: Of the bootstrap's draws; the same seed gives the same interval.

  Raises:
    ValueError: If there is no question.
  """
  values = np.asarray(values, np.float64)
  count = len(values)
  if not count:
    raise ValueError("There is nothing to take a mean of.")
  value = float(values.mean())
  if np.isin(values, (0, 1)).all():
    test = scipy.stats.binomtest(int(values.sum()), count)
    low, high = test.proportion_ci(CONFIDENCE, method="wilson")
    method = WILSON
  else:
    low, high = _bootstrap(values, seed) if count > 1 else (value, value)
    method = BOOTSTRAP
  # The ends of an interval may lack the last bit of a mean of 0 or 1.
  low, high = min(float(low), value), max(float(high), value)
  return Figure(value, low, high, count, method)


def _bootstrap(values: np.ndarray, seed: int) -> tuple[float, float]:
  return scipy.stats.bootstrap(
    (values,),
    np.mean,
    n_resamples=RESAMPLES,
    batch=max(1, BATCH_VALUES // len(values)),
    vectorized=True,
    confidence_level=CONFIDENCE,
    method="percentile",
    random_state=np.random.default_rng(seed),
  ).confidence_interval
