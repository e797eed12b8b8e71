"""One version of a model in memory, run as TensorFlow Serving runs it.

A session of TensorFlow 1 takes SavedModels of both TensorFlow 1 and 2, runs
what the outputs asked for need and no more, may be used by many threads, and
gives all its memory back when it is closed.
"""

import ctypes
import gc
import importlib
import threading
import time
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from realm_tf import files
from realm_tf import stack
from realm_tf.serving.server import codes

DEFAULT_SIGNATURE = "serving_default"

# What says how to load a SavedModel is in its signatures, too.
_NOT_SERVED = "__saved_model_"
_TAGS = ["serve"]

Arrays = dict[str, np.ndarray]


class Input(NamedTuple):
  """An input of a signature: its dtype, and its shape, None where unknown."""

  dtype: tf.DType
  shape: tf.TensorShape


class Signature(NamedTuple):
  """A function of a SavedModel.

  Attributes:
    name: As requests name it.
    inputs: By the names that requests use.
    outputs: The graph's tensors by the names that responses use.
    proto: As the SavedModel has it.
  """

  name: str
  inputs: Mapping[str, Input]
  outputs: Mapping[str, str]
  proto: meta_graph_pb2.SignatureDef


class Servable:
  """A loaded version, with a count of its current users."""

  def __init__(self, name: str, version: int, folder: str):
    """Loads a SavedModel.

    Args:
      name: The model's.
      version: Its version.
      folder: Where the SavedModel is.

    Raises:
      errors.UserError: If a file may not be read, or is a pipe.
      tf.errors.OpError, OSError, ValueError, RuntimeError, KeyError or
      TypeError: What TensorFlow raises for a SavedModel that is damaged or
      that needs ops which are not there.
    """
    self.name, self.version, self.folder = name, version, folder
    files.check_all_readable(folder)
    self._uses = 0
    self._free = threading.Condition()
    load_ops()
    graph = tf.Graph()
    self._session = tf.compat.v1.Session(graph=graph)
    try:
      with graph.as_default():
        loaded = tf.compat.v1.saved_model.load(self._session, _TAGS, folder)
      self.signatures = {
        key: _signature(key, proto)
        for key, proto in loaded.signature_def.items()
        if not key.startswith(_NOT_SERVED)
      }
      # No two threads may add ops to it, nor one while another runs it.
      graph.finalize()
    except BaseException:
      self._session.close()
      raise

  def signature(self, name: str) -> Signature | None:
    """Returns a signature; the default one for the empty name."""
    return self.signatures.get(name or DEFAULT_SIGNATURE)

  def run(
    self,
    signature: Signature,
    inputs: Mapping[str, np.ndarray],
    outputs: Sequence[str],
    deadline: float | None = None,
  ) -> Arrays:
    """Runs the graph.

    Args:
      signature: One of this servable's.
      inputs: An array for each of its inputs, checked (`predict`).
      outputs: The names of those that are asked for.
      deadline: When to give up, by `time.monotonic`.

    Returns:
      An array for each of `outputs`; strings are bytes.

    Raises:
      codes.RequestError: The graph refused the inputs, or time ran out.
    """
    options = None
    if deadline is not None:
      milliseconds = int((deadline - time.monotonic()) * 1000)
      if milliseconds <= 0:
        raise codes.RequestError(
          grpc.StatusCode.DEADLINE_EXCEEDED, "no time was left to run the graph"
        )
      options = tf.compat.v1.RunOptions(timeout_in_ms=milliseconds)
    feeds = {
      signature.proto.inputs[name].name: array for name, array in inputs.items()
    }
    fetches = {name: signature.outputs[name] for name in outputs}
    try:
      found = self._session.run(fetches, feeds, options=options)
    except tf.errors.OpError as e:
      raise codes.from_tensorflow(e) from e
    return {name: np.asarray(array) for name, array in found.items()}

  def __enter__(self) -> "Servable":
    """Keeps the version in memory until `__exit__`."""
    with self._free:
      self._uses += 1
    return self

  def __exit__(self, *unused: object) -> None:
    """Releases the version."""
    with self._free:
      self._uses -= 1
      self._free.notify_all()

  def close(self) -> None:
    """Waits until the version is unused, then frees its memory."""
    with self._free:
      self._free.wait_for(lambda: not self._uses)
    self._session.close()
    del self._session
    give_memory_back()


def load_ops() -> None:
  """Registers the ops beyond TensorFlow's own that SavedModels may need."""
  importlib.import_module("tensorflow_text")
  stack.why_no_scann()  # Loads ScaNN, where there is one.


def give_memory_back() -> None:
  """Frees graphs in reference cycles, and the allocator's spare memory."""
  gc.collect()
  trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
  if trim is not None:  # glibc's
    trim(0)


def _signature(name: str, proto: meta_graph_pb2.SignatureDef) -> Signature:
  return Signature(
    name=name,
    inputs={
      key: Input(tf.as_dtype(info.dtype), tf.TensorShape(info.tensor_shape))
      for key, info in sorted(proto.inputs.items())
    },
    outputs={key: info.name for key, info in sorted(proto.outputs.items())},
    proto=proto,
  )
