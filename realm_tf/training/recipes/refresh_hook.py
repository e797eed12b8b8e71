"""The trainer's side of the index refresh: exports, takes versions, waits.

The trainer and the refresher know of each other through files alone
(docs/architecture.md). The trainer writes exports of its embedder; the
refresher turns them into index versions; the trainer takes the newest while
it runs. `pretrain` and `finetune` share this; each says what it makes of a
version.
"""

import abc
import contextlib
import logging
import time
from collections.abc import Collection
from collections.abc import Iterator
from typing import Generic
from typing import Protocol
from typing import TypeVar

import tensorflow as tf

from realm_tf import interruption
from realm_tf.configs import schema
from realm_tf.export import embedder_export
from realm_tf.index.job import embedding_progress
from realm_tf.index.job import refresher_process
from realm_tf.index.versions import index_store
from realm_tf.index.versions import index_version
from realm_tf.index.versions import index_watcher
from realm_tf.models import embedders
from realm_tf.runs import exports
from realm_tf.runs import run_config
from realm_tf.runs import run_state
from realm_tf.training import hosts as hosts_lib
from realm_tf.training import loop
from realm_tf.training import pipeline_feed
from realm_tf.training import training_checkpoints

_log = logging.getLogger(__name__)

_POLL_SECS = 0.5
# How long a refresher that is started apart may take to appear.
_EXTERNAL_GRACE_SECS = 60.0
# How long training waits for an index version that is due.
LONGEST_WAIT_SECS = 24 * 3600.0


class Index(Protocol):
  """A version as a task's pipelines use it.

  Attributes:
    version: The step of its embedder.
  """

  @property
  def version(self) -> int:
    """The step of its embedder."""


IndexT = TypeVar("IndexT", bound=Index)
Taken_contra = TypeVar("Taken_contra", bound=Index, contravariant=True)


class Task(Protocol[Taken_contra]):
  """A task whose index is refreshed.

  Attributes:
    retriever: The towers that are exported.
  """

  retriever: embedders.TwoTowers

  def set_index(self, index: Taken_contra) -> None:
    """Sets the index that pipelines retrieve from, from now on."""

  def train_pipeline_with(
    self, index: Taken_contra, first_step: int
  ) -> tf.data.Dataset:
    """Returns the training batches from a step on, with a given index."""


