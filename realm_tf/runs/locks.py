"""Locks between processes, which the kernel gives back when a holder dies."""

import errno
import fcntl
import os
from types import TracebackType


class FileLock:
  """An advisory lock on a file (`flock`), exclusive or shared.

  A killed process holds nothing: there are no stale locks to clean up and no
  time-outs to guess. All processes must see the file on one file system that
  supports `flock`: a local disk, or NFS on Linux.

  Example:
    with FileLock("run/index/.locks/500/publish"):
      ...  # one process at a time
  """

  def __init__(self, path: str, *, shared: bool = False):
    """Takes the file; locks nothing yet.

    Args:
      path: The file; made, with its folder, where it is missing. Its content
        does not matter.
      shared: Whether several holders may share the lock.
    """
    self.path = path
    self._operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    self._fd: int | None = None

  def acquire(self, *, blocking: bool = True) -> bool:
    """Takes the lock.

    Args:
      blocking: Whether to wait for the holder.

    Returns:
      Whether the lock was taken; always true if `blocking`.

    Raises:
      OSError: If the file cannot be opened or locked.
    """
    operation = self._operation | (0 if blocking else fcntl.LOCK_NB)
    while True:
      os.makedirs(os.path.dirname(self.path), exist_ok=True)
      fd = _open(self.path)
      if fd is None:  # The folder was removed in between.
        continue
      try:
        fcntl.flock(fd, operation)
      except OSError as e:
        os.close(fd)
        if e.errno in (errno.EWOULDBLOCK, errno.EACCES):
          return False
        raise
      if _is_file(fd, self.path):
        self._fd = fd
        return True
      # The file was removed while this process waited: what it holds locks
      # nobody else out.
      os.close(fd)

  def is_lost(self) -> bool:
    """Returns whether the file was removed while it was held."""
    return self._fd is not None and not _is_file(self._fd, self.path)

  def release(self) -> None:
    """Gives the lock back; does nothing if it is not held."""
    if self._fd is not None:
      os.close(self._fd)
      self._fd = None

  def __enter__(self) -> "FileLock":
    self.acquire()
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
  ) -> None:
    self.release()


def is_held(path: str) -> bool:
  """Returns whether some process holds the lock, shared or exclusive."""
  if not os.path.exists(path):
    return False
  lock = FileLock(path)
  free = lock.acquire(blocking=False)
  lock.release()
  return not free


def _open(path: str) -> int | None:
  try:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
  except FileNotFoundError:
    return None


def _is_file(fd: int, path: str) -> bool:
  try:
    return os.path.samestat(os.fstat(fd), os.stat(path))
  except FileNotFoundError:
    return False
