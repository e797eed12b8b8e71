"""Runs requests of the same kind in batches."""

import collections
import dataclasses
import threading
import time
from collections.abc import Callable
from concurrent import futures

import grpc
import numpy as np

from realm_tf.serving.server import batch_settings
from realm_tf.serving.server import codes
from realm_tf.serving.server import servables
from realm_tf.serving.server import server_metrics

# What requests must agree in to share a batch: servable, signature, outputs,
# and the dtype and inner shape of each input.
_Key = tuple[object, ...]

# Runs a servable's signature on inputs, for outputs, until a deadline.
Run = Callable[
  [
    servables.Servable,
    servables.Signature,
    servables.Arrays,
    tuple[str, ...],
    float,
  ],
  servables.Arrays,
]


@dataclasses.dataclass(frozen=True)
class _Task:
  """A request, or a piece of one that is too large for a batch."""

  inputs: servables.Arrays
  rows: int
  deadline: float
  entered: float
  answer: "futures.Future[servables.Arrays]"


@dataclasses.dataclass
class _Batch:
  """Tasks that wait for each other until `due`, by `time.monotonic`."""

  servable: servables.Servable
  signature: servables.Signature
  outputs: tuple[str, ...]
  due: float
  tasks: list[_Task] = dataclasses.field(default_factory=list)
  rows: int = 0


