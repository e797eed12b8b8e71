"""Runs the warm-up requests that a SavedModel brings along."""

from collections.abc import Iterator

import tensorflow as tf
from google.protobuf import message
from tensorflow_serving.apis import prediction_log_pb2

from realm_tf import dataset_options
from realm_tf.serving.server import codes
from realm_tf.serving.server import predict
from realm_tf.serving.server import servables
from realm_tf.serving.server import tensors

_FILE = "assets.extra/tf_serving_warmup_requests"
_MOST_RECORDS = 1000  # TensorFlow Serving's limit
_MOST_BYTES = 1 << 30


def warm_up(servable: servables.Servable) -> int:
  """Runs all warm-up requests of a servable, if it has any.

  Returns:
    How many there were.

  Raises:
    codes.RequestError: A record is not a Predict request that this servable
      answers, or there are more than a thousand.
    tf.errors.OpError: The file is damaged.
  """
  path = tf.io.gfile.join(servable.folder, _FILE)
  if not tf.io.gfile.exists(path):
    return 0
  count = 0
  for count, log in enumerate(_records(path), start=1):
    if count > _MOST_RECORDS:
      raise codes.invalid(f"{_FILE} has more than {_MOST_RECORDS} records")
    if log.WhichOneof("log_type") != "predict_log":
      raise codes.invalid(f"{_FILE}: record {count} is not of Predict")
    request = log.predict_log.request
    signature = predict.signature(servable, request.model_spec.signature_name)
    inputs = {
      name: tensors.to_array(proto, name, _MOST_BYTES)
      for name, proto in request.inputs.items()
    }
    servable.run(
      signature,
      predict.check_inputs(signature, inputs, _MOST_BYTES),
      predict.check_outputs(signature, request.output_filter),
    )
  return count


def _records(path: str) -> Iterator[prediction_log_pb2.PredictionLog]:
  records = dataset_options.untuned(tf.data.TFRecordDataset(path))
  for record in records.as_numpy_iterator():
    try:
      yield prediction_log_pb2.PredictionLog.FromString(record)
    except message.DecodeError as e:
      raise codes.invalid(f"{_FILE} holds no PredictionLogs: {e}") from e
