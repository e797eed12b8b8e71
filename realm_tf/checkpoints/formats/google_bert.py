"""Google's TF1 BERT checkpoints: `bert_model.ckpt.*`, `bert_config.json`."""

import os
import re

import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import names
from realm_tf.checkpoints import weight_source
from realm_tf.checkpoints.formats import json_config
from realm_tf.checkpoints.formats import one_encoder
from realm_tf.checkpoints.formats import vocabularies
from realm_tf.text import wordpiece

FORMAT = "Google's BERT (TensorFlow 1)"
CONFIG = "bert_config.json"
TRAINING_STATE = re.compile(r"(^global_step|/adam_[mv]|/Adam(_1)?|_power)$")


def read(path: str, prefix: str) -> weight_source.Source:
  """Reads a checkpoint.

  Args:
    path: As the user named it.
    prefix: Of the checkpoint's files; its config and vocabulary are beside.

  Raises:
    errors.UserError: If its config or vocabulary is missing, it is no BERT, or
      it holds two.
  """
  folder = os.path.dirname(prefix)
  file = tf.io.gfile.join(folder, CONFIG)
  if not tf.io.gfile.exists(file):
    raise errors.UserError(f"{path} has no {CONFIG} beside its checkpoint.")
  config = json_config.read(file)
  vocabulary = vocabularies.read(path, folder)
  reader = tf.train.load_checkpoint(prefix)
  variables, others = [], []
  for name in reader.get_variable_to_shape_map():
    if found := names.from_google(name):
      variables.append((name, *found))
    elif not TRAINING_STATE.search(name):
      others.append(name)
  chosen, unused = one_encoder.select(path, variables)
  return weight_source.make(
    path,
    FORMAT,
    sizes=json_config.sizes(config, file),
    # Google's code computed it by the error function when the first of these
    # weights came out, and by tanh since; Hugging Face runs them exactly.
    activations=json_config.activations(
      config.get("hidden_act"),
      file,
      gelu=(json_config.GELU_TANH, json_config.GELU),
    ),
    arrays={ours: reader.get_tensor(name) for ours, name in chosen.items()},
    vocabulary=vocabulary,
    lower_case=not wordpiece.is_cased(vocabulary),
    unused=[*unused, *others],
  )
