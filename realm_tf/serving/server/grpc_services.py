"""PredictionService and ModelService of TensorFlow Serving, on gRPC."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any
from typing import TypeVar

import grpc
from google.protobuf import message
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_management_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from realm_tf.serving.server import codes
from realm_tf.serving.server import model_config
from realm_tf.serving.server import request_answering
from realm_tf.serving.server import servables
from realm_tf.serving.server import tensors

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"

_log = logging.getLogger(__name__)
_Response = TypeVar("_Response", bound=message.Message)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
  """Predict and GetModelMetadata; the rest is for models of TensorFlow 1."""

  def __init__(
    self,
    answering: request_answering.Answering,
    most_bytes: int,
    most_seconds: float,
  ):
    """Answers with `answering`.

    Args:
      answering: Answers requests.
      most_bytes: Of a tensor.
      most_seconds: Of a request whose client waits for ever.
    """
    self._answering = answering
    self._most_bytes, self._most_seconds = most_bytes, most_seconds
    self._may_answer = threading.Event()
    self._may_answer.set()

  def hold(self) -> None:
    """Makes new Predict requests wait until `go_on`."""
    self._may_answer.clear()

  def go_on(self) -> None:
    """Answers the requests that were held."""
    self._may_answer.set()

  def Predict(  # noqa: D102 - the API's own name
    self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
  ) -> predict_pb2.PredictResponse:
    def answer() -> predict_pb2.PredictResponse:
      self._may_answer.wait()
      left = context.time_remaining()
      with self._answering.counted(request.model_spec.name, "GRPC", "Predict"):
        spec, outputs = self._answering.predict(
          request.model_spec,
          self._reader(request),
          request.output_filter,
          time.monotonic()
          + (self._most_seconds if left is None else min(left, _FAR)),
        )
        response = predict_pb2.PredictResponse(model_spec=spec)
        for name, array in outputs.items():
          response.outputs[name].CopyFrom(tensors.to_proto(array))
        return response

    return _answered(answer, context)

  def GetModelMetadata(  # noqa: D102
    self,
    request: get_model_metadata_pb2.GetModelMetadataRequest,
    context: grpc.ServicerContext,
  ) -> get_model_metadata_pb2.GetModelMetadataResponse:
    def answer() -> get_model_metadata_pb2.GetModelMetadataResponse:
      spec, signatures = self._answering.metadata(request)
      response = get_model_metadata_pb2.GetModelMetadataResponse(
        model_spec=spec
      )
      response.metadata["signature_def"].Pack(signatures)
      return response

    return _answered(answer, context)

  def Classify(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: D102
    return _unsupported("Classify", context)

  def Regress(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: D102
    return _unsupported("Regress", context)

  def MultiInference(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: D102
    return _unsupported("MultiInference", context)

  def _reader(
    self, request: predict_pb2.PredictRequest
  ) -> request_answering.ReadInputs:
    def read(signature: servables.Signature) -> servables.Arrays:
      del signature  # The protos say what they are.
      return {
        name: tensors.to_array(proto, name, self._most_bytes)
        for name, proto in request.inputs.items()
      }

    return read


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
  """Model status, and reloads of the config."""

  def __init__(self, answering: request_answering.Answering):
    """Answers with `answering`."""
    self._answering = answering

  def GetModelStatus(  # noqa: D102
    self,
    request: get_model_status_pb2.GetModelStatusRequest,
    context: grpc.ServicerContext,
  ) -> get_model_status_pb2.GetModelStatusResponse:
    return _answered(
      lambda: self._answering.status(request.model_spec), context
    )

  def HandleReloadConfigRequest(  # noqa: D102
    self,
    request: model_management_pb2.ReloadConfigRequest,
    context: grpc.ServicerContext,
  ) -> model_management_pb2.ReloadConfigResponse:
    def answer() -> model_management_pb2.ReloadConfigResponse:
      if request.config.WhichOneof("config") != "model_config_list":
        raise codes.invalid("only a model_config_list can be loaded")
      try:
        configs = model_config.from_proto(request.config)
      except ValueError as e:
        raise codes.invalid(str(e)) from e
      self._answering.models.reload(configs)
      return model_management_pb2.ReloadConfigResponse()

    return _answered(answer, context)


# gRPC tells a client without a deadline by a time that is far away.
_FAR = 1e6


def _answered(
  answer: Callable[[], _Response], context: grpc.ServicerContext
) -> _Response:
  """Returns the answer, or ends the call with the error's code."""
  try:
    return answer()
  except codes.RequestError as e:
    context.abort(e.code, e.message)
  except Exception:  # noqa: BLE001 - the client must hear of it
    _log.exception("a request failed")
    context.abort(grpc.StatusCode.INTERNAL, "the server failed; see its log")
  raise AssertionError("abort raises")


def _unsupported(method: str, context: grpc.ServicerContext) -> Any:
  context.abort(
    grpc.StatusCode.UNIMPLEMENTED,
    f"{method} is not served here: use Predict",
  )
