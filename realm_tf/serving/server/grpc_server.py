"""gRPC: the services of TensorFlow Serving, health and reflection."""

import threading
import time
from collections.abc import Iterable
from concurrent import futures
from typing import Any
from typing import NamedTuple

import grpc
from grpc_health.v1 import health
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha import reflection_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from realm_tf.serving.server import grpc_services

_HOLD_SECONDS = 0.3
_MOST_STREAMS = 256  # More wait for one of these to end.
_SERVICES = (grpc_services.PREDICTION_SERVICE, grpc_services.MODEL_SERVICE)


class GrpcOptions(NamedTuple):
  """How gRPC is served.

  Attributes:
    address: Host and port; port 0 for any that is free.
    threads: Calls that are worked on at the same time.
    most_bytes: Of a request.
    credentials: Of TLS; None for none.
  """

  address: str
  threads: int
  most_bytes: int
  credentials: grpc.ServerCredentials | None


class _Streams:
  """Streams that clients keep open, ended when the server stops.

  Attributes:
    threads: One for each stream, so that they take none from requests.
  """

  def __init__(self) -> None:
    self.threads = futures.ThreadPoolExecutor(_MOST_STREAMS, "grpc-stream")
    self._lock = threading.Lock()
    self._contexts: set[grpc.ServicerContext] = set()
    self._ended = False

  def add(self, context: grpc.ServicerContext) -> None:
    with self._lock:
      self._contexts.add(context)
      ended = self._ended
    if not context.add_callback(lambda: self._discard(context)):
      self._discard(context)
    if ended:  # The client of a stream that was ended has begun another.
      context.cancel()

  def end(self) -> None:
    with self._lock:
      contexts = list(self._contexts)
      self._ended = True
    for context in contexts:
      context.cancel()

  def _discard(self, context: grpc.ServicerContext) -> None:
    with self._lock:
      self._contexts.discard(context)


class _Health(health.HealthServicer):
  """Health checks whose watches can be ended."""

  def __init__(self, streams: _Streams):
    # By default watches need no threads, but one that ends while another
    # begins stops the whole server: each waits for a lock of the other.
    super().__init__(
      experimental_non_blocking=False,
      experimental_thread_pool=streams.threads,
    )
    self._streams = streams

  def Watch(self, request: Any, context: Any, *rest: Any, **named: Any) -> Any:
    self._streams.add(context)
    return super().Watch(request, context, *rest, **named)


class _Reflection(reflection.ReflectionServicer):
  """Reflection whose streams can be ended."""

  def __init__(self, services: Iterable[str], streams: _Streams):
    super().__init__(services)
    self._streams = streams
    # gRPC takes a stream's threads from this attribute of its function, which
    # the health service sets, too.
    behavior: Any = type(self).ServerReflectionInfo
    behavior.experimental_thread_pool = streams.threads

  def ServerReflectionInfo(self, request_iterator: Any, context: Any) -> Any:
    self._streams.add(context)
    return super().ServerReflectionInfo(request_iterator, context)


class GrpcServer:
  """Listens from `start` to `stop`."""

  def __init__(
    self,
    predictions: grpc_services.PredictionService,
    models: grpc_services.ModelService,
    options: GrpcOptions,
  ):
    """Opens nothing yet."""
    self._options, self._predictions = options, predictions
    self._server = grpc.server(
      futures.ThreadPoolExecutor(options.threads, "grpc"),
      options=[
        ("grpc.max_receive_message_length", options.most_bytes),
        ("grpc.max_send_message_length", -1),
        # Two servers on one port would share its requests.
        ("grpc.so_reuseport", 0),
      ],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
      predictions, self._server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
      models, self._server
    )
    self._streams = _Streams()
    self._health = _Health(self._streams)
    for service in _SERVICES:
      self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
    services = (*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
      _Reflection(services, self._streams), self._server
    )

  def start(self) -> int:
    """Listens; returns the port.

    Raises:
      OSError: The port is taken, or the certificate is none.
    """
    address, credentials = self._options.address, self._options.credentials
    try:
      if credentials is None:
        port = self._server.add_insecure_port(address)
      else:
        port = self._server.add_secure_port(address, credentials)
    except RuntimeError as e:
      raise OSError(str(e)) from e
    if not port:
      raise OSError(f"cannot listen on {address}")
    self._server.start()
    return port

  def announce_end(self) -> None:
    """Says NOT_SERVING to health checks, for good."""
    self._health.enter_graceful_shutdown()

  def stop(self, seconds: float) -> None:
    """Takes no more calls, and ends when all are answered.

    Args:
      seconds: How long answers may take; then calls are cancelled.
    """
    self._streams.end()
    # gRPC cancels calls that are on their way from a connection to a thread.
    # While the answers are held back, clients send no more of them.
    self._predictions.hold()
    time.sleep(_HOLD_SECONDS)
    stopped = self._server.stop(seconds)
    self._predictions.go_on()
    stopped.wait()
