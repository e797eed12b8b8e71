"""Tells the formats of weights apart by their files, and reads them."""

import contextlib
import os
from typing import Any

import tensorflow as tf

from realm_tf import absent
from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints import saved
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import google_bert
from realm_tf.checkpoints.formats import google_realm
from realm_tf.checkpoints.formats import hub_module
from realm_tf.checkpoints.formats import hugging_face
from realm_tf.checkpoints.formats import hugging_face_realm
from realm_tf.checkpoints.formats import imported
from realm_tf.checkpoints.formats import json_config
from realm_tf.checkpoints.formats import model_garden
from realm_tf.checkpoints.formats import object_graph
from realm_tf.checkpoints.formats import own_run
from realm_tf.checkpoints.formats import saved_graph
from realm_tf.checkpoints.formats import sentence_transformers
from realm_tf.runs import run_folder

_INDEX = ".index"


def is_run(path: str) -> bool:
  """Returns whether a folder is a run of one of the training commands."""
  return _config(path).get("task") not in (None, imported.TASK)


def is_imported_encoder(path: str) -> bool:
  """Returns whether a folder is a sentence encoder that was imported."""
  config = _config(path)
  return config.get("task") == imported.TASK and "config" in config


def read(path: str) -> weight_source.Source:
  """Reads the BERT at a path, in any format.

  Args:
    path: A folder: a run, what `import_checkpoint` wrote, Hugging Face's, one
      with a checkpoint of Google's or Model Garden's, or a module of TF Hub's,
      of TensorFlow 1 or 2. Or the prefix of a checkpoint's files.

  Raises:
    errors.UserError: If it is none of these, or is damaged.
  """
  try:
    return _read(path)
  except errors.UserError:
    raise
  except saved.DAMAGE as e:
    raise errors.UserError(
      f"{path} is damaged, or only a part of it is there: download or copy it "
      f"again ({' '.join(str(e).split())})."
    ) from e


def _read(path: str) -> weight_source.Source:
  if is_run(path) or is_imported_encoder(path):
    return own_run.read(path)
  if _config(path).get("task") == imported.TASK:
    return imported.read(path)
  if google_realm.is_finetuned(path):
    raise google_realm.refused(path)
  if google_realm.is_module(path):
    return google_realm.read(path)
  if _has(path, saved_graph.NAME):
    return hub_module.read(path)
  if _has(path, sentence_transformers.MODULES):
    return sentence_transformers.read(path)
  if hugging_face_realm.is_realm(path):
    return hugging_face_realm.read(path)
  if _has(path, hugging_face.CONFIG):
    return hugging_face.read(path)
  prefix = _prefix(path)
  files.check_all_readable(prefix)
  stored = {name for name, _ in tf.train.list_variables(prefix)}
  if object_graph.GRAPH_KEY in stored:
    return model_garden.read(path, prefix)
  return google_bert.read(path, prefix)


def _has(path: str, name: str) -> bool:
  return tf.io.gfile.exists(tf.io.gfile.join(path, name))


def _config(path: str) -> dict[str, Any]:
  """Returns a folder's config.json, whose `task` is ours; empty if missing."""
  file = run_folder.RunFolder(path).config
  return json_config.read(file) if tf.io.gfile.exists(file) else {}


def _prefix(path: str) -> str:
  """Returns the prefix of the checkpoint at a path."""
  if tf.io.gfile.exists(path + _INDEX):
    return path
  if tf.io.gfile.exists(path) and not tf.io.gfile.isdir(path):
    raise errors.UserError(
      f"{path} is a file: name its folder, or the prefix of a checkpoint."
    )
  files.check_readable(os.path.join(path, "checkpoint"))
  with contextlib.suppress(*saved.DAMAGE):  # Of the list of what is there.
    if (latest := tf.train.latest_checkpoint(path)) is not None:
      return latest
  found = tf.io.gfile.glob(os.path.join(path, "*" + _INDEX))
  if len(found) > 1:
    raise errors.UserError(
      f"{path} holds {len(found)} checkpoints: name one, such as "
      f"{min(found).removesuffix(_INDEX)}."
    )
  if not found:
    raise absent.weights(path)
  return found[0].removesuffix(_INDEX)
