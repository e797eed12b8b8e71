"""Holds both protocols to what TensorFlow Serving's documents say."""

import base64
import math

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha import reflection_pb2_grpc
from tensorflow_serving.apis import classification_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_management_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from benchmarks import http_requests
from realm_tf.serving.server import model_server
from realm_tf.serving.server import server_options

_CODE = grpc.StatusCode


@pytest.fixture(scope="module", params=["alone", "batched"])
def server(request, models_config):
  """A server of both models, which batches requests or does not."""
  started = model_server.Server(
    server_options.Options(
      model_config_file=models_config,
      allow_version_labels_for_unavailable_models=True,
      port=0,
      rest_api_port=0,
      enable_batching=request.param == "batched",
      max_request_bytes=1 << 20,
      max_request_rows=2000,
      lame_duck_seconds=0.0,
    )
  )
  started.start()
  yield started
  assert started.stop() == 0


@pytest.fixture
def predictions(server, channel):
  return prediction_service_pb2_grpc.PredictionServiceStub(channel(server.port))


@pytest.fixture
def model_service(server, channel):
  return model_service_pb2_grpc.ModelServiceStub(channel(server.port))


def _request(text: str) -> predict_pb2.PredictRequest:
  return text_format.Parse(text, predict_pb2.PredictRequest())


def _question(*questions: str | bytes, **spec) -> predict_pb2.PredictRequest:
  request = predict_pb2.PredictRequest()
  request.model_spec.name = spec.pop("name", "realm")
  if "version" in spec:
    request.model_spec.version.value = spec.pop("version")
  for field, value in spec.items():
    setattr(request.model_spec, field, value)
  request.inputs["question"].CopyFrom(
    tf.make_tensor_proto(list(questions), tf.string, [len(questions)])
  )
  return request


def _floats(text: str) -> str:
  return (
    'model_spec { name: "numbers" signature_name: "half" } '
    f'inputs {{ key: "x" value {{ {text} }} }}'
  )


# gRPC: requests that are answered.


def test_predict_gives_every_output_and_what_answered(predictions):
  response = predictions.Predict(_question("who is it", "no"))
  assert response.model_spec.name == "realm"
  assert response.model_spec.signature_name == "serving_default"
  assert response.model_spec.version.value == 2
  arrays = {k: tf.make_ndarray(v) for k, v in response.outputs.items()}
  assert {k: (a.shape, a.dtype.name) for k, a in arrays.items()} == {
    "answer": ((2, 2), "object"),
    "passage_id": ((2, 2), "object"),
    "probability": ((2, 2), "float32"),
    "answer_byte_limit": ((2, 2), "int32"),
    "version": ((2,), "int32"),
    "abstain": ((2,), "bool"),
  }
  assert arrays["answer"].tolist() == [[b"who is it!", b""], [b"no!", b""]]
  # As TensorFlow Serving sends them, for clients that read the fields.
  assert list(response.outputs["probability"].float_val) == pytest.approx(
    [0.75, 0.2] * 2
  )
  assert response.outputs["answer"].string_val[0] == b"who is it!"


@pytest.mark.parametrize(
  "spec, version",
  [
    ({}, 2),
    ({"version": 1}, 1),
    ({"version": 2}, 2),
    ({"version_label": "stable"}, 1),
    ({"version_label": "canary"}, 2),
    ({"signature_name": "answer"}, 2),
  ],
)
def test_versions_and_labels(predictions, spec, version):
  response = predictions.Predict(_question("who", **spec))
  assert response.model_spec.version.value == version
  assert response.outputs["version"].int_val == [version]


def test_output_filter(predictions):
  request = _question("who")
  request.output_filter.append("version")
  assert set(predictions.Predict(request).outputs) == {"version"}


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_batches(predictions, rows):
  response = predictions.Predict(_question(*["who"] * rows))
  answers = tf.make_ndarray(response.outputs["answer"])
  assert answers.shape == (rows, 2)
  assert set(answers[:, 0].tolist()) <= {b"who!"}


def test_bytes_that_are_no_text(predictions):
  response = predictions.Predict(_question(b"\xff\x00\xfe"))
  assert response.outputs["answer"].string_val[0] == b"\xff\x00\xfe!"


