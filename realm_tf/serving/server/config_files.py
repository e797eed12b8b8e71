"""TensorFlow Serving's configuration files, which are protos as text.

tensorflow-serving-api ships the protos of models, but not those of batching,
TLS and monitoring. They are declared here, with the names and types that
TensorFlow Serving's files have: text needs no numbers.
"""

from typing import Any
from typing import TypeVar

import tensorflow as tf
from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message
from google.protobuf import message_factory
from google.protobuf import text_format
from google.protobuf import wrappers_pb2

from realm_tf import absent
from realm_tf import errors
from realm_tf import files

_Field = descriptor_pb2.FieldDescriptorProto
_INT64 = ".google.protobuf.Int64Value"
_MESSAGES: dict[str, dict[str, Any]] = {
  "BatchingParameters": {
    "max_batch_size": _INT64,
    "batch_timeout_micros": _INT64,
    "max_enqueued_batches": _INT64,
    "num_batch_threads": _INT64,
    "thread_pool_name": ".google.protobuf.StringValue",
    "enable_large_batch_splitting": ".google.protobuf.BoolValue",
    "max_execution_batch_size": _INT64,
    "allowed_batch_sizes": [_Field.TYPE_INT64],
    "pad_variable_length_inputs": _Field.TYPE_BOOL,
  },
  "SSLConfig": {
    "server_key": _Field.TYPE_STRING,
    "server_cert": _Field.TYPE_STRING,
    "custom_ca": _Field.TYPE_STRING,
    "client_verify": _Field.TYPE_BOOL,
  },
  "PrometheusConfig": {
    "enable": _Field.TYPE_BOOL,
    "path": _Field.TYPE_STRING,
  },
  "MonitoringConfig": {"prometheus_config": ".PrometheusConfig"},
}

_Message = TypeVar("_Message", bound=message.Message)


def _declare() -> dict[str, Any]:
  file = descriptor_pb2.FileDescriptorProto(
    name="serving_config.proto",
    syntax="proto3",
    dependency=[wrappers_pb2.DESCRIPTOR.name],
  )
  for name, fields in _MESSAGES.items():
    declared = file.message_type.add(name=name)
    for number, (field, kind) in enumerate(fields.items(), start=1):
      repeated = isinstance(kind, list)
      kind = kind[0] if repeated else kind
      declared.field.add(
        name=field,
        number=number,
        label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
        **(
          {"type": _Field.TYPE_MESSAGE, "type_name": kind}
          if isinstance(kind, str)
          else {"type": kind}
        ),
      )
  pool = descriptor_pool.DescriptorPool()
  pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
  pool.Add(file)
  return {
    name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
    for name in _MESSAGES
  }


_CLASSES = _declare()
BatchingParameters = _CLASSES["BatchingParameters"]
SSLConfig = _CLASSES["SSLConfig"]
MonitoringConfig = _CLASSES["MonitoringConfig"]


def read(path: str, flag: str, into: _Message) -> _Message:
  """Reads a file into an empty message.

  Args:
    path: The file.
    flag: Which named it, for messages.
    into: An empty message of the right type.

  Returns:
    `into`.

  Raises:
    errors.UserError: The file is not there, or is not such a message.
  """
  if not tf.io.gfile.exists(path):
    raise absent.path(flag, path)
  try:
    text = files.read_text(path)
  except (OSError, ValueError, tf.errors.OpError) as e:
    raise errors.UserError(f"`{flag}`: cannot read {path}: {e}") from e
  try:
    return text_format.Parse(text, into)
  except text_format.ParseError as e:
    raise errors.UserError(
      f"`{flag}`: {path} is not a {into.DESCRIPTOR.name} as text: {e}"
    ) from e
