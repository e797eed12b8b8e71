"""Embeds an index anew, some rows a step, inside of the training step."""

from collections.abc import Callable

import tensorflow as tf

from realm_tf.index.device import device_index
from realm_tf.models import replicas


class InlineRefresh(tf.Module):
  """Each replica goes round its share; a round takes a given number of steps.

  A row that is searched at a step was embedded with the weights of that step,
  or of one of the `round_steps` - 1 steps before. Where a replica is follows
  from the step alone.

  Attributes:
    rows_a_step: Rows that each replica embeds in a step.
    round_steps: Steps in which all rows are embedded once.
  """

  def __init__(
    self,
    index: device_index.DeviceIndex,
    embed: Callable[[tf.Tensor], tf.Tensor],
    most_steps: int,
  ):
    """Takes the parts; call it in the strategy's scope.

    Args:
      index: What to refresh.
      embed: From records <int32>[n, W] to vectors <float32>[n, D], with the
        weights of the step.
      most_steps: Of a round.
    """
    super().__init__(name="inline_refresh")
    self._index = index
    self._embed = embed
    self._share = index.layout.share_rows
    self.rows_a_step = -(-self._share // most_steps)
    self.round_steps = -(-self._share // self.rows_a_step)
    self._strategy = tf.distribute.get_strategy()
    self._position = replicas.variable([], tf.int32, "position")

  def advance(self) -> None:
    """Embeds the next rows; call it inside of `strategy.run`, on all replicas.

    At the end of a share, it goes on at its beginning.
    """
    position = tf.convert_to_tensor(self._position)
    places = (position + tf.range(self.rows_a_step)) % self._share
    vectors = self._embed(self._index.records(places))
    self._index.store(places, vectors)
    self._position.assign((position + self.rows_a_step) % self._share)

  def go_to(self, step: int) -> None:
    """Sets where the next step begins.

    Args:
      step: Steps done.
    """
    position = step * self.rows_a_step % self._share
    for part in self._strategy.experimental_local_results(self._position):
      part.assign(position)

  def embed_all(self) -> None:
    """Embeds every row with the weights that are there now."""

    @tf.function(autograph=False)
    def advance() -> None:
      self._strategy.run(self.advance)

    for _ in range(self.round_steps):
      advance()
