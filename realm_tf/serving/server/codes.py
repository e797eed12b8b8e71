"""Errors of requests: a gRPC code and a message, for gRPC and REST."""

import http

import grpc
import tensorflow as tf

_HTTP = {
  grpc.StatusCode.CANCELLED: 499,  # nginx's "client closed request"
  grpc.StatusCode.INVALID_ARGUMENT: http.HTTPStatus.BAD_REQUEST,
  grpc.StatusCode.DEADLINE_EXCEEDED: http.HTTPStatus.GATEWAY_TIMEOUT,
  grpc.StatusCode.NOT_FOUND: http.HTTPStatus.NOT_FOUND,
  grpc.StatusCode.ALREADY_EXISTS: http.HTTPStatus.CONFLICT,
  grpc.StatusCode.PERMISSION_DENIED: http.HTTPStatus.FORBIDDEN,
  grpc.StatusCode.RESOURCE_EXHAUSTED: http.HTTPStatus.TOO_MANY_REQUESTS,
  grpc.StatusCode.FAILED_PRECONDITION: http.HTTPStatus.BAD_REQUEST,
  grpc.StatusCode.ABORTED: http.HTTPStatus.CONFLICT,
  grpc.StatusCode.OUT_OF_RANGE: http.HTTPStatus.BAD_REQUEST,
  grpc.StatusCode.UNIMPLEMENTED: http.HTTPStatus.NOT_IMPLEMENTED,
  grpc.StatusCode.UNAVAILABLE: http.HTTPStatus.SERVICE_UNAVAILABLE,
  grpc.StatusCode.UNAUTHENTICATED: http.HTTPStatus.UNAUTHORIZED,
}
_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}
# gRPC sends a message as a header, which has room for 8 KB.
_LONGEST_MESSAGE = 2000


class RequestError(Exception):
  """A request that is answered with an error.

  Attributes:
    code: As gRPC names it.
    message: One line for the client.
  """

  def __init__(self, code: grpc.StatusCode, message: str):
    message = message[:_LONGEST_MESSAGE]
    super().__init__(message)
    self.code = code
    self.message = message

  @property
  def http_status(self) -> int:
    """The status that TensorFlow Serving's REST API has for the code."""
    return int(_HTTP.get(self.code, http.HTTPStatus.INTERNAL_SERVER_ERROR))


def invalid(message: str) -> RequestError:
  """Returns the error of a malformed request."""
  return RequestError(grpc.StatusCode.INVALID_ARGUMENT, message)


def from_tensorflow(error: tf.errors.OpError) -> RequestError:
  """Converts an error of the graph to a RequestError."""
  code = _BY_NUMBER.get(error.error_code, grpc.StatusCode.UNKNOWN)
  return RequestError(code, str(error.message))