@pytest.mark.parametrize(
  "tensor, halves",
  [
    ("dtype: DT_FLOAT tensor_shape { dim { size: 2 } } float_val: [2, 4]",
     [1, 2]),
    # The last value stands for the rest.
    ("dtype: DT_FLOAT tensor_shape { dim { size: 3 } } float_val: 8",
     [4, 4, 4]),
    (r'dtype: DT_FLOAT tensor_shape { dim { size: 1 } } '
     r'tensor_content: "\000\000\000@"', [1]),
  ],
)  # fmt: skip
def test_forms_of_a_tensor(predictions, tensor, halves):
  response = predictions.Predict(_request(_floats(tensor)))
  assert response.outputs["y"].float_val == halves


def test_metadata(predictions):
  request = get_model_metadata_pb2.GetModelMetadataRequest(
    metadata_field=["signature_def"]
  )
  request.model_spec.name = "realm"
  response = predictions.GetModelMetadata(request)
  assert response.model_spec.version.value == 2
  signatures = get_model_metadata_pb2.SignatureDefMap()
  assert response.metadata["signature_def"].Unpack(signatures)
  assert set(signatures.signature_def) == {
    "serving_default", "answer", "embed_query", "embed_passage",
  }  # fmt: skip
  answer = signatures.signature_def["answer"]
  assert answer.method_name == "tensorflow/serving/predict"
  assert answer.inputs["question"].dtype == tf.string.as_datatype_enum


def test_status(model_service):
  request = get_model_status_pb2.GetModelStatusRequest()
  request.model_spec.name = "realm"
  found = model_service.GetModelStatus(request).model_version_status
  assert [(s.version, s.state, s.status.error_code) for s in found] == [
    (1, get_model_status_pb2.ModelVersionStatus.AVAILABLE, 0),
    (2, get_model_status_pb2.ModelVersionStatus.AVAILABLE, 0),
  ]
  request.model_spec.version.value = 1
  (found,) = model_service.GetModelStatus(request).model_version_status
  assert found.version == 1


def test_health_and_reflection(server, channel):
  stub = health_pb2_grpc.HealthStub(channel(server.port))
  for service in ("", "tensorflow.serving.PredictionService"):
    response = stub.Check(health_pb2.HealthCheckRequest(service=service))
    assert response.status == health_pb2.HealthCheckResponse.SERVING
  reflection = reflection_pb2_grpc.ServerReflectionStub(channel(server.port))
  (response,) = reflection.ServerReflectionInfo(
    iter([reflection_pb2.ServerReflectionRequest(list_services="")])
  )
  assert {s.name for s in response.list_services_response.service} == {
    "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection",
    "tensorflow.serving.ModelService",
    "tensorflow.serving.PredictionService",
  }


# gRPC: requests that are refused.

