"""Which worker embeds which shard: locks, and signs of life beside them.

A killed worker's lock is free at once. A worker that is stopped, or whose
machine hangs, keeps its lock: others take its shard over once the lock's file
shows no sign of life. Should it go on, the shard is embedded twice, and what
comes first stays.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator

from realm_tf.runs import locks

TAKEOVER_SECS = 60.0
_BEAT_SECS = 5.0


class Claims:
  """The shards of one version, as one worker sees them."""

  def __init__(self, folder: str, takeover_secs: float = TAKEOVER_SECS):
    """Takes the folder of the locks; claims nothing.

    Args:
      folder: Of the version's locks.
      takeover_secs: How long a worker may show no sign of life.
    """
    self._folder = folder
    self._takeover_secs = takeover_secs
    # By lock, the last sign of life, and when this process first saw it:
    # clocks of other machines may differ.
    self._seen: dict[str, tuple[int, float]] = {}

  @contextlib.contextmanager
  def taken(self, shard: int) -> Iterator[bool]:
    """Claims a shard within the context, and shows signs of life.

    Args:
      shard: Which.

    Yields:
      Whether it was free, or whoever holds it shows no sign of life.
    """
    lock = self._acquire(shard)
    if lock is None:
      yield False
      return
    try:
      with _signs_of_life(lock.path, min(_BEAT_SECS, self._takeover_secs / 4)):
        yield True
    finally:
      lock.release()

  def _acquire(self, shard: int) -> locks.FileLock | None:
    name = f"shard-{shard:05d}"
    while True:
      lock = locks.FileLock(os.path.join(self._folder, name))
      if lock.acquire(blocking=False):
        return lock
      if not self._is_silent(lock.path):
        return None
      name += "-again"

  def _is_silent(self, path: str) -> bool:
    """Whether the holder of a lock has shown no sign of life for too long."""
    try:
      sign = os.stat(path).st_mtime_ns
    except FileNotFoundError:
      return False
    now = time.monotonic()
    if self._seen.get(path, (None, now))[0] != sign:
      self._seen[path] = sign, now
    return now - self._seen[path][1] >= self._takeover_secs


@contextlib.contextmanager
def _signs_of_life(path: str, every_secs: float) -> Iterator[None]:
  """Changes the time of a lock's file now and then, from a thread."""
  ended = threading.Event()

  def beat() -> None:
    while True:
      with contextlib.suppress(OSError):  # Removed with its folder, or full.
        os.utime(path)
      if ended.wait(every_secs):
        return

  thread = threading.Thread(target=beat, daemon=True)
  thread.start()
  try:
    yield
  finally:
    ended.set()
    thread.join()
