"""TensorFlow Serving's REST API: paths and bodies, without the HTTP."""

import inspect
import re
import time
import urllib.parse
from typing import NamedTuple

import grpc
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import model_pb2

from realm_tf.serving.server import codes
from realm_tf.serving.server import json_values
from realm_tf.serving.server import request_answering

_MODEL = r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?"
_POST = re.compile(rf"{_MODEL}:(classify|regress|predict)", re.IGNORECASE)
_GET = re.compile(rf"{_MODEL}(/metadata)?", re.IGNORECASE)
_MOST_VERSION = (1 << 63) - 1
# What protobuf calls the writing of zeros and empty lists: before 5, and since.
(_WITH_DEFAULTS,) = {
  "including_default_value_fields",
  "always_print_fields_with_no_presence",
} & {*inspect.signature(json_format.MessageToJson).parameters}


class Reply(NamedTuple):
  """An HTTP status and a JSON body."""

  status: int
  body: bytes


class RestApi:
  """Answers requests of the REST API; may be called by any thread."""

  def __init__(
    self, answering: request_answering.Answering, most_seconds: float
  ):
    """Answers with `answering`, each request within `most_seconds`."""
    self._answering, self._most_seconds = answering, most_seconds

  def reply(self, method: str, path: str, body: bytes) -> Reply:
    """Answers a request.

    Args:
      method: Such as "GET".
      path: As in the request, with its escapes, without its query.
      body: Of a POST.

    Returns:
      What to send, whether it is an answer or an error.
    """
    try:
      return Reply(200, self._answer(method, path, body))
    except codes.RequestError as e:
      return Reply(e.http_status, json_values.error(e.message))

  def _answer(self, method: str, path: str, body: bytes) -> bytes:
    if method == "POST" and (match := _POST.fullmatch(path)):
      spec = _spec(match)
      verb = match[4].lower()
      if verb != "predict":
        raise codes.RequestError(
          grpc.StatusCode.UNIMPLEMENTED,
          f"{verb} is not served here: use predict",
        )
      with self._answering.counted(spec.name, "REST", "Predict"):
        return self._predict(spec, body)
    if method == "GET" and (match := _GET.fullmatch(path)):
      spec = _spec(match)
      return self._metadata(spec) if match[4] else self._status(spec)
    raise codes.invalid(f"Malformed request: {method} {path}")

  def _predict(self, spec: model_pb2.ModelSpec, body: bytes) -> bytes:
    deadline = time.monotonic() + self._most_seconds
    request = json_values.parse(body)
    spec.signature_name = json_values.signature_name(request)
    _, outputs = self._answering.predict(
      spec,
      lambda signature: json_values.inputs(request, signature),
      (),
      deadline,
    )
    return json_values.response(request, outputs)

  def _status(self, spec: model_pb2.ModelSpec) -> bytes:
    return _to_json(self._answering.status(spec)).encode("utf-8")

  def _metadata(self, spec: model_pb2.ModelSpec) -> bytes:
    answered, signatures = self._answering.metadata(
      get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec=spec, metadata_field=["signature_def"]
      )
    )
    return (
      f'{{"model_spec": {_to_json(answered)}, "metadata": '
      f'{{"signature_def": {_to_json(signatures)}}}}}'
    ).encode()


def _spec(match: re.Match[str]) -> model_pb2.ModelSpec:
  name, version, label = match[1], match[2], match[3]
  spec = model_pb2.ModelSpec(name=_unescaped(name))
  if version is not None:
    # int() takes no more than some thousand digits.
    if len(version) > len(str(_MOST_VERSION)) or int(version) > _MOST_VERSION:
      raise codes.invalid(f"Failed to convert version: {version} to numeric.")
    spec.version.value = int(version)
  if label is not None:
    spec.version_label = _unescaped(label)
  return spec


def _unescaped(text: str) -> str:
  try:
    return urllib.parse.unquote(text, errors="strict")
  except UnicodeDecodeError as e:
    raise codes.invalid(f"{text} is not UTF-8") from e


def _to_json(proto: "json_format.Message") -> str:
  return json_format.MessageToJson(
    proto, preserving_proto_field_name=True, **{_WITH_DEFAULTS: True}
  )
