"""What the graph of a SavedModel computes in."""

import os

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2


def dtypes(folder):
  """Returns the types of all nodes of an export, in all its functions."""
  saved = saved_model_pb2.SavedModel()
  with open(os.path.join(folder, "saved_model.pb"), "rb") as f:
    saved.ParseFromString(f.read())
  [meta] = saved.meta_graphs
  nodes = [*meta.graph_def.node]
  for function in meta.graph_def.library.function:
    nodes.extend(function.node_def)
  types = {
    t
    for node in nodes
    for value in node.attr.values()
    for t in (value.type, *value.list.type)
    if t
  }
  return {tf.as_dtype(t) for t in types}
