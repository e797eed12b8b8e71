"""The sums of a corpus's files, compared before the files are read."""

import tensorflow as tf

from realm_tf import environment
from realm_tf import errors
from realm_tf import files


def check(path: str, sha256: str, advice: str) -> None:
  """Compares a file's checksum with a manifest's.

  A file that cannot be read passes; its reader reports it.

  Args:
    path: The file.
    sha256: The manifest's checksum; "" if it has none.
    advice: What the user should do if they differ.

  Raises:
    errors.UserError: If they differ, and verify_corpus=False is not given.
  """
  if not sha256 or environment.skips_corpus_sums():
    return
  try:
    found = files.sha256(path)
  except tf.errors.OpError:
    return
  if found != sha256:
    raise errors.UserError(
      f"`corpus`: {path} is not the file that its manifest names: the sums "
      f"differ. {advice}. verify_corpus=False reads it as it is."
    )
