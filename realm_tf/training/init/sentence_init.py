"""Starts a retriever as a public sentence encoder."""

import logging
import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import assignment
from realm_tf.checkpoints import sentence_encoder
from realm_tf.checkpoints import weight_source
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.models import embedders
from realm_tf.training.init import principal_axes

_log = logging.getLogger(__name__)


def differing(
  found: sentence_encoder.SentenceEncoder, config: schema.RetrieverConfig
) -> dict[str, Any]:
  """Returns the fields in which a retriever is another than the encoder.

  The size of the projection may be smaller: it is reduced by PCA.

  Args:
    found: The encoder.
    config: Of the retriever.

  Returns:
    The encoder's values; empty if the retriever starts as it.
  """
  wanted = found.fields()
  if is_reduced(found, config):
    del wanted["projection_size"]
  return {
    name: value
    for name, value in wanted.items()
    if value != getattr(config, name)
  }


def as_arguments(fields: Mapping[str, Any]) -> str:
  """Returns fields of a config as arguments, to be pasted."""
  words = [f"config.{k}={shlex.quote(str(v))}" for k, v in fields.items()]
  return " ".join(words)


def is_reduced(
  found: sentence_encoder.SentenceEncoder, config: schema.RetrieverConfig
) -> bool:
  """Returns whether the retriever keeps principal axes of the embeddings."""
  is_linear = found.dense is None or found.dense.activation == "none"
  return (
    is_linear
    and found.layer_norm is None
    and config.projection_activation == "none"
    and config.projection_size not in (0, found.fields()["projection_size"])
  )


def starts_as(
  found: weight_source.Source, config: schema.RetrieverConfig
) -> bool:
  """Returns whether a retriever starts as a source, reduced or not."""
  return found.encoder is not None and not differing(found.encoder, config)


def check(
  found: weight_source.Source, config: schema.RetrieverConfig, flag: str
) -> None:
  """Raises if more dimensions are asked for than an encoder has.

  Args:
    found: The source.
    config: Of the retriever.
    flag: The argument that names the source.

  Raises:
    errors.UserError: If the projection is larger than what it reduces.
  """
  if not (found.encoder and starts_as(found, config)):
    return
  dense = found.encoder.dense
  most = len(dense.bias) if dense else found.config.hidden_size
  if config.projection_size > most:
    raise errors.UserError(
      f"config.projection_size={config.projection_size} is beyond the {most} "
      f"dimensions of {flag}={found.path}: set it lower, or to "
      f"{found.encoder.fields()['projection_size']} for all of them."
    )


def initialize(
  towers: embedders.TwoTowers,
  found: weight_source.Source,
  config: schema.RetrievalConfig,
  corpus: corpora.Corpus | None,
) -> assignment.Report:
  """Assigns an encoder's weights to the towers.

  Args:
    towers: Built with the config.
    found: The source, of which `starts_as` is true.
    config: Of the retriever.
    corpus: Has the passages for PCA; None where `is_reduced` is false.
  """
  if found.encoder is None:
    raise TypeError(f"{found.path} is no sentence encoder")
  dense = found.encoder.dense
  # PCA needs an encoder that has its weights.
  passages = towers.passage_embedder
  report = assignment.initialize_embedder(passages, found)
  if is_reduced(found.encoder, config):
    if corpus is None:
      raise TypeError("PCA needs a corpus")
    dense = _reduced(passages, found, config, corpus)
  for tower in (passages, towers.query_embedder):
    assignment.initialize_embedder(
      tower, found, dense, found.encoder.layer_norm
    )
  return report


def _reduced(
  tower: embedders.Embedder,
  found: weight_source.Source,
  config: schema.RetrievalConfig,
  corpus: corpora.Corpus,
) -> sentence_encoder.Dense:
  """Returns the projection onto the principal axes of a corpus's embeddings."""
  _log.info(
    f"Reducing the embeddings of {found.path} to {config.projection_size} "
    f"dimensions, the principal axes of passages of {corpus.path} ..."
  )
  vectors = principal_axes.sample(
    tower, corpus, config.passage_length, config.seed
  )  # [passages, hidden_size]
  dense = found.encoder and found.encoder.dense
  if dense:
    vectors = vectors @ dense.kernel + dense.bias
  of_cosines = config.normalization == "l2"
  if of_cosines:
    vectors = tf.math.l2_normalize(vectors, axis=-1).numpy()
  kept = principal_axes.projection(
    vectors, config.projection_size, of_cosines=of_cosines
  )
  if dense:
    return sentence_encoder.Dense(
      dense.kernel @ kept, dense.bias @ kept, "none"
    )
  bias = np.zeros(config.projection_size, np.float32)
  return sentence_encoder.Dense(kept, bias, "none")
