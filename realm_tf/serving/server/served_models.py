"""All models of a server, with their versions and labels."""

import contextlib
import logging
import threading
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

import grpc
from tensorflow_serving.apis import model_pb2

from realm_tf.serving.server import codes
from realm_tf.serving.server import model_config
from realm_tf.serving.server import servables
from realm_tf.serving.server import served_versions
from realm_tf.serving.server import server_metrics

_log = logging.getLogger(__name__)


class Models:
  """Which version answers a request. All of it may be called by any thread."""

  def __init__(
    self,
    metrics: server_metrics.Metrics,
    *,
    labels_for_unavailable: bool = False,
  ):
    """Serves nothing before the first `reload`.

    Args:
      metrics: Where loads are counted.
      labels_for_unavailable: Whether a new label may name a version that is
        not loaded.
    """
    self._metrics = metrics
    self._labels_for_unavailable = labels_for_unavailable
    self._models: dict[str, served_versions.Versions] = {}
    self._changing = threading.Lock()
    self._end = threading.Event()

  def reload(self, configs: Sequence[model_config.ModelConfig]) -> None:
    """Serves these models and no others, and waits until they answer.

    Args:
      configs: All models, each with a name of its own.

    Raises:
      codes.RequestError: A label names a version that does not answer
        requests, and nothing was changed; or no version that is wanted of a
        model can be loaded, and what was loaded of it stays.
    """
    with self._changing:
      for config in configs:
        self._check_labels(config)
      names = {config.name for config in configs}
      models, problems = dict(self._models), []
      for config in configs:
        if config.name in models:
          models[config.name].config = config
        else:
          models[config.name] = served_versions.Versions(config, self._metrics)
        if not models[config.name].update():
          problems.append(_problem(models[config.name]))
      gone = [model for name, model in models.items() if name not in names]
      self._models = {
        name: model for name, model in models.items() if name in names
      }
      for model in gone:
        model.close()
    if problems:
      raise codes.RequestError(grpc.StatusCode.UNKNOWN, "; ".join(problems))

  def poll(
    self,
    seconds: float,
    config_seconds: float = 0.0,
    read_config: Callable[[], Sequence[model_config.ModelConfig]] | None = None,
  ) -> None:
    """Starts a thread that looks for new versions, and for a new config.

    Args:
      seconds: Between two looks at the models' folders; 0 for none.
      config_seconds: Between two looks at the config; 0 for none.
      read_config: Reads it.
    """
    jobs = []
    if seconds > 0:
      jobs.append((seconds, self._update))
    if config_seconds > 0 and read_config is not None:
      config_of = read_config
      jobs.append((config_seconds, lambda: self._follow(config_of)))
    for pause, job in jobs:
      thread = threading.Thread(
        target=self._repeat, args=(pause, job), name="poll", daemon=True
      )
      thread.start()

  @contextlib.contextmanager
  def use(self, spec: model_pb2.ModelSpec) -> Iterator[servables.Servable]:
    """Gives the version that a request names, and keeps it loaded meanwhile.

    Raises:
      codes.RequestError: There is none.
    """
    version = self._version(spec)
    model = self._models.get(spec.name)
    with contextlib.ExitStack() as use:
      servable = (
        use.enter_context(model.use(version)) if model is not None else None
      )
      if servable is None:
        asked = (
          f"Latest({spec.name})"
          if version is None
          else f"Specific({spec.name}, {version})"
        )
        raise codes.RequestError(
          grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {asked}"
        )
      yield servable

  def status(
    self, spec: model_pb2.ModelSpec
  ) -> dict[int, served_versions.VersionStatus]:
    """Returns the status of a model's versions, or of the one that is named.

    Raises:
      codes.RequestError: There is no such model, version or label.
    """
    model = self._models.get(spec.name)
    version = self._version(spec)
    status = model.status() if model is not None else {}
    if not status:
      raise codes.RequestError(
        grpc.StatusCode.NOT_FOUND,
        f"Could not find any versions of model {spec.name}",
      )
    if version is None:
      return dict(sorted(status.items()))
    if version not in status:
      raise codes.RequestError(
        grpc.StatusCode.NOT_FOUND,
        f"Could not find version {version} of model {spec.name}",
      )
    return {version: status[version]}

  def serves(self, name: str) -> bool:
    """Returns whether there is a model of this name."""
    return name in self._models

  def close(self) -> None:
    """Ends polling and unloads everything."""
    self._end.set()
    with self._changing:
      for model in self._models.values():
        model.close()
      self._models = {}

  def _version(self, spec: model_pb2.ModelSpec) -> int | None:
    if not spec.name:
      raise codes.invalid("the request names no model")
    choice = spec.WhichOneof("version_choice")
    if choice == "version":
      return spec.version.value
    if choice == "version_label":
      model = self._models.get(spec.name)
      labels = model.config.labels if model is not None else {}
      if spec.version_label not in labels:
        raise codes.invalid(
          f"Unrecognized servable version label: {spec.version_label}"
        )
      return labels[spec.version_label]
    return None

  def _check_labels(self, config: model_config.ModelConfig) -> None:
    model = self._models.get(config.name)
    available = model.available() if model is not None else set()
    known = model.config.labels if model is not None else {}
    for label, version in sorted(config.labels.items()):
      may_wait = self._labels_for_unavailable and label not in known
      if version not in available and not may_wait:
        raise codes.RequestError(
          grpc.StatusCode.FAILED_PRECONDITION,
          f"label {label!r} of model {config.name!r} is for version {version}, "
          "which is not loaded; new labels may be, with "
          "allow_version_labels_for_unavailable_models=True",
        )

  def _repeat(self, pause: float, job: Callable[[], None]) -> None:
    while not self._end.wait(pause):
      try:
        job()
      except Exception:  # noqa: BLE001 - the next look may go better
        _log.exception("looking for new versions failed")

  def _update(self) -> None:
    with self._changing:
      if not self._end.is_set():
        for model in self._models.values():
          model.update()

  def _follow(
    self, read_config: Callable[[], Sequence[model_config.ModelConfig]]
  ) -> None:
    configs = read_config()
    if list(configs) != [model.config for model in self._models.values()]:
      self.reload(configs)
      _log.info("a new config is in use")


def _problem(model: served_versions.Versions) -> str:
  """Returns why none of a model's wanted versions answers."""
  name, path = model.config.name, model.config.base_path
  failed = [s.message for s in model.status().values() if s.message]
  if failed:
    return f"model {name!r}: {failed[-1]}"
  return (
    f"model {name!r}: {path} has no version to load, a folder that is named by "
    "a number"
  )
