"""TensorFlow Serving's batching parameters."""

import dataclasses
import os

from realm_tf import errors
from realm_tf.serving.server import config_files

_FLAG = "batching_parameters_file"


@dataclasses.dataclass(frozen=True)
class BatchSettings:
  """Sizes and times, with TensorFlow Serving's defaults.

  Attributes:
    max_batch_size: The most rows of a request.
    max_execution_batch_size: The most rows of a batch that runs; a request that
      has more is cut into several.
    batch_timeout_seconds: How long the first request of a batch may wait for
      others.
    max_enqueued_batches: How many batches of a signature may wait.
    num_batch_threads: How many batches run at the same time.
    allowed_batch_sizes: Ascending, the last is max_execution_batch_size: a
      batch is filled up to the next of them. Empty to leave it as it is.
  """

  max_batch_size: int = 1000
  max_execution_batch_size: int = 1000
  batch_timeout_seconds: float = 0.0
  max_enqueued_batches: int = 10
  num_batch_threads: int = len(os.sched_getaffinity(0))
  allowed_batch_sizes: tuple[int, ...] = ()

  def padded(self, rows: int) -> int:
    """Returns the size that a batch of so many rows is filled up to."""
    return next((s for s in self.allowed_batch_sizes if s >= rows), rows)


def read(path: str) -> BatchSettings:
  """Reads a BatchingParameters as text; defaults for an empty path.

  Raises:
    errors.UserError: The file is not there, or has a value that cannot be.
  """
  if not path:
    return BatchSettings()
  proto = config_files.read(path, _FLAG, config_files.BatchingParameters())
  if proto.pad_variable_length_inputs:
    raise _mistake(path, "this server pads no inputs: leave it out")
  chosen = {
    name: getattr(proto, name).value
    for name in (
      "max_batch_size",
      "max_execution_batch_size",
      "max_enqueued_batches",
      "num_batch_threads",
    )
    if proto.HasField(name)
  }
  for name, value in chosen.items():
    if value < 1:
      raise _mistake(path, f"{name} must be 1 or more, not {value}")
  if proto.batch_timeout_micros.value < 0:
    raise _mistake(path, "batch_timeout_micros must be 0 or more")
  most = chosen.setdefault("max_batch_size", BatchSettings.max_batch_size)
  at_once = chosen.setdefault("max_execution_batch_size", most)
  if at_once > most or (
    at_once < most and not proto.enable_large_batch_splitting.value
  ):
    raise _mistake(
      path,
      "max_execution_batch_size must not be above max_batch_size, and below it "
      "only with enable_large_batch_splitting",
    )
  settings = BatchSettings(
    **chosen,
    batch_timeout_seconds=proto.batch_timeout_micros.value / 1e6,
    allowed_batch_sizes=tuple(proto.allowed_batch_sizes),
  )
  sizes = settings.allowed_batch_sizes
  if sizes and (
    list(sizes) != sorted(set(sizes)) or sizes[0] < 1 or sizes[-1] != at_once
  ):
    raise _mistake(
      path,
      "allowed_batch_sizes must ascend and end with the size of the largest "
      f"batch, {at_once}",
    )
  return settings


def _mistake(path: str, message: str) -> errors.UserError:
  return errors.UserError(f"`{_FLAG}`: {path}: {message}.")
