"""The projection that keeps most of a corpus's embeddings: PCA."""

import numpy as np
import tensorflow as tf

from realm_tf.data.corpus import corpora
from realm_tf.index.build import batching
from realm_tf.models import embedders

# Of cosines: see `projection`.
_FLATTENING = 1 / 8
_LEAST_SHARE = 1e-6  # of the largest moment; an axis may have none
_SAMPLE = 4_096  # passages: many times the dimensions of an encoder
_SHARDS = 8  # that they are of: reading a large corpus takes long
_BATCH = 32


def axes(vectors: np.ndarray, size: int) -> np.ndarray:
  """Returns the principal axes of vectors, without centring them.

  Of all projections to so few dimensions, that onto these axes keeps the inner
  products of the vectors best, in the least squares: they are the eigenvectors
  of the largest eigenvalues of the vectors' second moments.

  Args:
    vectors: <floating>[n, D].
    size: Axes wanted, below D.

  Returns:
    <float32>[D, size]: orthonormal, the largest first. The largest number of
    each is positive, so that the same vectors give the same axes.
  """
  double = np.asarray(vectors, np.float64)
  _, found = np.linalg.eigh(double.T @ double)  # the largest last
  best = found[:, ::-1][:, :size]
  peaks = np.take_along_axis(best, np.abs(best).argmax(axis=0)[None], axis=0)
  return (best * np.sign(peaks)).astype(np.float32)


def projection(
  vectors: np.ndarray, size: int, *, of_cosines: bool
) -> np.ndarray:
  """Returns the projection that keeps most of an encoder's skill.

  Vectors that are normalised after it lose less if the first axes, which weigh
  most, weigh a little less: each is divided by its second moment to the power
  of 1/8. (Whitening, of which this is a small part, helps after PCA: Jegou and
  Chum, 2012.) On `squad_wiki`, 128 of MiniLM's 384 dimensions then lose 3.0
  points of recall@5 instead of 3.5; docs/warm_starts.md has more.

  Args:
    vectors: <floating>[n, D].
    size: Dimensions wanted, below D.
    of_cosines: Whether what is projected is normalised afterwards.

  Returns:
    <float32>[D, size].
  """
  kept = axes(vectors, size)
  if not of_cosines:
    return kept
  moments = np.square(vectors @ kept).sum(axis=0)  # [size]
  shares = np.maximum(moments / moments[0], _LEAST_SHARE)
  return (kept * shares**-_FLATTENING).astype(np.float32)


def sample(
  tower: embedders.Embedder, corpus: corpora.Corpus, length: int, seed: int
) -> np.ndarray:
  """Returns what a tower pools of a sample of passages.

  Args:
    tower: The passage tower.
    corpus: The corpus.
    length: Wordpieces of a passage.
    seed: Of the sample.

  Returns:
    <float32>[passages, hidden_size], of all passages if there are few.
  """
  rng = np.random.default_rng(seed)
  count = len(corpus.shard_paths)
  shards = rng.choice(count, min(_SHARDS, count), replace=False)
  inputs = np.concatenate(
    [batching.shard_inputs(corpus, shard, length) for shard in np.sort(shards)]
  )
  rows = rng.choice(len(inputs), min(_SAMPLE, len(inputs)), replace=False)

  @tf.function(reduce_retracing=True, autograph=False)
  def pool(token_ids: tf.Tensor) -> tf.Tensor:
    return tf.cast(tower.pool(token_ids, training=False), tf.float32)

  batches = batching.batches_by_length(inputs[rows], _BATCH)
  return np.concatenate([pool(batch.token_ids).numpy() for batch in batches])
