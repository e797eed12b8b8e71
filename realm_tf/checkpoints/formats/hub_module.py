"""TF Hub's BERT SavedModels (TF2)."""

import tensorflow as tf
from google.protobuf import message
from tensorflow.core.protobuf import saved_model_pb2

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import json_config
from realm_tf.checkpoints.formats import model_garden
from realm_tf.checkpoints.formats import object_graph
from realm_tf.checkpoints.formats import vocabularies
from realm_tf.text import wordpiece

FORMAT = "TF Hub's BERT (SavedModel)"
GRAPH = "saved_model.pb"


def read(path: str) -> weight_source.Source:
  """Reads a SavedModel as Model Garden exports it for TF Hub.

  Args:
    path: The folder, with its vocabulary in `assets`.

  Raises:
    errors.UserError: If it holds no BERT or no vocabulary, or is damaged.
  """
  vocabulary = vocabularies.read(path, tf.io.gfile.join(path, "assets"))
  graph = object_graph.ObjectGraph(
    tf.io.gfile.join(path, "variables", "variables")
  )
  arrays, unused = graph.bert()
  cased = graph.value("do_lower_case")
  return weight_source.make(
    path,
    FORMAT,
    sizes=model_garden.sizes(path, arrays),
    activations=(_activation(path),),
    arrays=arrays,
    vocabulary=vocabulary,
    lower_case=(
      not wordpiece.is_cased(vocabulary) if cased is None else bool(cased)
    ),
    unused=[
      name for name in unused if name not in ("do_lower_case", "Variable")
    ],
  )


def _activation(path: str) -> str:
  """Returns the GELU that the graph computes."""
  file = tf.io.gfile.join(path, GRAPH)
  try:
    saved = saved_model_pb2.SavedModel.FromString(files.read_bytes(file))
  except message.DecodeError as e:
    raise errors.UserError(f"{file} is damaged: download it again.") from e
  for meta_graph in saved.meta_graphs:
    for function in meta_graph.graph_def.library.function:
      if any(node.op == "Erf" for node in function.node_def):
        return json_config.GELU
  return json_config.GELU_TANH
