"""kNN-LM's store, its distribution, and how both are weighed.

Khandelwal et al. (2020): p(y|x) = lambda p_kNN(y|x) + (1 - lambda) p_LM(y|x),
where p_kNN is a softmax over minus the squared distances of the k nearest keys
(equations 2 and 3).
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import searchers

# What is tried: the paper's lambdas are among them, its temperature is 1.
WEIGHTS = (*(round(0.05 * step, 2) for step in range(20)), 0.98, 0.99)
TEMPERATURES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
_QUERIES_AT_ONCE = 256


class Neighbors(NamedTuple):
  """The nearest entries of each query.

  Attributes:
    distances: <float32>[queries, k]. Squared; infinite where there is none.
    values: <int32>[queries, k]. Wordpieces; -1 where there is none.
  """

  distances: np.ndarray
  values: np.ndarray


class Mixing(NamedTuple):
  """How neighbours and language model are mixed.

  Attributes:
    weight: Lambda, of the neighbours.
    temperature: What squared distances are divided by.
  """

  weight: float
  temperature: float


class Store:
  """Hidden states with the wordpieces that they stand for.

  The index finds the largest inner products. Keys have one more dimension, so
  that those are of the nearest: q k - |k|^2 / 2 = (|q|^2 - |q - k|^2) / 2.

  Attributes:
    how: How is searched, in a few words.
  """

  def __init__(self, keys: np.ndarray, values: np.ndarray, most: int):
    """Builds the index.

    Args:
      keys: <float32>[n, D].
      values: <int32>[n]. Wordpieces.
      most: k that is asked for; fewer if there are fewer keys.
    """
    self._values = values
    self._k = min(most, len(values))
    norms = np.sum(keys**2, axis=1, dtype=np.float32)  # [n]
    # A constant keeps the last dimension as small as the others.
    self._middle = norms.mean()
    keys = np.column_stack([keys, (self._middle - norms) / 2])
    settings = searcher_settings.choose_settings(
      len(values), schema.IndexConfig(), self._k
    )
    self._searcher = searchers.build_searcher(keys, settings, self._k)
    self.how = self._searcher.settings.describe()

  def __len__(self) -> int:
    return len(self._values)

  def nearest(self, queries: np.ndarray) -> Neighbors:
    """Returns the nearest entries of hidden states, <float32>[queries, D]."""
    asked = np.column_stack([queries, np.ones(len(queries), np.float32)])
    distances, values = [], []
    for first in range(0, len(asked), _QUERIES_AT_ONCE):
      part = asked[first : first + _QUERIES_AT_ONCE]
      products, rows, valid = (
        found.numpy()
        for found in self._searcher.search(tf.constant(part), self._k)
      )
      norms = np.sum(part[:, :-1] ** 2, axis=1, keepdims=True)
      squared = np.maximum(norms + self._middle - 2 * products, 0)
      distances.append(np.where(valid, squared, np.inf))
      values.append(np.where(valid, self._values[np.maximum(rows, 0)], -1))
    return Neighbors(
      np.concatenate(distances).astype(np.float32),
      np.concatenate(values).astype(np.int32),
    )


def shares(distances: np.ndarray, temperature: float) -> np.ndarray:
  """Returns softmax(-distances / temperature), <float32>[queries, k]."""
  scaled = (distances.min(axis=1, keepdims=True) - distances) / temperature
  weights = np.exp(scaled)
  return weights / weights.sum(axis=1, keepdims=True)


def mixture(
  language_model: np.ndarray, neighbors: Neighbors, mixing: Mixing
) -> np.ndarray:
  """Returns the interpolated distribution.

  Args:
    language_model: <float32>[queries, V]. Probabilities.
    neighbors: Of the queries.
    mixing: Lambda and temperature.

  Returns:
    <float32>[queries, V].
  """
  mixed = (1 - mixing.weight) * language_model
  queries = np.arange(len(mixed))[:, None]
  added = mixing.weight * shares(neighbors.distances, mixing.temperature)
  # Where there is no neighbour, the value is -1 and the share 0.
  np.add.at(mixed, (queries, neighbors.values), added)
  return mixed


def choose(
  of_targets: np.ndarray, neighbors: Neighbors, targets: np.ndarray
) -> Mixing:
  """Returns the lambda and temperature of the largest likelihood.

  Args:
    of_targets: <float32>[queries]. The language model's probabilities of the
      targets.
    neighbors: Of the queries.
    targets: <int32>[queries].
  """
  is_target = neighbors.values == targets[:, None]
  best = (-np.inf, Mixing(0.0, TEMPERATURES[0]))
  for temperature in TEMPERATURES:
    near = np.sum(shares(neighbors.distances, temperature) * is_target, axis=1)
    for weight in WEIGHTS:
      mixed = (1 - weight) * of_targets + weight * near
      score = np.log(np.maximum(mixed, 1e-30)).mean()
      # Of equal ones the first: the smaller lambda.
      best = max(best, (score, Mixing(weight, temperature)), key=lambda b: b[0])
  return best[1]
