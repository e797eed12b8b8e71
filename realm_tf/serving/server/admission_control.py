"""Limits how many requests are accepted, and how many run at once."""

import contextlib
import threading
import time
from collections.abc import Iterator

import grpc

from realm_tf.serving.server import codes


class Admission:
  """A bounded queue: requests beyond it are refused at once."""

  def __init__(self, most_running: int, most_waiting: int):
    """Takes the numbers of requests that may run and that may wait.

    Args:
      most_running: Graphs that run at the same time.
      most_waiting: Requests beside them.
    """
    self._most = most_running + most_waiting
    self._in_hand = 0
    self._lock = threading.Lock()
    self._running = threading.BoundedSemaphore(most_running)

  @property
  def most(self) -> int:
    """The largest number of requests in hand at the same time."""
    return self._most

  @property
  def in_hand(self) -> int:
    """The number of accepted requests that are not answered yet."""
    return self._in_hand

  @contextlib.contextmanager
  def request(self) -> Iterator[None]:
    """Counts a request as in hand until it is answered.

    Raises:
      codes.RequestError: RESOURCE_EXHAUSTED, the queue is full.
    """
    with self._lock:
      if self._in_hand >= self._most:
        raise codes.RequestError(
          grpc.StatusCode.RESOURCE_EXHAUSTED,
          f"the queue is full: {self._most} requests are in hand",
        )
      self._in_hand += 1
    try:
      yield
    finally:
      with self._lock:
        self._in_hand -= 1

  @contextlib.contextmanager
  def run(self, deadline: float) -> Iterator[None]:
    """Waits for a free slot to run a graph.

    Args:
      deadline: When to give up, by `time.monotonic`.

    Raises:
      codes.RequestError: DEADLINE_EXCEEDED, its turn did not come.
    """
    if not self._running.acquire(timeout=max(deadline - time.monotonic(), 0)):
      raise codes.RequestError(
        grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed in the queue"
      )
    try:
      yield
    finally:
      self._running.release()
