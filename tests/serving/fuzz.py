"""Requests that are wrong in a random way, and what they must be answered."""

import collections
import json
import random
import socket
from collections.abc import Callable
from typing import Any

import grpc
import tensorflow as tf
from google.protobuf import message
from tensorflow_serving.apis import predict_pb2

from benchmarks import http_requests

# The server that is asked takes no larger requests.
MOST_BYTES = 1 << 20

_METHOD = "/tensorflow.serving.PredictionService/Predict"
_GOOD = b'{"signature_name": "answer", "instances": [{"question": "who?"}]}'
_REFUSED = {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"}


def attack(
  count: int, seed: int, port: int, rest_api_port: int
) -> collections.Counter[tuple[str, str]]:
  """Sends wrong requests one after another.

  Args:
    count: How many.
    seed: Of their faults.
    port: Of gRPC; the server has the models `realm` and `numbers`.
    rest_api_port: Of HTTP.

  Returns:
    How often each kind was answered how.

  Raises:
    AssertionError: A request was not answered as it must be.
  """
  answers: collections.Counter[tuple[str, str]] = collections.Counter()
  with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    send_bytes = channel.unary_unary(_METHOD)
    for i in range(count):
      draw = random.Random(f"{seed}/{i}")
      kind = draw.choice([*_BY_GRPC, *_BY_REST, "no HTTP"])
      if kind in _BY_GRPC:
        sent, right = _BY_GRPC[kind](draw)
        found = _grpc_code(send_bytes, sent)
      elif kind in _BY_REST:
        path, sent, right = _BY_REST[kind](draw)
        reply = http_requests.send(rest_api_port, path, sent, method="POST")
        found = str(reply.status)
        if reply.status != 200 and path.startswith("/v1/"):
          assert list(reply.json) == ["error"], (kind, i, reply)
      else:
        sent, right = draw.randbytes(draw.randint(1, 300)), {"400", "closed"}
        found = _raw(rest_api_port, sent)
      assert found in right, (kind, i, found, sent[:300])
      answers[kind, found] += 1
  return answers


def _grpc_code(send: Callable[..., Any], sent: bytes) -> str:
  try:
    send(sent, timeout=30)
  except grpc.RpcError as e:
    return e.code().name
  return "OK"


def _raw(port: int, sent: bytes) -> str:
  with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
    connection.sendall(sent)
    connection.shutdown(socket.SHUT_WR)
    try:
      answer = connection.makefile("rb").readline()
    except ConnectionError:
      return "closed"
  return answer.split(b" ")[1].decode() if answer else "closed"


def _request(model: str, signature: str) -> predict_pb2.PredictRequest:
  request = predict_pb2.PredictRequest()
  request.model_spec.name = model
  request.model_spec.signature_name = signature
  return request


def _random_message(draw: random.Random) -> tuple[bytes, set[str]]:
  sent = draw.randbytes(draw.randint(1, 400))
  return sent, _right(sent)


def _damaged_message(draw: random.Random) -> tuple[bytes, set[str]]:
  request = _request("realm", "answer")
  request.inputs["question"].CopyFrom(tf.make_tensor_proto(["who?"]))
  sent = bytearray(request.SerializeToString())
  for _ in range(draw.randint(1, 4)):
    sent[draw.randrange(len(sent))] = draw.randrange(256)
  return bytes(sent), _right(bytes(sent)) | {"OK"}


def _right(sent: bytes) -> set[str]:
  """Returns what bytes are answered that may be no message at all."""
  try:
    predict_pb2.PredictRequest.FromString(sent)
  except message.DecodeError:
    return {"INTERNAL"}  # gRPC's own
  return _REFUSED


def _wrong_tensor(draw: random.Random) -> tuple[bytes, set[str]]:
  """A tensor of a random dtype, shape and number of values."""
  request = _request("numbers", "half")
  tensor = request.inputs["x"]
  tensor.dtype = draw.randrange(30)
  sizes = [draw.choice([0, 1, 2, 5, -1, 1 << 20, 1 << 40, 1 << 62])]
  sizes += [draw.choice([0, 1, 3, 1 << 30]) for _ in range(draw.randrange(3))]
  for size in sizes * draw.choice([1, 1, 1, 50]):
    tensor.tensor_shape.dim.add(size=size)
  tensor.float_val.extend([1.0] * draw.randrange(4))
  tensor.int_val.extend([1] * draw.randrange(2))
  tensor.string_val.extend([b"\xff"] * draw.randrange(2))
  if draw.random() < 0.3:
    tensor.tensor_content = draw.randbytes(draw.randrange(20))
  right = {"INVALID_ARGUMENT"}
  if tensor.dtype == tf.float32.as_datatype_enum and len(sizes) == 1:
    right.add("OK")
  return request.SerializeToString(), right


def _huge_message(draw: random.Random) -> tuple[bytes, set[str]]:
  request = _request("realm", "answer")
  size = draw.choice([MOST_BYTES // 2, MOST_BYTES * 2])
  request.inputs["question"].CopyFrom(tf.make_tensor_proto([b"\xf0" * size]))
  return request.SerializeToString(), {
    "OK" if size < MOST_BYTES else "RESOURCE_EXHAUSTED"
  }


_PREDICT = "/v1/models/realm:predict"


def _random_body(draw: random.Random) -> tuple[str, bytes, set[str]]:
  return _PREDICT, draw.randbytes(draw.randint(0, 400)), {"400"}


def _damaged_body(draw: random.Random) -> tuple[str, bytes, set[str]]:
  sent = bytearray(_GOOD)
  for _ in range(draw.randint(1, 4)):
    sent[draw.randrange(len(sent))] = draw.randrange(256)
  return _PREDICT, bytes(sent), {"200", "400"}


def _cut_body(draw: random.Random) -> tuple[str, bytes, set[str]]:
  return _PREDICT, _GOOD[: draw.randrange(len(_GOOD) - 1)], {"400"}


def _not_utf8(draw: random.Random) -> tuple[str, bytes, set[str]]:
  wrong = draw.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5aaa"])
  return _PREDICT, _GOOD.replace(b"who", wrong), {"400"}


def _deep_body(draw: random.Random) -> tuple[str, bytes, set[str]]:
  depth = draw.choice([20, 40, 500, 5_000, 100_000])
  opened, closed = draw.choice([(b"[", b"]"), (b'{"a":', b"}")])
  middle = b'"a"' if opened != b"[" or draw.random() < 0.5 else b""
  body = b'{"instances": [' + opened * depth + middle + closed * depth + b"]}"
  return _PREDICT, body, {"400"}


def _json_value(draw: random.Random, depth: int = 0) -> Any:
  kind = draw.randrange(8 if depth < 4 else 6)
  if kind < 6:
    return draw.choice(
      [None, True, 1.5, -(1 << 70), "", "a", float("nan"), "\x00", 0]
    )
  count = draw.randrange(4)
  if kind == 6:
    return [_json_value(draw, depth + 1) for _ in range(count)]
  return {
    draw.choice(["b64", "question", "", "x"]): _json_value(draw, depth + 1)
    for _ in range(count)
  }


def _wrong_values(draw: random.Random) -> tuple[str, bytes, set[str]]:
  signature = draw.choice(["half", "mixed", "echo", "unsigned", "other", 7])
  form = draw.choice(["instances", "inputs"])
  body = {"signature_name": signature, form: _json_value(draw)}
  # A list of strings, or of whole numbers, is right for some signatures.
  return "/v1/models/numbers:predict", json.dumps(body).encode(), {"200", "400"}


def _huge_body(draw: random.Random) -> tuple[str, bytes, set[str]]:
  size = draw.choice([MOST_BYTES // 2, MOST_BYTES * 2])
  body = _GOOD.replace(b"who", b"w" * size)
  return _PREDICT, body, {"200" if size < MOST_BYTES else "413"}


def _long_number(draw: random.Random) -> tuple[str, bytes, set[str]]:
  digits = b"9" * draw.choice([30, 400, 10_000])
  body = b'{"signature_name": "mixed", "inputs": {"large": [%s]}}' % digits
  return "/v1/models/numbers:predict", body, {"400"}


def _wrong_path(draw: random.Random) -> tuple[str, bytes, set[str]]:
  letters = "/:.%aA09-~v1models"
  path = "".join(draw.choices(letters, k=draw.randint(1, 40)))
  path = "/v1/models/" + path.replace("%", "%2e")
  return path, _GOOD, {"400", "404"}


_BY_GRPC = {
  "random message": _random_message,
  "damaged message": _damaged_message,
  "wrong tensor": _wrong_tensor,
  "huge message": _huge_message,
}
_BY_REST = {
  "random body": _random_body,
  "damaged body": _damaged_body,
  "cut body": _cut_body,
  "not UTF-8": _not_utf8,
  "deep": _deep_body,
  "wrong values": _wrong_values,
  "huge body": _huge_body,
  "long number": _long_number,
  "wrong path": _wrong_path,
}
