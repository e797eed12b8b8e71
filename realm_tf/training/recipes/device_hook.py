"""REALM's callbacks where the replicas hold the index.

Files are read in a thread, and the replicas' variables set by the training's
own: TPUs take work from one thread (tensorflow#44487). Pipelines and traced
functions stay what they are.
"""

import contextlib
import threading
from collections.abc import Iterator

from realm_tf.configs import schema
from realm_tf.evaluation import recall
from realm_tf.index.versions import index_version
from realm_tf.runs import exports
from realm_tf.runs import run_config
from realm_tf.training import hosts as hosts_lib
from realm_tf.training import pipeline_feed
from realm_tf.training.recipes import pretrain_hook
from realm_tf.training.tasks import device_task


class DeviceHook(pretrain_hook.BestRealmHook[device_task.DeviceVersion]):
  """Loads new versions into the replicas, between two steps."""

  def __init__(
    self,
    task: device_task.DeviceRealmTask,
    run: run_config.RunConfig,
    config: schema.RealmConfig,
    model_dir: str,
    num_passages: int,
    mode: str,
    judge: recall.Judge | None = None,
    hosts: hosts_lib.Hosts | None = None,
  ):
    """Takes the parts; see base class."""
    super().__init__(
      task, run, config, model_dir, num_passages, mode, judge, hosts
    )
    self._device = task
    self._reading: _Reading | None = None

  @contextlib.contextmanager
  def running(self) -> Iterator[None]:
    """Waits for the thread that reads, too; see base class."""
    with super().running():
      try:
        yield
      finally:
        if self._reading is not None:
          self._reading.join()

  def load(
    self, version: index_version.IndexVersion, export: exports.EmbedderExport
  ) -> device_task.DeviceVersion:
    """See base class."""
    return self._device.read_version(
      version.step, version.load_embeddings(), export.weights
    )

  def before_step(self, step: int, feed: pipeline_feed.Feed) -> None:
    """Takes a version that was read; see base class."""
    if self._reading is not None and not self._reading.is_alive():
      self._finish_reading()
    super().before_step(step, feed)

  def is_replacing(self, feed: pipeline_feed.Feed) -> bool:
    """See base class."""
    del feed
    return self._reading is not None

  def wait_until_ready(self, feed: pipeline_feed.Feed) -> None:
    """Takes the version that is being read; see base class."""
    del feed
    self._finish_reading()

  def _replace(
    self, version: int, feed: pipeline_feed.Feed, *, wait: bool
  ) -> None:
    """Reads a version's files while training goes on."""
    del feed
    if wait:
      self._opened[version] = self.open(version)
    else:
      self._reading = _Reading(self, version)
      self._reading.start()

  def _finish_reading(self) -> None:
    """Puts the version that was read into use."""
    reading, self._reading = self._reading, None
    if reading is not None:
      self._take(reading.result())


class _Reading(threading.Thread):
  """A thread that opens a version. No daemon: see `pipeline_feed.Prepared`."""

  def __init__(self, hook: DeviceHook, version: int):
    super().__init__(name=f"read index {version}")
    self._hook = hook
    self._version = version
    self._read: device_task.DeviceVersion | None = None
    self._error: Exception | None = None

  def run(self) -> None:
    """Reads the files; see base class."""
    try:
      self._read = self._hook.open(self._version)
    except Exception as e:  # noqa: BLE001 - `result` raises it
      self._error = e

  def result(self) -> device_task.DeviceVersion:
    """Waits, and returns the version or raises what its reading failed with."""
    self.join()
    if self._error is not None:
      raise self._error
    if self._read is None:
      raise RuntimeError("The thread ended without a version.")
    return self._read
