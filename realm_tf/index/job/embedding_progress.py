"""Shows the progress of a refresher that a command waits for."""

import logging
import time

from realm_tf import progress
from realm_tf.index.versions import index_store

_log = logging.getLogger(__name__)

_EVERY_SECS = 10.0


class EmbeddingProgress:
  """Prints how many passages have been embedded, by the shards on disk.

  A shard counts once it is written.
  """

  def __init__(
    self, store: index_store.IndexStore, step: int, num_passages: int
  ):
    """Starts the clock.

    Args:
      store: Where the version is built.
      step: The export that is embedded.
      num_passages: Of the corpus.
    """
    self._store = store
    self._step = step
    self._num_passages = num_passages
    self._shown = self._store.rows_embedded(step)
    self._meter = progress.Progress(self._shown, num_passages, 1)
    self._next_secs = 0.0

  def show(self) -> None:
    """Prints a line if there is progress: every ten seconds, and at the end."""
    done = self._store.rows_embedded(self._step)
    now = time.monotonic()
    if done == self._shown or (
      now < self._next_secs and done < self._num_passages
    ):
      return
    self._shown, self._next_secs = done, now + _EVERY_SECS
    self._meter.measure(done)
    _log.info(f"  {self._meter.line(done, {}, 'passage')}")
