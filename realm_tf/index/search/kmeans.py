"""k-means, by Lloyd's iterations in TensorFlow."""

import numpy as np
import tensorflow as tf

_BLOCK_ROWS = 1 << 13


def train_centroids(
  sample: np.ndarray, count: int, *, iterations: int = 8, seed: int = 0
) -> np.ndarray:
  """Returns centroids: means of the vectors that are nearest to them.

  The first centroids are drawn from the sample. One that loses all of its
  vectors is drawn anew.

  Args:
    sample: <float32>[n, D].
    count: Centroids wanted, n at most.
    iterations: Of assigning and averaging.
    seed: Of the draws.

  Returns:
    <float32>[count, D]. Where the sample has fewer different vectors, some are
    the same.
  """
  rng = np.random.default_rng(seed)
  centroids = sample[rng.choice(len(sample), count, replace=False)]
  for _ in range(iterations):
    nearest = find_nearest(sample, centroids)
    sizes = np.bincount(nearest, minlength=count)
    sums = tf.math.unsorted_segment_sum(sample, nearest, count).numpy()
    lost = sizes == 0
    centroids = sums / np.maximum(sizes, 1)[:, np.newaxis].astype(np.float32)
    centroids[lost] = sample[rng.choice(len(sample), lost.sum())]
  return centroids


def find_nearest(vectors: np.ndarray, centroids: np.ndarray) -> np.ndarray:
  """Returns the nearest centroid of each vector, by Euclidean distance.

  Args:
    vectors: <floating>[n, D].
    centroids: <float32>[P, D].

  Returns:
    <int32>[n]; the first of those that are equally near.
  """
  result = np.empty(len(vectors), np.int32)
  half_norms = 0.5 * np.square(centroids).sum(axis=1)
  for start in range(0, len(vectors), _BLOCK_ROWS):
    block = vectors[start : start + _BLOCK_ROWS].astype(np.float32)
    products = tf.matmul(block, centroids, transpose_b=True)
    result[start : start + _BLOCK_ROWS] = tf.argmax(
      products - half_norms, axis=1
    )
  return result
