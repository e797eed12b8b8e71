"""Calls of one served model by gRPC: deadline, retries, clear errors."""

import random
import time
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np

from realm_tf import errors
from realm_tf.serving.client import stubs
from realm_tf.serving.client import tensor_protos

_FIRST_PAUSE = 0.1  # seconds
_LONGEST_PAUSE = 5.0
_OPTIONS = [
  ("grpc.max_receive_message_length", -1),
  ("grpc.max_send_message_length", -1),
  # Of a name with several addresses, all are asked in turn.
  ("grpc.lb_policy_name", "round_robin"),
  # A retry reconnects at once to a server that has come back.
  ("grpc.initial_reconnect_backoff_ms", 100),
  ("grpc.min_reconnect_backoff_ms", 100),
  ("grpc.max_reconnect_backoff_ms", 2000),
]


class ServerError(errors.UserError):
  """A request to a server failed.

  Attributes:
    server: Its address.
    code: gRPC's status; None where the reply is not what the model should give.
  """

  def __init__(self, server: str, message: str, code: Any = None):
    super().__init__(f"{server}: {message}")
    self.server = server
    self.code = code


class ServerUnavailableError(ServerError):
  """The server could not be reached, or is not ready."""


class ServerBusyError(ServerError):
  """The server is overloaded."""


class DeadlineError(ServerError):
  """The server did not reply in time."""


class RequestError(ServerError):
  """The server does not know the model, version, signature or input."""


_ERRORS: dict[Any, type[ServerError]] = {
  grpc.StatusCode.UNAVAILABLE: ServerUnavailableError,
  grpc.StatusCode.RESOURCE_EXHAUSTED: ServerBusyError,
  grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
  grpc.StatusCode.INVALID_ARGUMENT: RequestError,
  grpc.StatusCode.NOT_FOUND: RequestError,
  grpc.StatusCode.FAILED_PRECONDITION: RequestError,
  grpc.StatusCode.OUT_OF_RANGE: RequestError,
  grpc.StatusCode.UNIMPLEMENTED: RequestError,
}
_ADVICE = {
  grpc.StatusCode.UNAVAILABLE: "is a server running there?",
  grpc.StatusCode.RESOURCE_EXHAUSTED: "send less at once, or later",
  grpc.StatusCode.DEADLINE_EXCEEDED: "check the address, or wait longer",
}


class ModelChannel:
  """A channel to one model of a server."""

  def __init__(
    self,
    server: str,
    model: str,
    *,
    version: int | None = None,
    label: str | None = None,
    credentials: grpc.ChannelCredentials | None = None,
  ):
    """Opens a channel; nothing is sent yet.

    Args:
      server: Its address, such as `localhost:8500`.
      model: Its name there.
      version: Of the model; by default the newest.
      label: Of a version, instead of its number.
      credentials: For TLS; without, nothing is encrypted.

    Raises:
      ValueError: Both a version and a label were given.
    """
    if version is not None and label is not None:
      raise ValueError("give a version or a label, not both")
    self._server = server
    self._predict_pb2, services = stubs.load()
    spec = self._predict_pb2.PredictRequest().model_spec
    spec.name = model
    if version is not None:
      spec.version.value = version
    if label is not None:
      spec.version_label = label
    self._spec = spec
    if credentials is None:
      self._channel = grpc.insecure_channel(server, _OPTIONS)
    else:
      self._channel = grpc.secure_channel(server, credentials, _OPTIONS)
    self._stub = services.PredictionServiceStub(self._channel)

  def close(self) -> None:
    """Ends the connection, and calls under way."""
    self._channel.close()

  def predict(
    self,
    signature: str,
    put_inputs: Callable[[Any], None],
    deadline: float,
  ) -> Mapping[str, np.ndarray]:
    """Runs a signature of the model.

    UNAVAILABLE and RESOURCE_EXHAUSTED are tried again until the deadline, with
    pauses that double and differ from client to client.

    Args:
      signature: Its name.
      put_inputs: Writes tensors into the request's `inputs`.
      deadline: By `time.monotonic`.

    Returns:
      The outputs by name.

    Raises:
      ServerError: One of its subclasses.
    """
    request = self._predict_pb2.PredictRequest(model_spec=self._spec)
    request.model_spec.signature_name = signature
    put_inputs(request.inputs)
    pause = _FIRST_PAUSE
    while True:
      left = deadline - time.monotonic()
      try:
        response = self._stub.Predict(request, timeout=max(left, 0.001))
      except grpc.RpcError as error:
        wait = pause * random.uniform(0.5, 1.0)
        if not _may_pass(error) or time.monotonic() + wait >= deadline:
          raise self._translate(error) from error
        time.sleep(wait)
        pause = min(2 * pause, _LONGEST_PAUSE)
      else:
        return self._read(response)

  def _read(self, response: Any) -> dict[str, np.ndarray]:
    try:
      return {
        name: tensor_protos.to_array(proto)
        for name, proto in response.outputs.items()
      }
    except ValueError as error:
      raise ServerError(self._server, f"unreadable reply: {error}") from error

  def _translate(self, error: Any) -> ServerError:
    """Returns the exception that says what a gRPC error means."""
    code = error.code()
    message = f"{code.name}: {' '.join((error.details() or '').split())}"
    if code in _ADVICE:
      message += f"; {_ADVICE[code]}"
    return _ERRORS.get(code, ServerError)(self._server, message, code)


def _may_pass(error: Any) -> bool:
  """Whether a later attempt may succeed."""
  code = error.code()
  if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
    return "larger than max" not in (error.details() or "")
  return code == grpc.StatusCode.UNAVAILABLE
