"""Keeps what a frozen encoder makes of the passages, for all versions."""

import functools
import hashlib
import json
import os
from typing import Any

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
  """

  def __init__(
    self,
    context: refresh_plan.RefreshContext,
    plan: refresh_plan.VersionPlan,
  ):
    """Takes the plan; reads and writes nothing yet.

    Args:
      context: The refresh.
      plan: The version to build, of an export whose encoder is frozen.
    """
    self._plan = plan
    self._sizes = np.diff(context.corpus.shard_offsets)
    self._report = context.report
    self._has_room = True
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

  def take(self, shard: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns what is there of a shard, and the rows that are missing.

    Args:
      shard: Of the corpus.

    Returns:
      Pooled outputs <floating>[n, hidden_size] and the rows <int64>[missing] to
      pool: none, or all of a buffer that is still to be filled.

    Raises:
      errors.UserError: If the file is damaged.
    """
    path, size = self._path(shard), self._sizes[shard]
    shape = (int(size), self._plan.pooled_size)
    if not os.path.exists(path):
      return np.empty(shape, np.float32), np.arange(size)
    pooled = index_version.read_embeddings(path)
    if pooled.shape != shape:
      raise errors.UserError(
        f"{path} holds {pooled.shape}, not {shape}: remove it, and the next "
        "refresh makes it anew."
      )
    return pooled, np.empty([0], np.int64)

  def embeddings(self, shard: int, pooled: np.ndarray) -> np.ndarray:
    """Projects a shard's pooled outputs; keeps them if they are new.

    Args:
      shard: Of the corpus.
      pooled: <floating>[n, hidden_size].

    Returns:
      <float32>[n, dim].

    Raises:
      errors.UserError: If the export is damaged.
    """
    with np.errstate(over="ignore"):  # The embeddings are then not finite.
      stored = pooled.astype(self._plan.dtype, copy=False)
    if not os.path.exists(self._path(shard)):
      self._keep(shard, stored)
    projected = self._export.signatures[exports.PROJECTION](
      pooled=tf.cast(tf.constant(stored), tf.float32)
    )
    return projected["embedding"].numpy()

  def _keep(self, shard: int, stored: np.ndarray) -> None:
    """Writes a shard's pooled outputs if there is room beside the version."""
    if not self._has_room or not np.isfinite(stored).all():
      return
    os.makedirs(self.folder, exist_ok=True)
    needed_bytes = stored.nbytes + self._plan.bytes.needed
    self._has_room = disk.has_room(self.folder, needed_bytes)
    if not self._has_room:
      self._report(
        f"{self.folder} has no room for what the frozen encoder gives, of "
        "which later versions could be made in seconds: they embed it anew."
      )
      return
    index_version.write_embeddings(self._path(shard), stored)

  @functools.cached_property
  def _export(self) -> Any:
    """The export on the CPU; it holds the variables of its signatures."""
    with tf.device("/cpu:0"):
      return saved_models.load(self._plan.export.path, "Copy the run again.")

  def _path(self, shard: int) -> str:
    name = index_version.shard_name(shard, self._plan.num_shards)
    return os.path.join(self.folder, name)
