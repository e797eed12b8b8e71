"""What the processes of one training tell each other between steps.

All of them call the same functions in the same order, from the main thread:
each call is an exchange in which every process takes part.
"""

import contextlib
import functools
from collections.abc import Callable

import tensorflow as tf

from realm_tf import devices

# What exchanges with another process end with, if that has ended.
LOST = (
  tf.errors.AbortedError,
  tf.errors.CancelledError,
  tf.errors.DeadlineExceededError,
  tf.errors.InternalError,
  tf.errors.FailedPreconditionError,
  tf.errors.UnavailableError,
)


class Hosts:
  """The processes of a training; one, unless `TF_CONFIG` names several.

  The chief alone writes, and decides what depends on files or clocks.

  Attributes:
    count: How many processes there are.
    is_chief: Whether this one writes.
  """

  def __init__(self, strategy: tf.distribute.Strategy):
    """Finds the place of this process.

    Args:
      strategy: Has all replicas, as many in each process.
    """
    here = devices.host(strategy)
    self.count = here.count
    self.is_chief = here.index == 0
    self._strategy = strategy

  def total(self, *values: int) -> list[int]:
    """Returns the sums of values over all processes.

    Args:
      *values: As many in each process.
    """
    if self.count == 1:
      return list(values)
    with tf.device("/cpu:0"):
      given = tf.constant(values, tf.int64)
    local = self._strategy.num_replicas_in_sync // self.count
    # Each replica of a process gives the same.
    return [int(value) // local for value in self._sums(given)]

  def chiefs(self, value: int) -> int:
    """Returns the chief's value.

    Args:
      value: Of this process; any, where it is not the chief.
    """
    return self.total(value if self.is_chief else 0)[0]

  def wait(self) -> None:
    """Waits until all processes have come here."""
    self.total(1)

  def part(self) -> None:
    """Waits until no other process needs this one, which then may end.

    Each call of `total` needs all processes to its end: one that knows the sum
    may be what another still hears it from.
    """
    with contextlib.suppress(*LOST):
      self.wait()

  @functools.cached_property
  def _sums(self) -> Callable[[tf.Tensor], tf.Tensor]:
    strategy = self._strategy

    def reduce(values: tf.Tensor) -> tf.Tensor:
      context = tf.distribute.get_replica_context()
      # Collectives ask for a tensor that is placed on the replica's device.
      own = tf.identity(values)
      return context.all_reduce(tf.distribute.ReduceOp.SUM, own)

    @tf.function(reduce_retracing=False)
    @tf.autograph.experimental.do_not_convert
    def sums(values: tf.Tensor) -> tf.Tensor:
      return strategy.experimental_local_results(
        strategy.run(reduce, args=(values,))
      )[0]

    return sums


def alone() -> Hosts:
  """Returns the one process of a training that shares its work with none."""
  return Hosts(tf.distribute.get_strategy())