_VALUE = "dtype: DT_FLOAT tensor_shape { dim { size: 1 } } float_val: 1"
_GRPC_ERRORS = {
  "no model": ("", _CODE.INVALID_ARGUMENT, "names no model"),
  "unknown model": (
    'model_spec { name: "other" }',
    _CODE.NOT_FOUND, r"Servable not found for request: Latest\(other\)",
  ),
  "unknown version": (
    'model_spec { name: "realm" version { value: 9 } }',
    _CODE.NOT_FOUND, r"Specific\(realm, 9\)",
  ),
  "unknown label": (
    'model_spec { name: "realm" version_label: "old" }',
    _CODE.INVALID_ARGUMENT, "Unrecognized servable version label: old",
  ),
  "unknown signature": (
    'model_spec { name: "realm" signature_name: "other" }',
    _CODE.FAILED_PRECONDITION, 'Serving signature key "other" not found',
  ),
  "missing input": (
    'model_spec { name: "realm" }',
    _CODE.INVALID_ARGUMENT, r"missing but required \{question\}",
  ),
  "extra input": (
    _floats(_VALUE) + f'inputs {{ key: "z" value {{ {_VALUE} }} }}',
    _CODE.INVALID_ARGUMENT, r"sent extra \{z\}",
  ),
  "wrong dtype": (
    _floats("dtype: DT_INT32 tensor_shape { dim { size: 1 } } int_val: 1"),
    _CODE.INVALID_ARGUMENT, "'x' is int32, but the signature takes float32",
  ),
  "wrong rank": (
    _floats("dtype: DT_FLOAT tensor_shape { dim { size: 1 } dim { size: 1 } } "
            "float_val: 1"),
    _CODE.INVALID_ARGUMENT, r"'x' has shape \[1, 1\]",
  ),
  "no dtype": (
    _floats("tensor_shape { dim { size: 1 } } float_val: 1"),
    _CODE.INVALID_ARGUMENT, "dtype",
  ),
  "unknown dtype": (
    _floats("dtype: DT_RESOURCE tensor_shape { }"),
    _CODE.INVALID_ARGUMENT, "not supported",
  ),
  "negative size": (
    _floats("dtype: DT_FLOAT tensor_shape { dim { size: -1 } }"),
    _CODE.INVALID_ARGUMENT, "cannot be",
  ),
  "unknown rank": (
    _floats("dtype: DT_FLOAT tensor_shape { unknown_rank: true }"),
    _CODE.INVALID_ARGUMENT, "shape is unknown",
  ),
  "too few bytes": (
    _floats('dtype: DT_FLOAT tensor_shape { dim { size: 2 } } '
            'tensor_content: "abcd"'),
    _CODE.INVALID_ARGUMENT, "has 4 bytes",
  ),
  "too many values": (
    _floats("dtype: DT_FLOAT tensor_shape { dim { size: 1 } } "
            "float_val: [1, 2]"),
    _CODE.INVALID_ARGUMENT, "holds 1 values",
  ),
  "gigabytes from one value": (
    _floats("dtype: DT_FLOAT tensor_shape { dim { size: 1073741824 } } "
            "float_val: 1"),
    _CODE.INVALID_ARGUMENT, "has more than 1048576 bytes",
  ),
  "a size beyond all memory": (
    _floats("dtype: DT_FLOAT tensor_shape { dim { size: 1099511627776 } } "
            "float_val: 1"),
    _CODE.INVALID_ARGUMENT, "cannot be",
  ),
  "too many rows": (
    _floats("dtype: DT_FLOAT tensor_shape { dim { size: 2001 } } float_val: 1"),
    _CODE.INVALID_ARGUMENT, "2001 rows; this server takes 2000",
  ),
  "unknown output": (
    _floats(_VALUE) + 'output_filter: "z"',
    _CODE.INVALID_ARGUMENT, "output tensor alias not found in signature: z",
  ),
  "output twice": (
    _floats(_VALUE) + 'output_filter: "y" output_filter: "y"',
    _CODE.INVALID_ARGUMENT, "duplicate output tensor alias",
  ),
  "the graph's own error": (
    _floats("dtype: DT_FLOAT tensor_shape { dim { size: 1 } } float_val: 11")
    .replace("half", "picky"),
    _CODE.INVALID_ARGUMENT, "assert",
  ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(_GRPC_ERRORS))
def test_grpc_errors(predictions, case):
  text, code, message = _GRPC_ERRORS[case]
  with pytest.raises(grpc.RpcError, match=message) as raised:
    predictions.Predict(_request(text))
  assert raised.value.code() == code


def test_other_grpc_errors(predictions, model_service):
  def code_of(call, request):
    with pytest.raises(grpc.RpcError) as raised:
      call(request)
    return raised.value.code()

  request = classification_pb2.ClassificationRequest()
  assert code_of(predictions.Classify, request) == _CODE.UNIMPLEMENTED
  metadata = get_model_metadata_pb2.GetModelMetadataRequest()
  metadata.model_spec.name = "realm"
  assert code_of(predictions.GetModelMetadata, metadata) == (
    _CODE.INVALID_ARGUMENT
  )
  metadata.metadata_field.append("other")
  assert code_of(predictions.GetModelMetadata, metadata) == (
    _CODE.INVALID_ARGUMENT
  )
  status = get_model_status_pb2.GetModelStatusRequest()
  assert code_of(model_service.GetModelStatus, status) == _CODE.INVALID_ARGUMENT
  status.model_spec.name = "other"
  assert code_of(model_service.GetModelStatus, status) == _CODE.NOT_FOUND
  reload = model_management_pb2.ReloadConfigRequest()
  assert code_of(model_service.HandleReloadConfigRequest, reload) == (
    _CODE.INVALID_ARGUMENT
  )
  large = _question("x" * (2 << 20))
  assert code_of(predictions.Predict, large) == _CODE.RESOURCE_EXHAUSTED


# REST: requests that are answered.

_REALM = "/v1/models/realm:predict"


def _row(question: str, version: int = 2) -> dict:
  return {
    "abstain": len(question) < 3,
    "answer": [f"{question}!", ""],
    "answer_byte_limit": [7, 0],
    "passage_id": [question, ""],
    "probability": [0.75, 0.2],
    "version": version,
  }


def _b64(raw: bytes) -> dict[str, str]:
  return {"b64": base64.b64encode(raw).decode()}


def _numbers(signature: str, **rest) -> dict:
  return {"signature_name": signature, **rest}


_NUMBERS = "/v1/models/numbers:predict"
_MIXED = {"floats": [1, 2.5], "small": -3, "large": 1 << 40, "flag": True}
_REST_ANSWERS = {
  "row form": (
    _REALM, {"instances": ["who", "wo"]},
    {"predictions": [_row("who"), _row("wo")]},
  ),
  "row form, named": (
    _REALM, {"instances": [{"question": "who"}]},
    {"predictions": [_row("who")]},
  ),
  "column form": (
    _REALM, {"inputs": {"question": ["who"]}},
    {"outputs": {name: [value] for name, value in _row("who").items()}},
  ),
  "column form, one input": (
    _REALM, {"inputs": ["who"]},
    {"outputs": {name: [value] for name, value in _row("who").items()}},
  ),
  "version": (
    "/v1/models/realm/versions/1:predict", {"instances": ["who"]},
    {"predictions": [_row("who", 1)]},
  ),
  "label": (
    "/v1/models/realm/labels/stable:predict", {"instances": ["who"]},
    {"predictions": [_row("who", 1)]},
  ),
  "escaped name": (
    "/v1/models/re%61lm:predict", {"instances": ["who"]},
    {"predictions": [_row("who")]},
  ),
  "signature and one output, row form": (
    _REALM, {"signature_name": "embed_query", "instances": ["abc", "ab"]},
    {"predictions": [[3.0, 0.3], [2.0, 0.2]]},
  ),
  "one output, column form": (
    _REALM, {"signature_name": "embed_query", "inputs": ["abc"]},
    {"outputs": [[3.0, 0.3]]},
  ),
  "several inputs": (
    _REALM,
    {"signature_name": "embed_passage",
     "instances": [{"title": "a", "text": "bc"}, {"title": "", "text": "d"}]},
    {"predictions": [[3.0], [1.0]]},
  ),
  "dtypes, row form": (
    _NUMBERS, _numbers("mixed", instances=[_MIXED, _MIXED]),
    {"predictions": [{**_MIXED, "floats": [1.0, 2.5], "flag": False}] * 2},
  ),
  "scalars": (
    _NUMBERS, _numbers("half", instances=[1, 2.0, -3e1]),
    {"predictions": [0.5, 1.0, -15.0]},
  ),
  "unsigned": (
    _NUMBERS, _numbers("unsigned", instances=[(1 << 64) - 1]),
    {"predictions": [(1 << 64) - 1]},
  ),
  "base64": (
    _NUMBERS, _numbers("echo", instances=[_b64(b"\xff\x00a"), "text"]),
    {"predictions": [{"echo_bytes": _b64(b"\xff\x00a"), "length": 3},
                     {"echo_bytes": _b64(b"text"), "length": 4}]},
  ),
  "base64, column form": (
    _NUMBERS, _numbers("echo", inputs={"raw": [_b64(b"\x80")]}),
    {"outputs": {"echo_bytes": [_b64(b"\x80")], "length": [1]}},
  ),
  "no rows, column form": (
    _NUMBERS, _numbers("half", inputs=[]), {"outputs": []},
  ),
  "something after the object": (
    _NUMBERS, b' {"signature_name": "half", "instances": [2]} and more',
    {"predictions": [1.0]},
  ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(_REST_ANSWERS))
def test_rest_answers(server, case):
  path, body, answer = _REST_ANSWERS[case]
  reply = http_requests.send(server.rest_api_port, path, body)
  assert (reply.status, reply.json) == (200, answer)
  assert reply.headers["Content-Type"] == "application/json"


def test_rest_numbers_that_are_not_finite(server):
  body = b'{"signature_name": "half", "instances": [NaN, Infinity, -Infinity]}'
  reply = http_requests.send(server.rest_api_port, _NUMBERS, body)
  assert b"[NaN, Infinity, -Infinity]" in reply.body
  nan, *infinite = reply.json["predictions"]
  assert math.isnan(nan)
  assert infinite == [math.inf, -math.inf]


def test_rest_writes_floats_by_their_shortest_decimals(server):
  body = {"signature_name": "half", "instances": [0.2, 1e-8, 6e20]}
  reply = http_requests.send(server.rest_api_port, _NUMBERS, body)
  assert reply.body == b'{"predictions": [0.1, 5e-09, 3e+20]}'


def test_rest_batch_of_a_thousand(server):
  body = {"instances": ["who"] * 1000}
  reply = http_requests.send(server.rest_api_port, _REALM, body)
  assert reply.json == {"predictions": [_row("who")] * 1000}


def test_rest_status_and_metadata(server):
  available = {
    "state": "AVAILABLE",
    "status": {"error_code": "OK", "error_message": ""},
  }
  for path, versions in {
    "/v1/models/realm": "12",
    "/v1/models/realm/versions/1": "1",
    "/v1/models/realm/labels/canary": "2",
  }.items():
    reply = http_requests.send(server.rest_api_port, path)
    assert reply.json == {
      "model_version_status": [
        {"version": version, **available} for version in versions
      ]
    }
  reply = http_requests.send(
    server.rest_api_port, "/v1/models/realm/versions/1/metadata"
  )
  assert reply.json["model_spec"] == {
    "name": "realm", "signature_name": "", "version": "1",
  }  # fmt: skip
  signature = reply.json["metadata"]["signature_def"]["signature_def"]["answer"]
  assert signature["inputs"]["question"]["dtype"] == "DT_STRING"
  assert signature["inputs"]["question"]["tensor_shape"] == {
    "dim": [{"size": "-1", "name": ""}], "unknown_rank": False,
  }  # fmt: skip


# REST: requests that are refused.

_REST_ERRORS = {
  "unknown model": (
    "/v1/models/other:predict", {"instances": ["a"]}, 404,
    "Servable not found for request: Latest(other)",
  ),
  "unknown version": (
    "/v1/models/realm/versions/9:predict", {"instances": ["a"]}, 404, "9)",
  ),
  "version too large": (
    f"/v1/models/realm/versions/{1 << 63}:predict", {"instances": ["a"]}, 400,
    "Failed to convert version",
  ),
  "unknown label": (
    "/v1/models/realm/labels/old:predict", {"instances": ["a"]}, 400, "old",
  ),
  "unknown signature": (
    _REALM, {"signature_name": "other", "instances": ["a"]}, 400, "not found",
  ),
  "signature is no string": (
    _REALM, {"signature_name": 1, "instances": ["a"]}, 400, "must be a string",
  ),
  "no verb": ("/v1/models/realm", {"instances": ["a"]}, 400, "Malformed"),
  "unknown verb": ("/v1/models/realm:ask", {}, 400, "Malformed request"),
  "classify": ("/v1/models/realm:classify", {"examples": [{}]}, 501, "predict"),
  "unknown path": ("/v1/other", None, 400, "Malformed request: GET /v1/other"),
  "GET of predict": (_REALM, None, 400, "Malformed"),
  "status of an unknown model": ("/v1/models/other", None, 404, "other"),
  "status of an unknown version": (
    "/v1/models/realm/versions/9", None, 404, "version 9",
  ),
  "metadata of an unknown model": (
    "/v1/models/other/metadata", None, 404, "other",
  ),
  "empty body": (_REALM, b"", 400, "JSON Parse error"),
  "no JSON": (_REALM, b"{instances", 400, "JSON Parse error"),
  "no object": (_REALM, ["a"], 400, "is not an object"),
  "no UTF-8": (_REALM, b'{"instances": ["\xff"]}', 400, "not UTF-8"),
  "half a pair": (_REALM, b'{"instances": ["\\ud800"]}', 400, "surrogate"),
  "deep": (
    _REALM, b'{"instances": ' + b"[" * 100_000, 400, "nested too deeply",
  ),
  "deep, but JSON": (
    _REALM, {"instances": [[[["a"]]]]}, 400, "has shape [1, 1, 1, 1]",
  ),
  "very deep, but JSON": (
    _REALM, b'{"instances": ' + b"[" * 99 + b"]" * 99 + b"}", 400,
    "nested too deeply",
  ),
  "both forms": (
    _REALM, {"instances": ["a"], "inputs": ["a"]}, 400, "one of",
  ),
  "neither form": (_REALM, {}, 400, "one of"),
  "instances is no list": (_REALM, {"instances": "a"}, 400, "must be a list"),
  "no instances": (_REALM, {"instances": []}, 400, "empty"),
  "missing input": (
    _REALM,
    {"signature_name": "embed_passage", "inputs": {"title": ["a"]}}, 400,
    "no 'text'",
  ),
  "keys of a row": (
    _REALM, {"instances": [{"q": "a"}]}, 400, "keys of item 0 must be question",
  ),
  "several inputs as a list": (
    _REALM, {"signature_name": "embed_passage", "instances": ["a"]}, 400,
    "must be an object",
  ),
  "rows of two kinds": (
    _REALM, {"instances": ["a", {"question": "a"}]}, 400, "item 1",
  ),
  "ragged": (
    _NUMBERS, _numbers("half", inputs=[[1], [1, 2]]), 400, "list of 1, found 2",
  ),
  "text for a number": (
    _NUMBERS, _numbers("half", instances=["a"]), 400, "is not float32",
  ),
  "number for text": (_REALM, {"instances": [1]}, 400, "is not string"),
  "null": (_REALM, {"instances": [None]}, 400, "null is not string"),
  "fraction for an integer": (
    _NUMBERS, _numbers("mixed", instances=[{**_MIXED, "large": 1.5}]), 400,
    "1.5 is not int64",
  ),
  "integer that does not fit": (
    _NUMBERS, _numbers("mixed", instances=[{**_MIXED, "small": 128}]), 400,
    "does not fit int8",
  ),
  "number for a bool": (
    _NUMBERS, _numbers("mixed", instances=[{**_MIXED, "flag": 1}]), 400,
    "1 is not bool",
  ),
  "wrong base64": (
    _NUMBERS, _numbers("echo", instances=[{"b64": "?"}]), 400,
    "Unable to base64 decode",
  ),
  "too large": (_REALM, {"instances": ["a" * (2 << 20)]}, 413, "over"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(_REST_ERRORS))
def test_rest_errors(server, case):
  path, body, status, message = _REST_ERRORS[case]
  reply = http_requests.send(server.rest_api_port, path, body)
  assert reply.headers["Content-Type"] == "application/json"
  assert list(reply.json) == ["error"]
  assert message in reply.json["error"]
  assert reply.status == status


def test_row_form_needs_outputs_of_the_same_rows(server):
  body = _numbers("total", instances=[1.0, 2.0])
  reply = http_requests.send(server.rest_api_port, _NUMBERS, body)
  assert reply.status == 400
  body = _numbers("total", inputs=[1.0, 2.0])
  reply = http_requests.send(server.rest_api_port, _NUMBERS, body)
  # A batch has no sum of its own for each of its requests.
  expected = {"outputs": {"sum": 3.0, "x": [1.0, 2.0]}}
  assert reply.json == expected or "cannot be batched" in reply.json["error"]


def test_metrics_have_the_names_of_tensorflow_serving(server, predictions):
  predictions.Predict(_question("who"))
  with pytest.raises(grpc.RpcError):
    predictions.Predict(_question("who", name="invented"))
  reply = http_requests.send(
    server.rest_api_port, "/monitoring/prometheus/metrics"
  )
  assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
  text = reply.body.decode()
  labels = 'model_name="realm",status="OK"'
  assert f":tensorflow:serving:request_count{{{labels}}}" in text
  assert 'request_count{model_name="",status="NOT_FOUND"}' in text
  labels = 'API="Predict",entrypoint="GRPC",model_name="realm"'
  assert f":tensorflow:serving:request_latency_count{{{labels}}}" in text
  assert ":tensorflow:cc:saved_model:load_attempt_count{model_path=" in text
  assert "process_resident_memory_bytes" in text
  assert "invented" not in text


def test_floats_of_half_precision_survive():
  from realm_tf.serving.server import tensors

  for dtype in (np.float16, tf.bfloat16.as_numpy_dtype):
    array = np.array([[0.5, -2.0]], dtype)
    proto = tensors.to_proto(array)
    np.testing.assert_array_equal(tf.make_ndarray(proto), array)
    np.testing.assert_array_equal(tensors.to_array(proto, "x", 100), array)
