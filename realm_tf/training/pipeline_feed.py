"""Feeds the training step, and switches pipelines without a pause."""

import contextlib
import math
import threading
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Iterator

import tensorflow as tf

from realm_tf import devices
from realm_tf.training import base_task


class Prepared:
  """An iterator that a thread prepares beside the training.

  Attributes:
    first_step: The step of its next batch; final once it is ready.
  """

  def __init__(
    self,
    make: Callable[[], Iterator],
    first_step: int,
    current_step: Callable[[], int],
  ):
    """Starts the thread.

    Args:
      make: Makes the iterator.
      first_step: The step of its first batch.
      current_step: Tells the step that training is at.
    """
    self.first_step = first_step
    self._current_step = current_step
    self._iterator: Generator[base_task.Features, None, None] | None = None
    self._error: Exception | None = None
    # No daemon, which Python would stop at exit: inside of TensorFlow, that
    # aborts the process.
    self._thread = threading.Thread(target=self._make_ready, args=(make,))
    self._thread.start()

  def _make_ready(self, make: Callable[[], Iterator]) -> None:
    try:
      iterator = make()
      batch = next(iterator)  # traces, starts the workers, fills the buffers
      # Passes over what the old pipeline has fed meanwhile, and then over what
      # it fed during that, as long as this gets nearer: of two pipelines that
      # are equally fast, neither overtakes the other.
      missed, before = self._missed(), math.inf
      while 0 < missed <= before / 2:
        for _ in range(missed):
          batch = next(iterator)
          self.first_step += 1
        missed, before = self._missed(), missed
      self._iterator = _chain(batch, iterator)
    except Exception as e:  # noqa: BLE001 - `wait` raises it
      self._error = e

  def _missed(self) -> int:
    return self._current_step() - self.first_step

  def is_ready(self) -> bool:
    """Returns whether `wait` would return, or raise, at once."""
    return not self._thread.is_alive()

  def wait(self) -> Generator[base_task.Features, None, None]:
    """Returns the iterator, once it is ready; its first is `first_step`'s.

    Raises:
      Exception: Whatever its making failed with.
    """
    self._thread.join()
    if self._error is not None:
      raise self._error
    if self._iterator is None:
      raise RuntimeError("The thread ended without an iterator.")
    return self._iterator


def _release(iterator: Generator) -> None:
  """Releases an old pipeline in a thread, as its end may take seconds.

  The generator is what holds the pipeline, so that closing it releases it
  wherever the last name for it goes. Python waits for the thread at exit.
  """
  threading.Thread(target=iterator.close).start()


def _chain(
  first: base_task.Features, rest: Iterator[base_task.Features]
) -> Generator[base_task.Features, None, None]:
  yield first
  yield from rest


class Feed:
  """The batches of consecutive steps, from one pipeline after another.

  A pipeline is a pure function of its first step. A new one is made ready in
  a thread while the old one still feeds the model, and takes over at the step
  it begins with: no example is lost, none comes twice.
  """

  _LEAD_STEPS = 4

  def __init__(
    self,
    strategy: tf.distribute.Strategy,
    pipeline: base_task.Pipeline,
    first_step: int,
  ):
    """Starts with the first pipeline.

    Args:
      strategy: Spreads each global batch over its replicas.
      pipeline: From a step to the batches from there on.
      first_step: The step of the first batch.
    """
    self._strategy = strategy
    self._step = first_step
    self._iterator = self._prepare(pipeline, first_step).wait()
    self._next: Prepared | None = None

  def replace(
    self, pipeline: base_task.Pipeline, *, wait: bool = False
  ) -> None:
    """Prepares a new pipeline, which takes over a few steps later.

    Args:
      pipeline: From a step to the batches from there on.
      wait: Whether it takes over at once, and the caller waits for it.
    """
    lead = 0 if wait else self._LEAD_STEPS
    self._next = self._prepare(pipeline, self._step + lead)
    if wait:
      self._iterator = self._next.wait()
      self._next = None

  def is_replacing(self) -> bool:
    """Whether a new pipeline is being prepared."""
    return self._next is not None

  def wait_until_ready(self) -> None:
    """Waits for the new pipeline, which takes over at its first step.

    One that begins after the last step never does: the old one feeds the rest.

    Raises:
      Exception: Whatever its making failed with.
    """
    if self._next is not None:
      with contextlib.suppress(StopIteration):
        self._next.wait()

  def can_take_over(self) -> bool:
    """Whether a new pipeline is ready to give the next batch."""
    pending = self._next
    return (
      pending is not None
      and self._step >= pending.first_step
      and pending.is_ready()
    )

  def next(
    self, *, take_over: bool | None = None
  ) -> tuple[base_task.Features, bool]:
    """Returns the next batch, and whether a new pipeline gave it.

    Args:
      take_over: Whether a new pipeline gives it; by default, if
        `can_take_over`. Processes that train together do so at the same step,
        once all can.
    """
    replaced = self.can_take_over() if take_over is None else take_over
    if replaced:
      self._take_over()
    features = next(self._iterator)
    self._step += 1
    return features, replaced

  def _take_over(self) -> None:
    pending = self._next
    if pending is None:
      raise RuntimeError("No new pipeline is being prepared.")
    iterator = pending.wait()
    for _ in range(self._step - pending.first_step):
      next(iterator)  # the rest of what the old pipeline has fed
    _release(self._iterator)
    self._iterator, self._next = iterator, None

  def _prepare(self, pipeline: base_task.Pipeline, first_step: int) -> Prepared:
    def make() -> Iterator:
      dataset = pipeline(first_step)
      return iter(devices.distribute(self._strategy, dataset))

    return Prepared(make, first_step, lambda: self._step)
