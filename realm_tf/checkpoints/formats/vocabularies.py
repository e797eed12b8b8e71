"""The vocabulary that comes with weights, and its casing."""

import tensorflow as tf

from realm_tf import errors
from realm_tf.data.corpus import corpus_manifest
from realm_tf.text import wordpiece


def read(path: str, folder: str) -> list[str]:
  """Reads the `vocab.txt` of a folder.

  Args:
    path: The source, as the user named it.
    folder: Where its vocabulary should be.

  Raises:
    errors.UserError: If there is none, or it is not UTF-8.
  """
  file = tf.io.gfile.join(folder, corpus_manifest.VOCABULARY_NAME)
  if not tf.io.gfile.exists(file):
    raise missing(path, file)
  return wordpiece.read_vocabulary(file)


def missing(path: str, file: str) -> errors.UserError:
  """Returns the error for a source without a vocabulary."""
  return errors.UserError(
    f"{path} has no vocabulary: weights mean nothing without the wordpieces "
    f"they were trained with. Put them there as {file}."
  )
