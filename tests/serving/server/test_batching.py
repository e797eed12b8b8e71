"""Which requests share a batch, and what each of them gets back."""

import threading
import time
from concurrent import futures

import grpc
import numpy as np
import pytest

from benchmarks import serving_clients
from realm_tf import errors
from realm_tf.serving.server import admission_control
from realm_tf.serving.server import batch_settings
from realm_tf.serving.server import batching
from realm_tf.serving.server import codes
from realm_tf.serving.server import servables
from realm_tf.serving.server import server_metrics

_CODE = grpc.StatusCode


@pytest.fixture(scope="module")
def numbers(model_folders) -> servables.Servable:
  folder = str(model_folders / "numbers" / "7")
  loaded = servables.Servable("numbers", 7, folder)
  yield loaded
  loaded.close()


class _Requests:
  """Sends requests to a batcher, and notes the batches that it runs."""

  def __init__(self, servable, **settings):
    self.batches: list[list[int]] = []
    self.hold = threading.Event()
    self.hold.set()
    self._servable = servable
    self._pool = futures.ThreadPoolExecutor(32)
    self.batcher = batching.Batcher(
      batch_settings.BatchSettings(
        **{
          "num_batch_threads": 1,
          "max_execution_batch_size": settings.get("max_batch_size", 1000),
        }
        | settings
      ),
      server_metrics.Metrics(),
      self._run,
    )

  def _run(self, servable, signature, inputs, outputs, deadline):
    self.hold.wait()
    self.batches.append([len(a) for a in inputs.values()])
    return servable.run(signature, inputs, outputs, deadline)

  def send(self, x, signature="picky", dtype=np.float32, seconds=20.0):
    """Starts a request, whose inputs are all `x`."""
    found = self._servable.signature(signature)
    return self._pool.submit(
      self.batcher.run,
      self._servable,
      found,
      {name: np.array(x, dtype) for name in found.inputs},
      tuple(found.outputs),
      time.monotonic() + seconds,
    )


@pytest.fixture
def requests(numbers):
  made = []

  def make(**settings) -> _Requests:
    made.append(_Requests(numbers, **settings))
    return made[-1]

  yield make
  for one in made:
    one.hold.set()
    one.batcher.close()


def _code(future) -> grpc.StatusCode:
  error = future.exception(timeout=20)
  assert isinstance(error, codes.RequestError), error
  return error.code


def test_requests_that_wait_share_a_batch_and_get_their_own_rows(requests):
  sent = requests(max_batch_size=6, batch_timeout_seconds=20.0)
  answers = [sent.send([float(i)] * (i + 1)) for i in range(3)]
  for i, answer in enumerate(answers):
    found = answer.result(timeout=20)
    assert found["y"].tolist() == [float(i)] * (i + 1)
    assert found["rows"].tolist() == [6.0] * (i + 1)
  assert sent.batches == [[6]]


def test_a_batch_does_not_wait_for_others_for_ever(requests):
  sent = requests(batch_timeout_seconds=0.01)
  assert sent.send([1.0]).result(timeout=20)["y"].tolist() == [1.0]


def test_a_request_that_fits_no_longer_begins_the_next_batch(requests):
  sent = requests(max_batch_size=3, batch_timeout_seconds=0.3)
  answers = [sent.send([1.0, 2.0]) for _ in range(3)]
  for answer in answers:
    assert answer.result(timeout=20)["rows"].tolist() == [2.0, 2.0]
  assert sent.batches == [[2], [2], [2]]


def test_other_signatures_and_inner_shapes_stay_apart(requests):
  sent = requests()
  sent.hold.clear()
  first = sent.send([1.0])
  serving_clients.wait_for(lambda: sent.batcher.num_waiting() == 0)
  answers = [
    sent.send([1.0]),
    sent.send([2.0], signature="half"),
    sent.send([[2.0]], signature="wide"),
    sent.send([[2.0, 3.0]], signature="wide"),
    sent.send([1.0]),
  ]
  serving_clients.wait_for(lambda: sent.batcher.num_waiting() == 5)
  sent.hold.set()
  shapes = [a.result(timeout=20)["y"].shape for a in [first, *answers]]
  assert shapes == [(1,), (1,), (1,), (1, 1), (1, 2), (1,)]
  assert sorted(sent.batches) == [[1], [1], [1], [1], [2]]


def test_one_bad_request_does_not_spoil_the_others(requests):
  sent = requests(max_batch_size=3, batch_timeout_seconds=20.0)
  good, bad, other = sent.send([1.0]), sent.send([99.0]), sent.send([2.0])
  assert good.result(timeout=20)["y"].tolist() == [1.0]
  assert other.result(timeout=20)["y"].tolist() == [2.0]
  assert _code(bad) == _CODE.INVALID_ARGUMENT


