"""Google's TF1 BERT checkpoints: `bert_model.ckpt.*`, `bert_config.json`."""

import os
import re

import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import json_config
from realm_tf.checkpoints import names
from realm_tf.checkpoints import source
from realm_tf.checkpoints import vocabularies
from realm_tf.text import tokenizer as tokenizer_lib

FORMAT = "Google's BERT (TensorFlow 1)"
CONFIG = "bert_config.json"
_TRAINING_STATE = re.compile(r"(^global_step|/adam_[mv]|/Adam(_1)?|_power)$")


def read(path: str, prefix: str) -> source.Source:
  """Reads a checkpoint.

  Args:
    path: As the user named it.
    prefix: Of the checkpoint's files; its config and vocabulary are beside.

  Raises:
    errors.UserError: If its config or vocabulary is missing, or it is no BERT.
  """
  folder = os.path.dirname(prefix)
  file = tf.io.gfile.join(folder, CONFIG)
  if not tf.io.gfile.exists(file):
    raise errors.UserError(f"{path} has no {CONFIG} beside its checkpoint.")
  config = json_config.read(file)
  vocabulary = vocabularies.read(path, folder)
  reader = tf.train.load_checkpoint(prefix)
  arrays, unused = {}, []
  for name in reader.get_variable_to_shape_map():
    if ours := names.from_google(name):
      arrays[ours] = reader.get_tensor(name)
    elif not _TRAINING_STATE.search(name):
      unused.append(name)
  return source.make(
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
    arrays=arrays,
    vocabulary=vocabulary,
    lower_case=not tokenizer_lib.is_cased(vocabulary),
    unused=unused,
  )
