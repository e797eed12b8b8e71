"""Answers requests, for gRPC and REST alike."""

import contextlib
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

import grpc
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_pb2

from realm_tf.serving.server import admission_control
from realm_tf.serving.server import batch_settings
from realm_tf.serving.server import batching
from realm_tf.serving.server import codes
from realm_tf.serving.server import predict
from realm_tf.serving.server import servables
from realm_tf.serving.server import served_models
from realm_tf.serving.server import server_metrics

_SIGNATURE_DEF = "signature_def"

# Makes the arrays of a request's inputs, for the signature that it names.
ReadInputs = Callable[[servables.Signature], servables.Arrays]


class Answering:
  """Answers requests with the models of a server."""

  def __init__(
    self,
    models: served_models.Models,
    metrics: server_metrics.Metrics,
    admission: admission_control.Admission,
    batches: batch_settings.BatchSettings | None,
    most_rows: int,
  ):
    """Starts the batching, if there is any.

    Args:
      models: Which are asked.
      metrics: Where requests are counted.
      admission: How many requests are taken in.
      batches: How requests are run together; None to run each alone.
      most_rows: Of a request.
    """
    self.models, self.metrics, self._admission = models, metrics, admission
    self._most_rows = most_rows
    self._batcher = (
      batching.Batcher(batches, metrics, self._run) if batches else None
    )
    metrics.watch_in_hand(lambda: admission.in_hand)

  @contextlib.contextmanager
  def counted(self, model: str, entry: str, api: str) -> Iterator[None]:
    """Counts a request that runs a graph, and accepts it if there is room.

    Args:
      model: As the request names it.
      entry: "GRPC" or "REST".
      api: Such as "Predict".
    """
    started, status = time.monotonic(), grpc.StatusCode.INTERNAL
    try:
      with self._admission.request():
        yield
      status = grpc.StatusCode.OK
    except codes.RequestError as e:
      status = e.code
      raise
    finally:
      # A name that anybody may invent must not become a series of its own.
      name = model if self.models.serves(model) else ""
      seconds = time.monotonic() - started
      self.metrics.request(name, status.name, entry, api, seconds)

  def predict(
    self,
    spec: model_pb2.ModelSpec,
    read_inputs: ReadInputs,
    outputs: Sequence[str],
    deadline: float,
  ) -> tuple[model_pb2.ModelSpec, servables.Arrays]:
    """Answers a Predict request.

    Args:
      spec: Model, version or label, and signature.
      read_inputs: Makes the inputs.
      outputs: Which are asked for; empty for all.
      deadline: When to give up, by `time.monotonic`.

    Returns:
      What answered, and an array for each output.

    Raises:
      codes.RequestError: The request cannot be answered.
    """
    with self.models.use(spec) as servable:
      signature = predict.signature(servable, spec.signature_name)
      inputs = predict.check_inputs(
        signature, read_inputs(signature), self._most_rows
      )
      run = self._batcher.run if self._batcher else self._run_in_turn
      found = run(
        servable,
        signature,
        inputs,
        predict.check_outputs(signature, outputs),
        deadline,
      )
      answered = model_pb2.ModelSpec(
        name=servable.name, signature_name=signature.name
      )
      answered.version.value = servable.version
      return answered, found

  def metadata(
    self, request: get_model_metadata_pb2.GetModelMetadataRequest
  ) -> tuple[model_pb2.ModelSpec, get_model_metadata_pb2.SignatureDefMap]:
    """Returns the signatures of a model.

    Raises:
      codes.RequestError: There is no such model, or something else than
        signatures is asked for.
    """
    if not request.metadata_field:
      raise codes.invalid("metadata_field must name at least one field")
    for field in request.metadata_field:
      if field != _SIGNATURE_DEF:
        raise codes.invalid(f"Metadata field {field} is not supported")
    with self.models.use(request.model_spec) as servable:
      spec = model_pb2.ModelSpec(name=servable.name)
      spec.version.value = servable.version
      signatures = get_model_metadata_pb2.SignatureDefMap()
      for name, signature in servable.signatures.items():
        signatures.signature_def[name].CopyFrom(signature.proto)
      return spec, signatures

  def status(
    self, spec: model_pb2.ModelSpec
  ) -> get_model_status_pb2.GetModelStatusResponse:
    """Returns the states of a model's versions.

    Raises:
      codes.RequestError: There is no such model or version.
    """
    response = get_model_status_pb2.GetModelStatusResponse()
    for version, status in self.models.status(spec).items():
      entry = response.model_version_status.add(
        version=version, state=status.state
      )
      entry.status.error_code = status.code.value[0]
      entry.status.error_message = status.message
    return response

  def close(self) -> None:
    """Runs the requests that wait for a batch."""
    if self._batcher:
      self._batcher.close()

  def _run_in_turn(
    self,
    servable: servables.Servable,
    signature: servables.Signature,
    inputs: servables.Arrays,
    outputs: tuple[str, ...],
    deadline: float,
  ) -> servables.Arrays:
    with self._admission.run(deadline):
      return self._run(servable, signature, inputs, outputs, deadline)

  def _run(
    self,
    servable: servables.Servable,
    signature: servables.Signature,
    inputs: servables.Arrays,
    outputs: tuple[str, ...],
    deadline: float,
  ) -> servables.Arrays:
    started = time.monotonic()
    found = servable.run(signature, inputs, outputs, deadline)
    self.metrics.run(servable.name, time.monotonic() - started)
    return found
