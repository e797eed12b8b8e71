"""Figures for Prometheus, under TensorFlow Serving's names where it has them.

These begin with a colon, which Prometheus keeps for rules; what was made to
watch TensorFlow Serving looks for them all the same.
"""

import itertools
import operator
import threading
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator

import prometheus_client
from prometheus_client import metrics_core
from prometheus_client import registry as registry_lib

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_PLAIN_0_0_4

_SERVING = ":tensorflow:serving:"
# From 10 microseconds to about 20 minutes, each 1.8 times the one before.
_MICROSECONDS = tuple(
  itertools.accumulate(itertools.repeat(1.8, 32), operator.mul, initial=10.0)
)
_ROWS = tuple(2.0**i for i in range(15))


class _Counts(registry_lib.Collector):
  """A counter under a name without _total, which the library would add."""

  def __init__(self, name: str, documentation: str, labels: Iterable[str]):
    self._name, self._documentation = name, documentation
    self._labels = tuple(labels)
    self._counts: dict[tuple[str, ...], float] = {}
    self._lock = threading.Lock()

  def add(self, *labels: str, amount: float = 1.0) -> None:
    with self._lock:
      self._counts[labels] = self._counts.get(labels, 0.0) + amount

  def collect(self) -> Iterator[metrics_core.Metric]:
    with self._lock:
      counts = dict(self._counts)
    family = metrics_core.UntypedMetricFamily(
      self._name, self._documentation, labels=self._labels
    )
    for labels, count in counts.items():
      family.add_metric(labels, count)
    yield family


class Metrics:
  """The metrics of a server; thread-safe."""

  def __init__(self) -> None:
    """Makes its own registry, as a process may hold several servers."""
    prometheus_client.disable_created_metrics()
    self._registry = registry = prometheus_client.CollectorRegistry()
    prometheus_client.ProcessCollector(registry=registry)
    self._requests = _Counts(
      f"{_SERVING}request_count",
      "Requests by model and status.",
      ["model_name", "status"],
    )
    self._loads = _Counts(
      ":tensorflow:cc:saved_model:load_attempt_count",
      "Attempts to load a version.",
      ["model_path", "status"],
    )
    self._load_time = _Counts(
      ":tensorflow:cc:saved_model:load_latency",
      "Microseconds that loading took.",
      ["model_path"],
    )
    for counts in (self._requests, self._loads, self._load_time):
      registry.register(counts)
    self._latency = prometheus_client.Histogram(
      f"{_SERVING}request_latency",
      "Microseconds of a request that succeeded, from its arrival.",
      ["model_name", "API", "entrypoint"],
      buckets=_MICROSECONDS,
      registry=registry,
    )
    self._runtime = prometheus_client.Histogram(
      f"{_SERVING}runtime_latency",
      "Microseconds that TensorFlow took for a run of the graph.",
      ["model_name", "API", "runtime"],
      buckets=_MICROSECONDS,
      registry=registry,
    )
    self._queuing = prometheus_client.Histogram(
      f"{_SERVING}batching_session:queuing_latency",
      "Microseconds that a request waited for its batch.",
      ["model_name"],
      buckets=_MICROSECONDS,
      registry=registry,
    )
    self._batch_rows = prometheus_client.Histogram(
      "realm_serving_batch_rows",
      "Rows of a batch, without padding.",
      ["model_name"],
      buckets=_ROWS,
      registry=registry,
    )
    self._padding = prometheus_client.Counter(
      "realm_serving_batch_padding_rows",
      "Rows added to reach an allowed batch size.",
      ["model_name"],
      registry=registry,
    )
    self._in_hand = prometheus_client.Gauge(
      "realm_serving_requests_in_hand",
      "Requests accepted and not answered yet.",
      registry=registry,
    )
    self._versions = prometheus_client.Gauge(
      "realm_serving_version_available",
      "1 where a version answers requests, 0 where it does not.",
      ["model_name", "version"],
      registry=registry,
    )

  def page(self) -> bytes:
    """Returns the text that Prometheus reads."""
    return prometheus_client.generate_latest(self._registry)

  def watch_in_hand(self, count: Callable[[], float]) -> None:
    """Reads the number of requests in hand each time the metrics are read."""
    self._in_hand.set_function(count)

  def request(
    self, model: str, status: str, entry: str, api: str, seconds: float
  ) -> None:
    """Counts a request that was answered.

    Args:
      model: Its name; "" for one that is not served.
      status: A code's name.
      entry: "GRPC" or "REST".
      api: Such as "Predict".
      seconds: From its arrival to its answer.
    """
    self._requests.add(model, status)
    if status == "OK":
      self._latency.labels(model, api, entry).observe(seconds * 1e6)

  def run(self, model: str, seconds: float) -> None:
    """Counts a run of the graph."""
    self._runtime.labels(model, "Predict", "TF1").observe(seconds * 1e6)

  def queued(self, model: str, seconds: float) -> None:
    """Counts the wait of a request for its batch."""
    self._queuing.labels(model).observe(seconds * 1e6)

  def batch(self, model: str, rows: int, padded: int) -> None:
    """Counts a batch that ran."""
    self._batch_rows.labels(model).observe(rows)
    self._padding.labels(model).inc(padded - rows)

  def load(self, folder: str, status: str, seconds: float) -> None:
    """Counts an attempt to load a version."""
    self._loads.add(folder, status)
    if status == "success":
      self._load_time.add(folder, amount=round(seconds * 1e6))

  def version(self, model: str, version: int, available: bool) -> None:
    """Notes whether a version answers requests."""
    self._versions.labels(model, str(version)).set(available)
