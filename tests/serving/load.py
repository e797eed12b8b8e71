"""Clients that ask without a pause, and note what they are answered."""

import collections
import contextlib
import threading
import time
from collections.abc import Iterator

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.serving import http_requests

_SECONDS = 60.0  # a request's deadline


class Load:
  """What clients were answered.

  Attributes:
    versions: Answers by the version that gave them.
    errors: What went wrong, in words.
    seconds: Of each request that was answered.
  """

  def __init__(self) -> None:
    self.versions: collections.Counter[int] = collections.Counter()
    self.errors: list[str] = []
    self.seconds: list[float] = []
    self._lock = threading.Lock()
    self._end = threading.Event()

  @contextlib.contextmanager
  def clients(
    self, count: int, port: int, rest_api_port: int, pause: float = 0.0
  ) -> Iterator[None]:
    """Has clients ask the model `realm` meanwhile, a quarter of them by REST.

    Args:
      count: How many, each with a connection of its own.
      port: Of gRPC.
      rest_api_port: Of HTTP.
      pause: Between two requests of a client, in seconds.
    """
    self._end.clear()
    threads = [
      threading.Thread(
        target=self._ask_rest if i % 4 == 3 else self._ask_grpc,
        args=(rest_api_port if i % 4 == 3 else port, f"question {i}", pause),
      )
      for i in range(count)
    ]
    for thread in threads:
      thread.start()
    try:
      yield
    finally:
      self._end.set()
      for thread in threads:
        thread.join()

  def end(self) -> None:
    """Has the clients stop after their next answers."""
    self._end.set()

  def _ask_grpc(self, port: int, question: str, pause: float) -> None:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "realm"
    request.inputs["question"].CopyFrom(tf.make_tensor_proto([question]))
    # A channel of its own: by default those of a process share connections.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
      stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
      while not self._end.wait(pause):
        started = time.monotonic()
        try:
          response = stub.Predict(request, timeout=_SECONDS)
        except grpc.RpcError as e:
          self._note_error(f"{e.code().name}: {e.details()}")
          continue
        self._note(
          response.outputs["answer"].string_val[0].decode(),
          question,
          response.outputs["version"].int_val[0],
          time.monotonic() - started,
        )

  def _ask_rest(self, port: int, question: str, pause: float) -> None:
    while not self._end.wait(pause):
      started = time.monotonic()
      try:
        reply = http_requests.send(
          port, "/v1/models/realm:predict", {"instances": [question]}
        )
      except OSError as e:
        self._note_error(f"{type(e).__name__}: {e}")
        continue
      if reply.status != 200:
        self._note_error(f"{reply.status}: {reply.body.decode()}")
        continue
      (row,) = reply.json["predictions"]
      self._note(
        row["answer"][0], question, row["version"], time.monotonic() - started
      )

  def _note(
    self, answer: str, question: str, version: int, seconds: float
  ) -> None:
    with self._lock:
      if answer == f"{question}!":
        self.versions[version] += 1
        self.seconds.append(seconds)
      else:
        self.errors.append(f"{question!r} was answered {answer!r}")

  def _note_error(self, error: str) -> None:
    with self._lock:
      self.errors.append(error)
