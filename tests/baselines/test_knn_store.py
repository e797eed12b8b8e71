"""kNN-LM's distribution, by hand and by brute force."""

import numpy as np
import pytest

from realm_tf.baselines import knn_store


def test_nearest_entries_are_those_of_brute_force():
  rng = np.random.default_rng(0)
  keys = rng.normal(size=(60, 5)).astype(np.float32)
  keys *= rng.uniform(0.5, 3, (60, 1)).astype(np.float32)  # lengths that differ
  values = rng.integers(0, 9, 60).astype(np.int32)
  queries = rng.normal(size=(7, 5)).astype(np.float32)
  found = knn_store.Store(keys, values, 4).nearest(queries)
  squared = ((queries[:, None] - keys[None]) ** 2).sum(axis=2)
  order = squared.argsort(axis=1)[:, :4]
  np.testing.assert_array_equal(found.values, values[order])
  np.testing.assert_allclose(
    found.distances, np.take_along_axis(squared, order, axis=1), rtol=1e-4
  )


def test_a_store_smaller_than_k_gives_all_it_has():
  keys = np.eye(3, dtype=np.float32)
  store = knn_store.Store(keys, np.array([4, 5, 6], np.int32), 1024)
  found = store.nearest(keys[:1])
  assert found.values.shape == (1, 3)
  assert found.values[0, 0] == 4
  np.testing.assert_allclose(found.distances, [[0, 2, 2]], atol=1e-5)


def test_the_interpolated_distribution_is_that_by_hand():
  near = knn_store.Neighbors(
    np.array([[0.0, 2 * np.log(2), 2 * np.log(4)]], np.float32),
    np.array([[1, 2, 1]], np.int32),
  )
  # At temperature 2: weights 1, 1/2, 1/4, so shares 4/7, 2/7 and 1/7.
  mixed = knn_store.mixture(
    np.array([[0.7, 0.2, 0.1]], np.float32), near, knn_store.Mixing(0.25, 2.0)
  )
  np.testing.assert_allclose(
    mixed,
    [[0.525, 0.15 + 0.25 * 5 / 7, 0.075 + 0.25 * 2 / 7]],
    rtol=1e-5,
  )
  assert mixed.sum() == pytest.approx(1)


def test_absent_neighbours_have_no_share():
  near = knn_store.Neighbors(
    np.array([[1.0, np.inf]], np.float32), np.array([[0, -1]], np.int32)
  )
  mixed = knn_store.mixture(
    np.array([[0.5, 0.5]], np.float32), near, knn_store.Mixing(0.5, 1.0)
  )
  np.testing.assert_allclose(mixed, [[0.75, 0.25]])


def test_lambda_follows_whoever_knows_the_targets():
  targets = np.array([3, 4], np.int32)
  distances = np.array([[0.0, 1.0], [0.0, 1.0]], np.float32)
  right = knn_store.Neighbors(distances, np.array([[3, 3], [4, 4]], np.int32))
  wrong = knn_store.Neighbors(distances, np.array([[5, 5], [5, 5]], np.int32))
  unsure = np.array([0.1, 0.1], np.float32)
  assert knn_store.choose(unsure, right, targets).weight == 0.99
  assert knn_store.choose(unsure, wrong, targets).weight == 0.0
  # One right, one wrong at p_LM = 1/2: log((1 + w) / 2) + log((1 - w) / 2).
  half = np.array([0.5, 0.5], np.float32)
  mixed = knn_store.Neighbors(distances, np.array([[3, 3], [5, 5]], np.int32))
  assert knn_store.choose(half, mixed, targets).weight == 0.0


def test_the_temperature_is_that_which_suits():
  # Only the farther neighbour is right: a high temperature gives it a half.
  near = knn_store.Neighbors(
    np.array([[0.0, 50.0]], np.float32), np.array([[1, 2]], np.int32)
  )
  chosen = knn_store.choose(
    np.array([0.01], np.float32), near, np.array([2], np.int32)
  )
  assert chosen.temperature == max(knn_store.TEMPERATURES)
