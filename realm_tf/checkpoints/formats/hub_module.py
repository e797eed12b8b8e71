"""TF Hub's BERT SavedModels (TF2)."""

import tensorflow as tf

from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import model_garden
from realm_tf.checkpoints.formats import object_graph
from realm_tf.checkpoints.formats import saved_graph
from realm_tf.checkpoints.formats import vocabularies
from realm_tf.text import wordpiece

FORMAT = "TF Hub's BERT (SavedModel)"


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
    activations=(saved_graph.activation(path),),
    arrays=arrays,
    vocabulary=vocabulary,
    lower_case=(
      not wordpiece.is_cased(vocabulary) if cased is None else bool(cased)
    ),
    unused=[
      name for name in unused if name not in ("do_lower_case", "Variable")
    ],
  )
