"""Clients that ask without a pause, and note what they are answered."""

import collections
import contextlib
import itertools
import re
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from benchmarks import http_requests

# For `grpc.insecure_channel`: by default those of a process share connections.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)

_SECONDS = 60.0  # a request's deadline
_SECONDS_AFTER_ERROR = 0.05


class Load:
  """What clients were answered.

  Attributes:
    versions: Answers by the version that gave them, 0 where that is unknown.
    errors: What went wrong, in words.
    seconds: Of each request that was answered.
  """

  def __init__(self, questions: Sequence[str] = ()) -> None:
    """Has asked nothing yet.

    Args:
      questions: Which are asked in turn. By default each client has one of its
        own, and its answer must be the question and a "!".
    """
    self._questions = questions
    self.versions: collections.Counter[int] = collections.Counter()
    self.errors: list[str] = []
    self.seconds: list[float] = []
    self._lock = threading.Lock()
    self._end = threading.Event()

  @contextlib.contextmanager
  def clients(
    self,
    count: int,
    port: int,
    rest_api_port: int | None = None,
    pause: float = 0.0,
  ) -> Iterator[None]:
    """Has clients ask the model `realm` meanwhile.

    Args:
      count: How many, each with a connection of its own.
      port: Of gRPC.
      rest_api_port: Of HTTP, which a quarter of them uses; None for none.
      pause: Between two requests of a client, in seconds.
    """
    threads = [
      threading.Thread(
        target=self._ask_rest if by_rest else self._ask_grpc,
        args=(rest_api_port if by_rest else port, i, pause),
      )
      for i in range(count)
      for by_rest in [rest_api_port is not None and i % 4 == 3]
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

  def _questions_of(self, client: int) -> Iterator[str]:
    """Gives the questions of a client until the end."""
    for i in itertools.count(client):
      if self._questions:
        yield self._questions[i % len(self._questions)]
      else:
        yield f"question {client}"

  def _ask_grpc(self, port: int, client: int, pause: float) -> None:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "realm"
    questions = self._questions_of(client)
    address = f"127.0.0.1:{port}"
    with grpc.insecure_channel(address, OWN_CONNECTION) as channel:
      stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
      while not self._end.wait(pause):
        question = next(questions)
        request.inputs["question"].CopyFrom(tf.make_tensor_proto([question]))
        started = time.monotonic()
        try:
          response = stub.Predict(request, timeout=_SECONDS)
        except grpc.RpcError as e:
          self._note_error(f"{e.code().name}: {e.details()}")
          continue
        self._note(
          response.outputs["answer"].string_val[0].decode(),
          question,
          response.model_spec.version.value,
          time.monotonic() - started,
        )

  def _ask_rest(self, port: int, client: int, pause: float) -> None:
    questions = self._questions_of(client)
    while not self._end.wait(pause):
      question = next(questions)
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
        row["answer"][0],
        question,
        row.get("version", 0),
        time.monotonic() - started,
      )

  def _note(
    self, answer: str, question: str, version: int, seconds: float
  ) -> None:
    with self._lock:
      if self._questions or answer == f"{question}!":
        self.versions[version] += 1
        self.seconds.append(seconds)
      else:
        self.errors.append(f"{question!r} was answered {answer!r}")

  def _note_error(self, error: str) -> None:
    with self._lock:
      self.errors.append(error)
    self._end.wait(_SECONDS_AFTER_ERROR)


def resident_bytes(rest_api_port: int) -> int:
  """Returns the memory that a server's process has, by its metrics."""
  page = http_requests.send(rest_api_port, "/monitoring/prometheus/metrics")
  found = re.search(rb"^process_resident_memory_bytes (.*)$", page.body, re.M)
  assert found is not None, page
  return int(float(found[1]))


def states(rest_api_port: int) -> dict[str, dict[str, Any]]:
  """Returns the status of each version of the model `realm`."""
  reply = http_requests.send(rest_api_port, "/v1/models/realm")
  return {s["version"]: s for s in reply.json["model_version_status"]}


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
  """Waits until a condition holds; fails when it does not."""
  end = time.monotonic() + seconds
  while not condition():
    assert time.monotonic() < end, "waited too long"
    time.sleep(0.02)


def wait_for_state(
  rest_api_port: int, version: int, state: str, seconds: float = 30.0
) -> None:
  """Waits until a version of the model `realm` has a state."""
  wait_for(
    lambda: states(rest_api_port).get(str(version), {}).get("state") == state,
    seconds,
  )