def test_requests_beyond_the_queue_are_refused(requests):
  sent = requests(max_batch_size=1, max_enqueued_batches=2)
  sent.hold.clear()
  first = sent.send([1.0])
  serving_clients.wait_for(lambda: sent.batcher.num_waiting() == 0)
  waiting = [sent.send([1.0]) for _ in range(2)]
  serving_clients.wait_for(lambda: sent.batcher.num_waiting() == 2)
  assert _code(sent.send([1.0])) == _CODE.RESOURCE_EXHAUSTED
  sent.hold.set()
  for answer in [first, *waiting]:
    assert answer.result(timeout=20)["y"].tolist() == [1.0]


def test_a_request_whose_time_is_over_is_not_run(requests):
  sent = requests(max_batch_size=1)
  sent.hold.clear()
  first = sent.send([1.0])
  serving_clients.wait_for(lambda: sent.batcher.num_waiting() == 0)
  assert _code(sent.send([2.0], seconds=0.05)) == _CODE.DEADLINE_EXCEEDED
  sent.hold.set()
  first.result(timeout=20)
  sent.send([3.0]).result(timeout=20)
  assert len(sent.batches) == 2


def test_large_requests_are_refused_or_cut_into_pieces(requests):
  x = [float(i) for i in range(7)]
  refused = requests(max_batch_size=6)
  assert _code(refused.send(x)) == _CODE.INVALID_ARGUMENT
  sent = requests(max_batch_size=9, max_execution_batch_size=3)
  answer = sent.send(x).result(timeout=20)
  assert answer["y"].tolist() == x
  assert answer["rows"].tolist() == [3.0] * 6 + [1.0]


def test_batches_are_filled_up_to_the_allowed_sizes(requests):
  sent = requests(max_batch_size=8, allowed_batch_sizes=(2, 4, 8))
  answer = sent.send([1.0, 2.0, 3.0]).result(timeout=20)
  assert answer["y"].tolist() == [1.0, 2.0, 3.0]
  assert sent.batches == [[4]]


def test_signatures_and_inputs_that_cannot_be_batched(requests):
  sent = requests()
  total = sent.send([1.0, 2.0], "total", np.float64)
  assert _code(total) == _CODE.FAILED_PRECONDITION
  assert _code(sent.send(1.0)) == _CODE.INVALID_ARGUMENT


def test_admission_refuses_what_does_not_fit():
  limits = admission_control.Admission(most_running=1, most_waiting=1)
  with limits.request(), limits.run(time.monotonic() + 9), limits.request():
    with pytest.raises(codes.RequestError) as full, limits.request():
      pass
    with pytest.raises(codes.RequestError) as late, limits.run(0.0):
      pass
  assert full.value.code == _CODE.RESOURCE_EXHAUSTED
  assert full.value.http_status == 429
  assert late.value.http_status == 504
  assert limits.in_hand == 0
  with limits.request(), limits.run(0.0):
    pass


def test_batching_parameters(tmp_path):
  path = tmp_path / "batching.config"
  path.write_text("""
    max_batch_size { value: 256 } max_execution_batch_size { value: 128 }
    batch_timeout_micros { value: 5000 }
    max_enqueued_batches { value: 7 } num_batch_threads { value: 3 }
    allowed_batch_sizes: 64 allowed_batch_sizes: 128
    thread_pool_name { value: "batches" }
    enable_large_batch_splitting { value: true }""")
  assert batch_settings.read(str(path)) == batch_settings.BatchSettings(
    max_batch_size=256,
    max_execution_batch_size=128,
    batch_timeout_seconds=0.005,
    max_enqueued_batches=7,
    num_batch_threads=3,
    allowed_batch_sizes=(64, 128),
  )
  for text, message in {
    "max_batch_size { value: 0 }": "max_batch_size must be 1 or more",
    "allowed_batch_sizes: 3": "must ascend and end with the size",
    "max_execution_batch_size { value: 9 }": "enable_large_batch_splitting",
    "pad_variable_length_inputs: true": "pads no inputs",
    "max_batch_size: 3": "is not a BatchingParameters as text",
  }.items():
    path.write_text(text)
    with pytest.raises(errors.UserError, match=message):
      batch_settings.read(str(path))
  with pytest.raises(errors.UserError, match="batching_parameters_file="):
    batch_settings.read(str(tmp_path / "none"))
