"""TensorFlow Serving's gRPC stubs, without importing TensorFlow itself.

tensorflow-serving-api needs TensorFlow's protocol buffers alone, but these are
modules of the package `tensorflow`, whose import takes seconds.
"""

import importlib.util
import sys
import threading
import types
from typing import Any


def load() -> tuple[Any, Any]:
  """Returns the modules `predict_pb2` and `prediction_service_pb2_grpc`.

  Where TensorFlow is loaded already, or other threads run, which might import
  it just now, the import is the usual one. Else an empty package stands for
  `tensorflow` meanwhile: its protocol buffers are below it, and a later
  `import tensorflow` runs as ever.
  """
  if "tensorflow" in sys.modules or threading.active_count() > 1:
    return _import()
  spec = importlib.util.find_spec("tensorflow")
  if spec is None or spec.submodule_search_locations is None:
    return _import()  # which says what is missing
  package = types.ModuleType("tensorflow")
  package.__path__ = list(spec.submodule_search_locations)
  sys.modules["tensorflow"] = package
  try:
    return _import()
  finally:
    del sys.modules["tensorflow"]


def _import() -> tuple[Any, Any]:
  from tensorflow_serving.apis import predict_pb2
  from tensorflow_serving.apis import prediction_service_pb2_grpc

  return predict_pb2, prediction_service_pb2_grpc
