"""gRPC: the services of TensorFlow Serving, health and reflection."""

from concurrent import futures
from typing import NamedTuple

import grpc
from grpc_health.v1 import health
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from realm_tf.serving import grpc_services

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


class GrpcServer:
  """Listens from `start` to `stop`."""

  def __init__(
    self,
    predictions: grpc_services.PredictionService,
    models: grpc_services.ModelService,
    options: GrpcOptions,
  ):
    """Opens nothing yet."""
    self._options = options
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
    self._health = health.HealthServicer()
    for service in _SERVICES:
      self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
    reflection.enable_server_reflection(
      (*_SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
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
    self._server.stop(seconds).wait()
