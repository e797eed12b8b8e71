"""Trains a baseline step by step; resumable, and the same for the same seed."""

import logging
import os
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf import interruption
from realm_tf import progress
from realm_tf.baselines import run_options

_log = logging.getLogger(__name__)


class Trainer:
  """The state of a training.

  Attributes:
    step: <int64>[]. Steps done.
  """

  def __init__(
    self,
    options: run_options.RunOptions,
    optimizer: Any,
    parts: Mapping[str, Any],
  ):
    """Restores the newest checkpoint, if there is one.

    Args:
      options: The settings.
      optimizer: Keras's, whose variables exist.
      parts: All else that is trained or drawn from, by name.
    """
    self._options = options
    self._optimizer = optimizer
    self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
    self._checkpoints = tf.train.CheckpointManager(
      tf.train.Checkpoint(optimizer=optimizer, step=self.step, **parts),
      os.path.join(options.model_dir, "checkpoints"),
      max_to_keep=2,
    )
    if self._checkpoints.restore_or_initialize():
      _log.info(f"Resumed {options.model_dir} at step {int(self.step)}.")

  @property
  def is_done(self) -> bool:
    """Whether the last step was taken."""
    return int(self.step) >= self._options.train_steps

  def run(self, take_step: Callable[[], tf.Tensor]) -> None:
    """Takes steps until the last one.

    Args:
      take_step: Takes one by `minimize`, and returns its loss, <float32>[]. It
        must be a function of `step` and the weights alone.

    Raises:
      interruption.Interrupted: If a signal came. The steps done are saved.
    """
    options = self._options
    if self.is_done:
      return
    meter = progress.Progress(
      int(self.step), options.train_steps, options.batch_size
    )
    try:
      while not self.is_done:
        with interruption.deferred():
          loss = take_step()
        step = int(self.step)
        if step % options.checkpoint_every_steps == 0:
          self._checkpoints.save(step)
          meter.measure(step)
          _log.info(meter.line(step, {"loss": float(loss)}))
    except interruption.Interrupted as e:
      self._checkpoints.save(int(self.step))
      raise interruption.Interrupted(
        e.number,
        f" at step {int(self.step)}. Run the same command again to go on",
      ) from e
    if options.train_steps % options.checkpoint_every_steps:
      self._checkpoints.save(int(self.step))

  def minimize(
    self,
    tape: tf.GradientTape,
    loss: tf.Tensor,
    weights: list[tf.Variable],
  ) -> None:
    """Takes a step down the clipped gradient of a loss.

    Args:
      tape: That has watched the weights.
      loss: <float32>[].
      weights: What is changed.
    """
    gradients = tape.gradient(loss, weights)
    gradients, _ = tf.clip_by_global_norm(gradients, self._options.clip_norm)
    self._optimizer.apply_gradients(zip(gradients, weights, strict=True))
    self.step.assign_add(1)
