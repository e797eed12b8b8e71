"""Floating-point operations of the models, by formula.

A matrix product of [m, k] and [k, n] counts 2 m k n; softmaxes, norms and
activations, a few hundredths of it, are left out.
"""

from collections.abc import Mapping

import numpy as np

from realm_tf.configs import schema


def encoder(
  config: schema.EncoderConfig, length: int, outputs: int | None = None
) -> int:
  """Returns the operations of one text's way through the encoder.

  With h the width, i the feed-forward width and L the length, a layer takes
  L (8 h^2 + 4 h i) for its kernels and 4 L^2 h for its attention. The last
  layer computes `outputs` positions only: for them alone it needs queries,
  output projection and feed-forward part; keys and values for all.

  Args:
    config: Gives the shape.
    length: Wordpieces of the text.
    outputs: Positions that the last layer computes; None for all.
  """
  h, i = config.hidden_size, config.intermediate_size
  last = length if outputs is None else min(outputs, length)

  def layer(positions: int) -> int:
    kernels = positions * (4 * h * h + 4 * h * i) + length * 4 * h * h
    return kernels + 4 * positions * length * h

  return (config.num_layers - 1) * layer(length) + layer(last)


def embedder(config: schema.RetrievalConfig, length: int) -> int:
  """Returns the operations of embedding one text: encoder, pooler, Dense."""
  h = config.hidden_size
  return encoder(config, length, 1) + 2 * h * h + 2 * h * config.projection_size


def train_step(
  config: schema.RealmConfig,
  vocab_size: int,
  batch: Mapping[str, np.ndarray],
) -> int:
  """Returns the operations of a training step: three forward passes' worth.

  Padding counts for nothing.

  Args:
    config: Gives the shapes.
    vocab_size: Wordpieces of the vocabulary.
    batch: The step's features.
  """
  h = config.hidden_size
  head = config.max_masks * (2 * h * h + 2 * h * vocab_size)

  def lengths(name: str) -> list[int]:
    return np.count_nonzero(batch[name], axis=-1).ravel().tolist()

  forward = sum(
    encoder(config, length, config.query_length) + head
    for length in lengths("joint_token_ids")
  ) + sum(
    embedder(config, length)
    for name in ("passage_token_ids", "query_token_ids")
    for length in lengths(name)
  )
  return 3 * forward
