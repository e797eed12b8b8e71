"""What the graph of a SavedModel says; it is parsed, and never run."""

import tensorflow as tf
from google.protobuf import message
from tensorflow.core.protobuf import saved_model_pb2

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints.formats import json_config

NAME = "saved_model.pb"


def activation(path: str) -> str:
  """Returns the GELU that a graph computes.

  Args:
    path: The folder.

  Raises:
    errors.UserError: If its graph is damaged.
  """
  file = tf.io.gfile.join(path, NAME)
  try:
    saved = saved_model_pb2.SavedModel.FromString(files.read_bytes(file))
  except message.DecodeError as e:
    raise errors.UserError(f"{file} is damaged: download it again.") from e
  for meta_graph in saved.meta_graphs:
    graph = meta_graph.graph_def
    functions = graph.library.function
    nodes = [graph.node, *(function.node_def for function in functions)]
    if any(node.op == "Erf" for part in nodes for node in part):
      return json_config.GELU
  return json_config.GELU_TANH
