"""A gRPC server in this process that answers as a served model would."""

import threading
from concurrent import futures

import grpc

from realm_tf.serving.client import stubs
from realm_tf.serving.client import tensor_protos

_predict_pb2, _services = stubs.load()


def _write(proto, values):
  """Writes nested lists of one type into a TensorProto."""
  sizes, flat = [], values
  while isinstance(flat, list):
    sizes.append(len(flat))
    flat = flat[0]
  for _ in sizes[1:]:
    values = [value for row in values for value in row]
  if isinstance(flat, str):
    tensor_protos.put_strings(proto, values)
  elif isinstance(flat, bool):
    proto.dtype = 10
    proto.bool_val.extend(values)
  elif isinstance(flat, int):
    proto.dtype = 3
    proto.int_val.extend(values)
  else:
    tensor_protos.put_floats(proto, values)
  del proto.tensor_shape.dim[:]
  for size in sizes:
    proto.tensor_shape.dim.add(size=size)


class FakeModel(_services.PredictionServiceServicer):
  """Replies with what a test sets; keeps what it was asked.

  Attributes:
    reply: Takes the texts of a request; gives outputs by name, as lists.
    failures: (code, details) of the next calls, first to last.
    requests: Those that came.
    release: A call waits for it before it replies.
  """

  def __init__(self):
    self.reply = lambda texts: {"echo": texts}
    self.failures = []
    self.requests = []
    self.release = threading.Event()
    self.release.set()

  def Predict(self, request, context):  # noqa: N802
    self.requests.append(request)
    self.release.wait(30)
    if self.failures:
      context.abort(*self.failures.pop(0))
    inputs = request.inputs
    name = "question" if "question" in inputs else "text"
    texts = list(tensor_protos.to_array(inputs[name]))
    response = _predict_pb2.PredictResponse()
    for output, values in self.reply(texts).items():
      _write(response.outputs[output], values)
    return response


def start(model, credentials=None):
  """Serves a model on a free port; returns the server and its address."""
  server = grpc.server(futures.ThreadPoolExecutor(4))
  _services.add_PredictionServiceServicer_to_server(model, server)
  if credentials is None:
    port = server.add_insecure_port("localhost:0")
  else:
    port = server.add_secure_port("localhost:0", credentials)
  server.start()
  return server, f"localhost:{port}"
