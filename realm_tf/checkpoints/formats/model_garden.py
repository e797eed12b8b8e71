"""Model Garden's TF2 BERT checkpoints, with config and vocabulary."""

import os
from typing import Any

import tensorflow as tf
import yaml

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import names
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import google_bert
from realm_tf.checkpoints.formats import json_config
from realm_tf.checkpoints.formats import object_graph
from realm_tf.checkpoints.formats import vocabularies
from realm_tf.text import wordpiece

FORMAT = "Model Garden's BERT (TensorFlow 2)"
PARAMS = "params.yaml"
# Model Garden's "gelu" is the approximation
# (official/modeling/activations/gelu.py).
GELU = (json_config.GELU_TANH,)


def read(path: str, prefix: str) -> weight_source.Source:
  """Reads `tf.train.Checkpoint(encoder=...)`, `model=` or a pretrainer's.

  Sizes are those of the variables: the attention's have an axis for heads.

  Args:
    path: As the user named it.
    prefix: Of the checkpoint's files; its config and vocabulary are beside.

  Raises:
    errors.UserError: If its config or vocabulary is missing, or it is no BERT.
  """
  folder = os.path.dirname(prefix)
  file, activation = _activation(path, folder)
  vocabulary = vocabularies.read(path, folder)
  arrays, unused = object_graph.ObjectGraph(prefix).bert()
  # Counts of batches and saves are no weights.
  unused = [n for n in unused if not n.startswith("save_counter")]
  return weight_source.make(
    path,
    FORMAT,
    sizes=sizes(path, arrays),
    activations=json_config.activations(activation, file, gelu=GELU),
    arrays=arrays,
    vocabulary=vocabulary,
    lower_case=not wordpiece.is_cased(vocabulary),
    unused=unused,
  )


def sizes(path: str, arrays: dict[str, Any]) -> dict[str, int]:
  """Returns a BERT's sizes, from arrays that have an axis for heads.

  Raises:
    errors.UserError: If they make up none.
  """
  try:
    return names.sizes({name: array.shape for name, array in arrays.items()})
  except (KeyError, IndexError, ValueError) as e:
    raise errors.UserError(
      f"{path} holds no BERT of Model Garden's: of its variables, "
      f"{len(arrays)} have the names of one."
    ) from e


def _activation(path: str, folder: str) -> tuple[str, Any]:
  """Returns the config's file and the activation that it names."""
  file = tf.io.gfile.join(folder, google_bert.CONFIG)
  if tf.io.gfile.exists(file):
    return file, json_config.read(file).get("hidden_act")
  file = tf.io.gfile.join(folder, PARAMS)
  if not tf.io.gfile.exists(file):
    raise errors.UserError(
      f"{path} has neither {google_bert.CONFIG} nor {PARAMS} beside its "
      "checkpoint."
    )
  try:
    params = yaml.safe_load(files.read_text(file))
  except yaml.YAMLError as e:
    raise errors.UserError(f"{file} is not YAML.") from e
  return file, _find(params, "hidden_activation")


def _find(value: Any, key: str) -> Any:
  """Returns the value of a key at any depth of nested objects, or None."""
  if not isinstance(value, dict):
    return None
  if key in value:
    return value[key]
  found = (_find(part, key) for part in value.values())
  return next((part for part in found if part is not None), None)