class RefreshHook(loop.Hook, abc.ABC, Generic[IndexT]):
  """Keeps the index of a run fresh while it trains.

  Attributes:
    versions_used: The index versions that fed this process, in order.
  """

  def __init__(
    self,
    task: Task[IndexT],
    run: run_config.RunConfig,
    config: schema.RealmConfig | schema.OrqaConfig,
    model_dir: str,
    num_passages: int,
    mode: str,
    hosts: hosts_lib.Hosts | None = None,
  ):
    """Takes the parts; `running` starts the refresher.

    Args:
      task: Its retriever is exported, its pipelines change versions.
      run: Names the corpus.
      config: The run's settings.
      model_dir: The run.
      num_passages: Of the knowledge corpus.
      mode: "local" starts a refresher, "external" relies on one that was
        started apart, "off" freezes the first version.
      hosts: The processes that train together: the chief exports, watches for
        versions, and names those that all take.
    """
    self._hosts = hosts or hosts_lib.alone()
    self._task = task
    self._run = run
    self._config = config
    self._model_dir = model_dir
    self._num_passages = num_passages
    self._mode = mode
    self._store = index_store.IndexStore(model_dir)
    self._watcher = index_watcher.IndexWatcher(self._store)
    self._state = run_state.RunState(model_dir)
    self._exporter = embedder_export.Exporter(task.retriever, config)
    self._refresher: refresher_process.Refresher | None = None
    self._opened: dict[int, IndexT] = {}
    self._wanted_version = -1
    self._version = -1
    self._warned_version = -1
    self._next_poll_secs = 0.0
    self._started_secs = time.monotonic()
    self._trainer: training_checkpoints.TrainerState | None = None
    self.versions_used: list[int] = []

  @abc.abstractmethod
  def load(
    self, version: index_version.IndexVersion, export: exports.EmbedderExport
  ) -> IndexT:
    """Loads a version for the pipelines, maybe in a thread beside them.

    Args:
      version: The index.
      export: The embedder that made it.
    """

  @contextlib.contextmanager
  def running(self) -> Iterator[None]:
    """Waits at the end for the refresher, which ends with the run.

    Raises:
      errors.UserError: If the refresher failed.
    """
    try:
      yield
      if self._refresher is not None:
        self._refresher.wait()
    finally:
      if self._refresher is not None:
        self._refresher.terminate()

  def before_training(self, state: training_checkpoints.TrainerState) -> None:
    """Opens the run's version; without one, builds or awaits the first."""
    self._trainer = state
    version = int(state.index_version)
    if self._hosts.is_chief:
      version = self._first_version(int(state.step), version)
    self._take(self.open(self._hosts.chiefs(version)))

  def _first_version(self, step: int, version: int) -> int:
    """Starts what refreshes the index; returns the version to begin with."""
    embedder_export.discard(self._model_dir, after_step=step)
    self._export_if_due(step)
    if self._mode == "local":
      self._refresher = refresher_process.Refresher(self._model_dir, watch=True)
    elif self._mode == "off" and self._store.latest() is None:
      self._build_frozen()
    return version if version >= 0 else self._wait_for_first(step)

  def news(self, step: int, feed: pipeline_feed.Feed) -> int | None:
    """Returns a newer version, if there is one; waits for one that is due."""
    if self._mode == "off":
      return None
    now = time.monotonic()
    if now >= self._next_poll_secs and not self.is_replacing(feed):
      self._next_poll_secs = now + _POLL_SECS
      if self._refresher is not None:
        self._refresher.look_after()
      newer = self._watcher.poll(self._version, not_after_step=step)
      if newer is not None:
        return newer
    if self._is_too_old(step) and not self.is_replacing(feed):
      return self._wait_for_refresh(step)
    return None

  def on_news(self, news: int, step: int, feed: pipeline_feed.Feed) -> None:
    """Prepares the version; takes it at once where it is overdue."""
    wait = self._is_too_old(step)
    self._replace(news, feed, wait=wait)
    if wait:
      self._take_pending()

  def before_step(self, step: int, feed: pipeline_feed.Feed) -> None:
    """Enforces the age limit on a version that is being prepared."""
    if self._mode == "off":
      return
    age = step - self._version
    if self._is_too_old(step):
      self.wait_until_ready(feed)
    elif (
      age >= self._config.index_age_warning_steps
      and self._warned_version != self._version
    ):
      self._warned_version = self._version
      _log.warning(
        f"the index is {age} steps old at step {step}; training "
        f"waits at {self._config.index_age_limit_steps}. More refresh "
        "workers would help."
      )

  def exports_after(self, step: int) -> bool:
    """See base class; the last step is exported for fine-tuning, always."""
    due = step % self._config.export_every_steps == 0
    return (due and self._mode != "off") or step == self._config.train_steps

  def after_step(self, step: int, replaced: bool) -> dict[str, float]:
    """Records a change of version; exports the embedder when it is due."""
    if replaced:
      self._take_pending()
    if self.exports_after(step) and self._hosts.is_chief:
      self._exporter.save(self._model_dir, step)
      self._prune_exports()
    return {"index_age_steps": float(step - self._version)}

  def _export_if_due(self, step: int) -> None:
    """Exports at the start, unless a recent export exists.

    A run whose index was frozen may go on with one that is refreshed.
    """
    newest = max(exports.steps(self._model_dir), default=None)
    if newest is None or (
      self._mode != "off" and step - newest >= self._config.export_every_steps
    ):
      self._exporter.save(self._model_dir, step)

  def _build_frozen(self) -> None:
    _log.info("Building the index that stays (refresh=off) ...")
    shown = self._embedding_progress()
    self._refresher = refresher_process.Refresher(self._model_dir, watch=False)
    self._refresher.wait(shown.show)

  def _wait_for_first(self, step: int) -> int:
    """Waits for the first version and shows its progress."""
    found = self._watcher.poll(None, step)
    if found is not None:
      return found
    _log.info("Waiting for the first index ...")
    return self._wait_and_show(0, step)

  def _wait_and_show(self, oldest: int, step: int) -> int:
    """Waits for a version and shows the progress of the newest export's.

    Args:
      oldest: The oldest version that will do.
      step: Of the trainer.
    """
    shown = self._embedding_progress()

    def refresher_end() -> str | None:
      shown.show()
      return self._refresher_end()

    found = self._watcher.wait_for(
      oldest, step, refresher_end, LONGEST_WAIT_SECS
    )
    shown.show()
    return found

  def _embedding_progress(self) -> embedding_progress.EmbeddingProgress:
    """Returns the progress meter of the newest export's version."""
    newest = max(exports.steps(self._model_dir))
    return embedding_progress.EmbeddingProgress(
      self._store, newest, self._num_passages
    )

  def _refresher_end(self) -> str | None:
    """Returns why no refresher runs; None while one does, or may start."""
    interruption.check()  # Of several processes, the chief waits in here.
    if self._refresher is not None:
      return self._refresher.end()
    starting = time.monotonic() < self._started_secs + _EXTERNAL_GRACE_SECS
    if self._state.refresher_is_alive() or starting:
      return None
    error = self._state.refresher_error()
    return (
      "No refresher runs"
      + (f", as the last one failed: {error} " if error else ". ")
      + "Start refresh_index(watch=True)."
    )

  def open(self, version: int) -> IndexT:
    """Announces and loads a version, with the embedder of its step."""
    self._wanted_version = version
    self._announce()
    opened = self._store.open(
      version, self._run.corpus_fingerprint, self._num_passages
    )
    return self.load(opened, exports.find(self._model_dir, version))

  def needed_versions(self) -> Collection[int]:
    """Returns further versions that must not be pruned."""
    return ()

  def _needed_versions(self) -> set[int]:
    """Returns the versions in use, next, and of the kept checkpoints."""
    kept = self._trainer.kept_index_versions if self._trainer else ()
    needed = (
      self._version,
      self._wanted_version,
      *kept,
      *self.needed_versions(),
    )
    return {v for v in needed if v >= 0}

  def _announce(self) -> None:
    """Keeps the refresher from deleting versions that are needed."""
    if not self._hosts.is_chief:
      return
    self._store.announce("trainer", self._needed_versions())

  def _take_last(self, step: int) -> None:
    """Waits for the version of the last step, and puts it into use."""
    if self._hosts.is_chief:
      _log.info("Waiting for the last index ...")
      self._wait_and_show(step, step)
    self._hosts.wait()
    self._take(self.open(step))

  def _take_pending(self) -> None:
    """Puts the prepared version into use."""
    self._take(self._opened.pop(self._wanted_version))
    self._opened.clear()

  def _take(self, index: IndexT) -> None:
    """Puts a version into use."""
    self._task.set_index(index)
    self._version = version = index.version
    if self._trainer is not None:
      self._trainer.index_version.assign(version)
    self._announce()
    self.versions_used.append(version)
    _log.info(f"  index version {version} in use")

  def is_replacing(self, feed: pipeline_feed.Feed) -> bool:
    """Returns whether a version is being prepared."""
    return feed.is_replacing()

  def wait_until_ready(self, feed: pipeline_feed.Feed) -> None:
    """Waits until the version that is being prepared may be taken."""
    feed.wait_until_ready()

  def _replace(
    self, version: int, feed: pipeline_feed.Feed, *, wait: bool
  ) -> None:
    """Prepares a version's pipeline while training goes on."""

    def pipeline(first_step: int) -> tf.data.Dataset:
      index = self._opened[version] = self.open(version)
      return self._task.train_pipeline_with(index, first_step)

    feed.replace(pipeline, wait=wait)

  def _is_too_old(self, step: int) -> bool:
    """Whether training may not go on with the version in use."""
    return step - self._version >= self._config.index_age_limit_steps

  def _wait_for_refresh(self, step: int) -> int:
    """Waits for a version that is younger than the limit, and returns it."""
    oldest = step - self._config.index_age_limit_steps + 1
    started = time.monotonic()
    _log.info(
      f"The index is {step - self._version} steps old at step {step}: "
      "training waits for the refresher."
    )
    version = self._wait_and_show(oldest, step)
    _log.info(f"  waited {time.monotonic() - started:.1f} s")
    return version

  def _prune_exports(self) -> None:
    """Removes exports that a newer one replaced before they got a version.

    The others stay as long as their versions, which cannot be searched without.
    """
    newest = self._store.latest()
    if newest is None:
      return
    versions = {*self._store.versions(), *self._store.in_use()}
    for step in exports.steps(self._model_dir):
      if (
        step < newest and step not in versions and not self._store.is_held(step)
      ):
        embedder_export.remove(self._model_dir, step)
