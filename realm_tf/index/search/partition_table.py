"""Vectors sorted into partitions, as whole blocks of 8-bit numbers."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from realm_tf.index.search import kmeans

# Rows of a block. A partition's last block is filled up with empty rows.
BLOCK_ROWS = 16
_SAMPLE_FACTOR = 40  # vectors a partition that k-means learns from
_CHUNK_ROWS = 1 << 16
_LARGEST_CODE = 127


@dataclasses.dataclass(frozen=True)
class PartitionSettings:
  """The number of partitions, and how many of them a query reads.

  Attributes:
    num_partitions: By k-means; fewer where some stay empty.
    rows_scored: Rows that a query scores in 8 bits: those of the partitions
      that fit it best.
    rows_rescored: The best of these, which it scores again exactly.
  """

  num_partitions: int
  rows_scored: int
  rows_rescored: int


class Partitions(NamedTuple):
  """Vectors in blocks; a partition is a run of whole blocks.

  Attributes:
    centroids: <float32>[P, D].
    block_splits: <int32>[P + 1]. Partition p has the blocks block_splits[p] to
      block_splits[p + 1] - 1, one at least.
    codes: <int8>[blocks, BLOCK_ROWS * D]. A vector is its codes times its
      scale, about.
    scales: <float32>[blocks, BLOCK_ROWS]; 0 where a row is empty, and only
      there.
    rows: <int32>[blocks, BLOCK_ROWS]. Of the index; -1 where a row is empty.
  """

  centroids: np.ndarray
  block_splits: np.ndarray
  codes: np.ndarray
  scales: np.ndarray
  rows: np.ndarray


def choose_settings(num_rows: int) -> PartitionSettings:
  """Chooses settings for a corpus; benchmarks/search.py measures them.

  Args:
    num_rows: Passages of the corpus, one at least.
  """
  root = math.sqrt(num_rows)
  return PartitionSettings(
    num_partitions=max(1, min(round(2 * root), num_rows // BLOCK_ROWS)),
    rows_scored=max(2048, round(15 * root)),
    rows_rescored=50,
  )


def make_partitions(
  vectors: np.ndarray, num_partitions: int, *, seed: int = 0
) -> Partitions:
  """Sorts vectors into partitions and quantises them.

  Args:
    vectors: <floating>[N, D], N > 0.
    num_partitions: Partitions wanted, N at most.
    seed: Of the sample that k-means learns from, and of its start.
  """
  num_rows, dim = vectors.shape
  sampled = min(num_rows, _SAMPLE_FACTOR * num_partitions)
  rng = np.random.default_rng(seed)
  sample = np.sort(rng.choice(num_rows, sampled, replace=False))
  centroids = kmeans.train_centroids(
    vectors[sample].astype(np.float32), num_partitions, seed=seed
  )
  assigned = kmeans.find_nearest(vectors, centroids)
  sizes = np.bincount(assigned, minlength=num_partitions)
  order = np.argsort(assigned, kind="stable")

  block_splits = _splits(-(-sizes // BLOCK_ROWS))
  slots = np.arange(num_rows) + np.repeat(
    BLOCK_ROWS * block_splits[:-1] - _splits(sizes)[:-1], sizes
  )
  num_slots = BLOCK_ROWS * int(block_splits[-1])
  codes = np.zeros([num_slots, dim], np.int8)
  scales = np.zeros(num_slots, np.float32)
  rows = np.full(num_slots, -1, np.int32)
  rows[slots] = order
  for start in range(0, num_rows, _CHUNK_ROWS):
    chunk = slice(start, start + _CHUNK_ROWS)
    codes[slots[chunk]], scales[slots[chunk]] = _quantise(
      vectors[order[chunk]].astype(np.float32)
    )
  filled = sizes > 0
  return Partitions(
    centroids=centroids[filled],
    block_splits=np.append(block_splits[:-1][filled], block_splits[-1]).astype(
      np.int32
    ),
    codes=codes.reshape([-1, BLOCK_ROWS * dim]),
    scales=scales.reshape([-1, BLOCK_ROWS]),
    rows=rows.reshape([-1, BLOCK_ROWS]),
  )


def _quantise(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Returns <int8>[n, D] and <float32>[n], by each vector's largest number."""
  scales = np.abs(vectors).max(axis=1) / _LARGEST_CODE
  # A vector of zeros, or nearly, has a scale too: without one, a row is empty.
  scales = np.maximum(scales, np.finfo(np.float32).tiny)
  codes = np.rint(vectors / scales[:, np.newaxis])
  return codes.astype(np.int8), scales


def _splits(sizes: np.ndarray) -> np.ndarray:
  return np.concatenate([[0], np.cumsum(sizes)])
