"""Keeps what a frozen encoder makes of the passages, for all versions."""

import hashlib
import json
import os

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import saved_models
from realm_tf.index.build import disk
from realm_tf.index.build import refresh_plan
from realm_tf.index.versions import index_version
from realm_tf.runs import exports

_KEY_DIGITS = 16


class PooledPassages:
  """The pooled outputs of a frozen encoder, shard by shard, on disk.

  Where the encoder is not trained, versions differ by the projection behind it
  alone. The first version embeds the passages, and keeps what the encoder gives
  before it projects that; later ones read and project it. The pooled outputs
  are rounded to the index's dtype either way, so that a version is the same
  whether it was the first or not.

  Attributes:
    folder: Of this encoder's pooled outputs of this corpus.
    dim: Their dimension, hidden_size.
  """

  def __init__(
    self,
    context: refresh_plan.RefreshContext,
    plan: refresh_plan.VersionPlan,
  ):
    """Loads the projection.

    Args:
      context: The refresh.
      plan: The version to build, of an export whose encoder is frozen.

    Raises:
      errors.UserError: If the export is damaged.
    """
    self.dim = plan.pooled_size
    self._dtype = plan.dtype
    self._num_shards = plan.num_shards
    self._reserved_bytes = plan.bytes.needed
    self._report = context.report
    self._is_kept = True
    made_of = {
      "encoder": plan.export.frozen_encoder_id,
      "corpus": plan.fingerprint,
      "passage_length": context.config.passage_length,
      "dtype": plan.dtype,
    }
    key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode())
    self.folder = os.path.join(
      context.store.pooled_folder, key.hexdigest()[:_KEY_DIGITS]
    )
    with tf.device("/cpu:0"):
      self._module = saved_models.load(plan.export.path, "Copy the run again.")
    self._project = self._module.signatures[exports.PROJECTION]

  def take(self, shard: int, size: int) -> np.ndarray | None:
    """Returns a shard's pooled outputs; None if they are not there.

    Args:
      shard: Of the corpus.
      size: Its passages.

    Returns:
      <floating>[size, hidden_size].

    Raises:
      errors.UserError: If the file is damaged.
    """
    path = self._path(shard)
    if not os.path.exists(path):
      return None
    pooled = index_version.read_embeddings(path)
    if pooled.shape != (size, self.dim):
      raise errors.UserError(
        f"{path} holds {pooled.shape}, not {(size, self.dim)}: remove it, and "
        "the next refresh makes it anew."
      )
    return pooled

  def keep(self, shard: int, pooled: np.ndarray) -> np.ndarray:
    """Writes a shard's pooled outputs if there is room beside the version.

    Args:
      shard: Of the corpus.
      pooled: <float32>[n, hidden_size].

    Returns:
      <floating>[n, hidden_size], as stored.
    """
    with np.errstate(over="ignore"):  # The embeddings are then not finite.
      stored = pooled.astype(self._dtype)
    if not self._is_kept or not np.isfinite(stored).all():
      return stored
    os.makedirs(self.folder, exist_ok=True)
    if not disk.has_room(self.folder, stored.nbytes + self._reserved_bytes):
      self._is_kept = False
      self._report(
        f"{self.folder} has no room for what the frozen encoder gives, of "
        "which later versions could be made in seconds: they embed it anew."
      )
      return stored
    index_version.write_embeddings(self._path(shard), stored)
    return stored

  def project(self, pooled: np.ndarray) -> np.ndarray:
    """Makes embeddings.

    Args:
      pooled: <floating>[n, hidden_size].

    Returns:
      <float32>[n, dim].
    """
    pooled = tf.cast(tf.constant(pooled), tf.float32)
    return self._project(pooled=pooled)["embedding"].numpy()

  def _path(self, shard: int) -> str:
    name = index_version.shard_name(shard, self._num_shards)
    return os.path.join(self.folder, name)
