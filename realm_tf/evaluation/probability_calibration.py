"""Calibration: compares probabilities with the share of right answers."""

import dataclasses

import numpy as np

BINS = 10


@dataclasses.dataclass(frozen=True)
class Bin:
  """Answers of about the same probability.

  Attributes:
    count: How many there are.
    probability: Their mean probability; undefined if there are none.
    right: The share that is right; undefined if there are none.
  """

  count: int
  probability: float
  right: float


@dataclasses.dataclass(frozen=True)
class Calibration:
  """A reliability diagram.

  Attributes:
    error: Expected calibration error (Guo et al., 2017): the mean distance of
      probability and share that is right, over bins of equal width.
    bins: From probability 0 to 1.
  """

  error: float
  bins: tuple[Bin, ...]


def calibration(probabilities: np.ndarray, right: np.ndarray) -> Calibration:
  """Compares the probabilities of answers with the share that is right.

  Args:
    probabilities: <float>[n]. Between 0 and 1.
    right: <bool>[n].
  """
  probabilities = np.asarray(probabilities, np.float64)
  which = np.minimum((probabilities * BINS).astype(int), BINS - 1)
  counts = np.bincount(which, minlength=BINS)
  divisor = np.maximum(counts, 1)
  mean = np.bincount(which, probabilities, minlength=BINS) / divisor
  share = np.bincount(which, np.asarray(right), minlength=BINS) / divisor
  error = float(np.sum(counts * np.abs(mean - share)) / len(probabilities))
  return Calibration(
    error,
    tuple(
      Bin(int(count), float(probability), float(part))
      for count, probability, part in zip(counts, mean, share, strict=True)
    ),
  )


def abstention_threshold(probabilities: np.ndarray, right: np.ndarray) -> float:
  """Returns the probability below which answering does more harm than good.

  Of all thresholds, the lowest that maximises right less wrong answers among
  those that are given.

  Args:
    probabilities: <float>[n]. Of the answers.
    right: <bool>[n].

  Returns:
    0 if answering always is best; above 1 if answering never is.
  """
  probabilities = np.asarray(probabilities, np.float64)
  values, which = np.unique(probabilities, return_inverse=True)
  gains = np.bincount(which, np.where(right, 1, -1), minlength=len(values))
  # What is gained by giving the answers from each value on; by none, last.
  given = np.append(np.cumsum(gains[::-1])[::-1], 0)
  thresholds = np.append(values, np.inf)
  thresholds[0] = 0.0
  best = float(thresholds[np.argmax(given)])
  return min(best, 2.0)
