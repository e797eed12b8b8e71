"""The versions of one model: loaded, replaced and unloaded without a gap."""

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Iterator

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2

from realm_tf.serving.server import codes
from realm_tf.serving.server import model_config
from realm_tf.serving.server import servables
from realm_tf.serving.server import server_metrics
from realm_tf.serving.server import version_folders
from realm_tf.serving.server import warm_up

_log = logging.getLogger(__name__)

_AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE
_END = get_model_status_pb2.ModelVersionStatus.END
_LOADING = get_model_status_pb2.ModelVersionStatus.LOADING
_UNLOADING = get_model_status_pb2.ModelVersionStatus.UNLOADING


@dataclasses.dataclass(frozen=True)
class VersionStatus:
  """The state of a version.

  Attributes:
    state: As TensorFlow Serving's API names it.
    code: OK, or why it could not be loaded.
    message: The same in words.
  """

  state: int
  code: grpc.StatusCode = grpc.StatusCode.OK
  message: str = ""


class Versions:
  """One model. `update` is called by one thread, the rest by any."""

  def __init__(
    self, config: model_config.ModelConfig, metrics: server_metrics.Metrics
  ):
    """Holds nothing before the first `update`."""
    self.config = config
    self._metrics = metrics
    self._lock = threading.Lock()
    self._available: dict[int, servables.Servable] = {}
    self._status: dict[int, VersionStatus] = {}
    # Folders that could not be loaded as they were, and as they look now.
    self._refused: dict[int, version_folders.Fingerprint] = {}
    self._seen: dict[int, version_folders.Fingerprint] = {}
    self._unloading: list[threading.Thread] = []

  def update(self) -> bool:
    """Loads the wanted versions, then unloads the others.

    A version that cannot be loaded is refused, and those that are loaded stay
    until one that is wanted answers. It is tried again when its files have
    changed and rest.

    Returns:
      Whether a version that is wanted answers.
    """
    folders = version_folders.find(self.config.base_path)
    self._forget_mended(folders)
    while True:
      wanted = version_folders.wanted(
        folders, self._refused, self.config.policy
      )
      missing = sorted(wanted - self._available.keys() - self._refused.keys())
      if not missing:
        break
      # The newest first: it is what most requests are for.
      self._load(missing[-1], folders[missing[-1]])
    # What is deleted on disk goes on until something takes its place.
    answers = bool(wanted & self._available.keys())
    if answers:
      for version in sorted(self._available.keys() - wanted):
        self._unload(version)
    return answers

  @contextlib.contextmanager
  def use(self, version: int | None) -> Iterator[servables.Servable | None]:
    """Gives a version, the newest for None, and keeps it loaded meanwhile."""
    with contextlib.ExitStack() as use:
      with self._lock:
        newest = max(self._available, default=-1)
        found = self._available.get(newest if version is None else version)
        if found is not None:
          use.enter_context(found)
      yield found

  def status(self) -> dict[int, VersionStatus]:
    """Returns the status of all versions, loaded or refused."""
    with self._lock:
      return dict(self._status)

  def available(self) -> set[int]:
    """Returns the versions that answer requests."""
    with self._lock:
      return set(self._available)

  def close(self) -> None:
    """Unloads all versions, each once it is unused."""
    for version in sorted(self.available()):
      self._unload(version)
    for thread in self._unloading:
      thread.join()

  def _forget_mended(self, folders: dict[int, str]) -> None:
    for version, refused in list(self._refused.items()):
      if version not in folders:
        del self._refused[version]
        continue
      now = version_folders.fingerprint(folders[version])
      # Unchanged since the last look: its writer may be done.
      if now != refused and now == self._seen.get(version):
        del self._refused[version]
      self._seen[version] = now

  def _load(self, version: int, folder: str) -> None:
    self._set(version, VersionStatus(_LOADING))
    before = version_folders.fingerprint(folder)
    started = time.monotonic()
    try:
      servable = self._loaded(version, folder)
    except codes.RequestError as e:
      self._refuse(version, folder, before, e)
      return
    seconds = time.monotonic() - started
    self._metrics.load(folder, "success", seconds)
    with self._lock:
      self._available[version] = servable
      self._status[version] = VersionStatus(_AVAILABLE)
    self._metrics.version(self.config.name, version, True)
    _log.info(
      "%s version %d answers requests; loaded in %.1f s",
      self.config.name,
      version,
      seconds,
    )

  def _loaded(self, version: int, folder: str) -> servables.Servable:
    try:
      servable = servables.Servable(self.config.name, version, folder)
      try:
        requests = warm_up.warm_up(servable)
      except BaseException:
        servable.close()
        raise
    except codes.RequestError as e:
      raise codes.RequestError(e.code, f"warm-up: {e.message}") from e
    except tf.errors.OpError as e:
      raise codes.from_tensorflow(e) from e
    except Exception as e:  # noqa: BLE001 - a damaged graph fails in any way
      message = f"{type(e).__name__}: {e}"
      raise codes.RequestError(grpc.StatusCode.UNKNOWN, message) from e
    if requests:
      _log.info(
        "%s version %d: %d warm-up requests", servable.name, version, requests
      )
    return servable

  def _refuse(
    self,
    version: int,
    folder: str,
    fingerprint: version_folders.Fingerprint,
    error: codes.RequestError,
  ) -> None:
    self._refused[version] = self._seen[version] = fingerprint
    message = f"cannot load {folder}: {' '.join(error.message.split())}"
    self._set(version, VersionStatus(_END, error.code, message))
    self._metrics.load(folder, "fail", 0.0)
    self._metrics.version(self.config.name, version, False)
    _log.error(
      "%s version %d is refused: %s", self.config.name, version, message
    )
    servables.give_memory_back()

  def _unload(self, version: int) -> None:
    with self._lock:
      servable = self._available.pop(version)
      self._status[version] = VersionStatus(_UNLOADING)
    self._metrics.version(self.config.name, version, False)

    def drain() -> None:
      servable.close()
      self._set(version, VersionStatus(_END))
      _log.info("%s version %d is unloaded", self.config.name, version)

    # Requests in hand may take long: neither loads nor other models wait.
    self._unloading = [t for t in self._unloading if t.is_alive()]
    thread = threading.Thread(
      target=drain, name=f"unload-{version}", daemon=True
    )
    self._unloading.append(thread)
    thread.start()

  def _set(self, version: int, status: VersionStatus) -> None:
    with self._lock:
      self._status[version] = status