class Batcher:
  """Collects requests into batches and runs these in its own threads."""

  def __init__(
    self,
    settings: batch_settings.BatchSettings,
    metrics: server_metrics.Metrics,
    run: Run,
  ):
    """Starts the threads.

    Args:
      settings: Sizes and times.
      metrics: Where batches and waits are counted.
      run: Runs one batch.
    """
    self._settings, self._metrics, self._run = settings, metrics, run
    self._changed = threading.Condition()
    # Per key, in the order in which they were begun; only the last takes more.
    self._waiting: dict[_Key, collections.deque[_Batch]] = {}
    self._closed = False
    self._threads = [
      threading.Thread(target=self._work, name=f"batch-{i}", daemon=True)
      for i in range(settings.num_batch_threads)
    ]
    for thread in self._threads:
      thread.start()

  def run(
    self,
    servable: servables.Servable,
    signature: servables.Signature,
    inputs: servables.Arrays,
    outputs: tuple[str, ...],
    deadline: float,
  ) -> servables.Arrays:
    """Runs a request together with others, and waits for its own answer.

    Args:
      servable: In use by the caller until this returns.
      signature: One of the servable's.
      inputs: Checked; axis 0 of each is the batch.
      outputs: Names of the outputs that are asked for.
      deadline: When to give up, by `time.monotonic`.

    Returns:
      An array for each of `outputs`, with as many rows as the inputs.

    Raises:
      codes.RequestError: The inputs have no axis 0 or differ in it, are too
        many, too many batches wait, the graph failed, or time ran out.
    """
    rows = _rows(inputs)
    if not rows:  # Nothing that could share a batch.
      return self._run(servable, signature, inputs, outputs, deadline)
    if rows > self._settings.max_batch_size:
      raise codes.invalid(
        f"the request has {rows} rows, but a batch takes "
        f"{self._settings.max_batch_size} (max_batch_size)"
      )
    most = self._settings.max_execution_batch_size
    tasks = [
      _Task(
        inputs={name: a[i : i + most] for name, a in inputs.items()},
        rows=min(most, rows - i),
        deadline=deadline,
        entered=time.monotonic(),
        answer=futures.Future(),
      )
      for i in range(0, rows, most)
    ]
    self._enqueue(servable, signature, outputs, tasks)
    answers = [_wait(task) for task in tasks]
    if len(answers) == 1:
      return answers[0]
    return {
      name: np.concatenate([answer[name] for answer in answers])
      for name in outputs
    }

  def num_waiting(self) -> int:
    """Returns how many requests, or pieces of large ones, wait to be run."""
    with self._changed:
      return sum(
        len(batch.tasks)
        for batches in self._waiting.values()
        for batch in batches
      )

  def close(self) -> None:
    """Runs the waiting requests, then ends the threads."""
    with self._changed:
      self._closed = True
      self._changed.notify_all()
    for thread in self._threads:
      thread.join()

  def _enqueue(
    self,
    servable: servables.Servable,
    signature: servables.Signature,
    outputs: tuple[str, ...],
    tasks: list[_Task],
  ) -> None:
    inputs = tasks[0].inputs
    key: _Key = (
      servable,
      signature.name,
      outputs,
      tuple((name, a.dtype, a.shape[1:]) for name, a in sorted(inputs.items())),
    )
    with self._changed:
      batches = self._waiting.setdefault(key, collections.deque())
      room = self._settings.max_enqueued_batches - len(batches)
      if room < len(tasks) and not self._fits(batches, tasks):
        if not batches:
          del self._waiting[key]
        raise codes.RequestError(
          grpc.StatusCode.RESOURCE_EXHAUSTED,
          f"{len(batches)} batches wait for signature {signature.name!r} "
          "(max_enqueued_batches)",
        )
      for task in tasks:
        if not self._fits(batches, [task]):
          due = task.entered + self._settings.batch_timeout_seconds
          batches.append(_Batch(servable, signature, outputs, due))
        batches[-1].tasks.append(task)
        batches[-1].rows += task.rows
      self._changed.notify_all()

  def _fits(
    self, batches: "collections.deque[_Batch]", tasks: list[_Task]
  ) -> bool:
    """Returns whether the last batch has room for all of the tasks."""
    rows = sum(task.rows for task in tasks)
    return bool(batches) and (
      batches[-1].rows + rows <= self._settings.max_execution_batch_size
    )

  def _work(self) -> None:
    while (batch := self._next()) is not None:
      self._run_batch(batch)

  def _next(self) -> _Batch | None:
    """Waits for a batch that is full or due; None after `close`."""
    with self._changed:
      while True:
        ready = [
          (batches[0].due, key)
          for key, batches in self._waiting.items()
          if self._is_ready(batches)
        ]
        if ready:
          _, key = min(ready, key=lambda pair: pair[0])
          batches = self._waiting[key]
          batch = batches.popleft()
          if not batches:
            del self._waiting[key]
          return batch
        if self._closed and not self._waiting:
          return None
        dues = [batches[0].due for batches in self._waiting.values()]
        self._changed.wait(
          max(min(dues) - time.monotonic(), 0) if dues else None
        )

  def _is_ready(self, batches: "collections.deque[_Batch]") -> bool:
    first = batches[0]
    return (
      self._closed
      or len(batches) > 1
      or first.rows >= self._settings.max_execution_batch_size
      or first.due <= time.monotonic()
    )

  def _run_batch(self, batch: _Batch) -> None:
    now = time.monotonic()
    tasks = []
    for task in batch.tasks:
      self._metrics.queued(batch.servable.name, now - task.entered)
      if task.deadline <= now:
        task.answer.set_exception(_too_late())
      else:
        tasks.append(task)
    if not tasks:
      return
    try:
      self._answer(batch, tasks)
    except codes.RequestError as e:
      if len(tasks) == 1:
        tasks[0].answer.set_exception(e)
        return
      # One of them may be at fault: the others get their answers.
      for task in tasks:
        try:
          self._answer(batch, [task])
        except codes.RequestError as own:
          task.answer.set_exception(own)
    except Exception as e:  # noqa: BLE001 - the waiting threads must hear of it
      for task in tasks:
        if not task.answer.done():
          task.answer.set_exception(e)

  def _answer(self, batch: _Batch, tasks: list[_Task]) -> None:
    rows = sum(task.rows for task in tasks)
    padded = self._settings.padded(rows)
    inputs = {
      name: _joined([task.inputs[name] for task in tasks], padded)
      for name in tasks[0].inputs
    }
    outputs = self._run(
      batch.servable,
      batch.signature,
      inputs,
      batch.outputs,
      max(task.deadline for task in tasks),
    )
    for name, array in outputs.items():
      if array.shape[:1] != (padded,):
        raise codes.RequestError(
          grpc.StatusCode.FAILED_PRECONDITION,
          f"output {name!r} has shape {list(array.shape)} for a batch of "
          f"{padded}: this signature cannot be batched",
        )
    self._metrics.batch(batch.servable.name, rows, padded)
    start = 0
    for task in tasks:
      stop = start + task.rows
      task.answer.set_result(
        {name: array[start:stop] for name, array in outputs.items()}
      )
      start = stop


def _rows(inputs: servables.Arrays) -> int:
  if any(not array.ndim for array in inputs.values()):
    raise codes.invalid("batched inputs must have at least one dimension")
  rows = {array.shape[0] for array in inputs.values()}
  if len(rows) > 1:
    raise codes.invalid(
      f"batched inputs must agree in axis 0, not have {sorted(rows)} rows"
    )
  return rows.pop() if rows else 0


def _joined(arrays: list[np.ndarray], rows: int) -> np.ndarray:
  """Puts arrays below each other; repeats the last row up to `rows`."""
  missing = rows - sum(len(array) for array in arrays)
  if missing:
    arrays = [*arrays, np.repeat(arrays[-1][-1:], missing, axis=0)]
  return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _wait(task: _Task) -> servables.Arrays:
  try:
    return task.answer.result(timeout=max(task.deadline - time.monotonic(), 0))
  except futures.TimeoutError as e:
    raise _too_late() from e


def _too_late() -> codes.RequestError:
  return codes.RequestError(
    grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed in the queue"
  )
