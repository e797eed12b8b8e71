"""Watches a run for new index versions."""

import threading
import time
from collections.abc import Callable

from realm_tf import errors
from realm_tf.index.versions import index_store

_POLL_SECS = 0.5


class IndexWatcher:
  """Polls for versions that are newer than the one in use.

  Example:
    watcher = IndexWatcher(store)
    newer = watcher.poll(current_step)  # None, most of the time
  """

  def __init__(self, store: index_store.IndexStore):
    """Watches a run's index."""
    self._store = store

  def poll(
    self, current_step: int | None, not_after_step: int | None = None
  ) -> int | None:
    """Returns the newest usable version if it is newer than the one in use.

    Cheap enough for every few steps: one listing of a folder with few entries.

    Args:
      current_step: The version in use; None for none.
      not_after_step: The trainer's own step: a run that was resumed from an
        earlier checkpoint finds versions from its future, which it must not
        take yet. None for no limit.
    """
    for step in reversed(self._store.versions()):
      if current_step is not None and step <= current_step:
        return None
      if not_after_step is not None and step > not_after_step:
        continue
      if self._store.is_usable(step):
        return step
    return None

  def wait_for(
    self,
    at_least_step: int,
    not_after_step: int,
    refresher_end: Callable[[], str | None],
    deadline_secs: float,
  ) -> int:
    """Waits for a version that is new enough; returns its step.

    Args:
      at_least_step: The oldest version that will do.
      not_after_step: The trainer's own step, as for `poll`.
      refresher_end: Asked in each round; returns a sentence on why nothing
        refreshes the index any longer, None while something does.
      deadline_secs: How long to wait at most.

    Raises:
      errors.UserError: If the refresher ended, or the deadline passed.
    """
    pause, started = threading.Event(), time.monotonic()
    while True:
      # First: a refresher that published and ended is no failure.
      end = refresher_end()
      found = self.poll(at_least_step - 1, not_after_step)
      if found is not None:
        return found
      if end is not None:
        raise errors.UserError(
          f"{end} Training needs an index version of step {at_least_step} or "
          f"later in {self._store.folder}: run the same command again once the "
          "cause is gone."
        )
      if time.monotonic() - started > deadline_secs:
        raise errors.UserError(
          f"No index version of step {at_least_step} or later appeared in "
          f"{self._store.folder} within {deadline_secs:.0f} s. Give "
          "refresh_index more workers, or raise "
          "`config.index_age_limit_steps`."
        )
      pause.wait(_POLL_SECS)
