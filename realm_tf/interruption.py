"""Signals that ask a command to end: SIGINT, SIGTERM, SIGHUP.

The first raises `Interrupted` in the main thread; inside of `deferred`, at its
end. The second ends the process at once, whatever it is doing.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Iterator
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# `timeout` and some schedulers send one request to the process and to its
# group: the same request, not a second one.
_ONE_REQUEST_SECS = 0.5


class Interrupted(KeyboardInterrupt):
  """A signal asks the command to end.

  Attributes:
    number: Of the signal.
  """

  def __init__(self, number: int, where: str = ""):
    """Builds the message.

    Args:
      number: Of the signal.
      where: The end of the line, after the signal's name.
    """
    super().__init__(f"Interrupted by {signal.Signals(number).name}{where}.")
    self.number = number


class _Requests:
  """The signals that this process has received."""

  received: int | None = None
  raised: int | None = None
  deferred = False

  def take(self, number: int, frame: types.FrameType | None) -> None:
    """Handles a signal, in the main thread."""
    del frame
    if self.received is None:
      self.received = number
      if not self.deferred:
        self.raise_received()

  def raise_received(self) -> None:
    if self.received is not None:
      self.raised = self.received
      raise Interrupted(self.received)


_requests = _Requests()


def install() -> None:
  """Takes the signals from here on, except those that the caller ignores."""
  for number in SIGNALS:
    if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` does.
      signal.signal(number, _requests.take)
  # Handlers run between two operations of Python; the bytes come at once.
  read, write = os.pipe()
  os.set_blocking(write, False)
  signal.set_wakeup_fd(write, warn_on_full_buffer=False)
  threading.Thread(target=_end_at_second, args=(read,), daemon=True).start()


def take_again() -> None:
  """Takes the signals that `install` took, and a library since.

  TensorFlow handles SIGTERM itself once a process is a cluster's worker: it
  waits for somebody to ask it whether the machine is to be taken away.
  """
  for number in SIGNALS:
    if signal.getsignal(number) == _requests.take:
      signal.signal(number, _requests.take)


def end_at_once() -> None:
  """Makes each signal end this process at once, silently.

  For processes that other processes look after, and that lose nothing.
  """
  signal.set_wakeup_fd(-1)
  for number in SIGNALS:
    if signal.getsignal(number) is not signal.SIG_IGN:
      signal.signal(number, signal.SIG_DFL)


def end_with_parent() -> None:
  """Makes this process end when the one that started it has ended.

  The parent holds the other end of standard input and never writes: the
  kernel closes it even when the parent is killed. Call it before TensorFlow is
  imported, which may take long.
  """

  def wait_for_end() -> None:
    # Not sys.stdin.read(): that holds a lock which the interpreter's end needs.
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)

  threading.Thread(target=wait_for_end, daemon=True).start()


@contextlib.contextmanager
def deferred() -> Iterator[None]:
  """Finishes the block, then raises `Interrupted` if a signal came.

  An error that ends the block comes first. Within another such block, that
  one's end raises.
  """
  before, _requests.deferred = _requests.deferred, True
  try:
    yield
  finally:
    _requests.deferred = before
  if not before:
    _requests.raise_received()


def received() -> int | None:
  """Returns the number of the signal that came; None if none did."""
  return _requests.received


def check() -> None:
  """Raises `Interrupted` if a signal came, in a deferred block too."""
  _requests.raise_received()


@contextlib.contextmanager
def in_one_line() -> Iterator[None]:
  """Ends the process with a line on stderr if a signal has asked for it.

  The exit status is 128 + the signal's number, as shells have it. What the
  block has begun is undone by its own context managers, before.
  """
  try:
    yield
  except Interrupted as e:
    _end(e)
  except (ImportError, SystemError):
    # So does `Interrupted` come out of an extension that is being imported.
    if _requests.raised is None:
      raise
    _end(Interrupted(_requests.raised))


def _end(interrupted: Interrupted) -> NoReturn:
  with contextlib.suppress(OSError):
    sys.stdout.flush()
    print(interrupted, file=sys.stderr, flush=True)
  # Not sys.exit(): that waits for threads that are of no use any longer.
  os._exit(128 + interrupted.number)


def _end_at_second(descriptor: int) -> None:
  """Reads the numbers of signals; ends the process at the second request."""
  first_secs = 0.0
  while True:
    number = os.read(descriptor, 1)[0]
    if number not in SIGNALS:
      continue
    now_secs = time.monotonic()
    first_secs = first_secs or now_secs
    if now_secs - first_secs > _ONE_REQUEST_SECS:
      os._exit(128 + number)
