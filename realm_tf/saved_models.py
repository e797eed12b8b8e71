"""Loads SavedModels, which may be damaged."""

from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf import files

_DAMAGE = (
  *(tf.errors.OpError, OSError, RuntimeError, ValueError),
  *(AttributeError, LookupError, TypeError),
)


def load(path: str, advice: str = "Copy it anew.") -> Any:
  """Loads a SavedModel.

  Args:
    path: Its folder.
    advice: What to do if it is damaged.

  Returns:
    What `tf.saved_model.load` does.

  Raises:
    errors.UserError: If it is damaged, or a part of it is missing.
  """
  files.check_all_readable(path)
  try:
    return tf.saved_model.load(path)
  except _DAMAGE as e:
    raise errors.UserError(
      f"{path} is damaged, or only a part of it is there "
      f"({' '.join(str(e).split())}). {advice}"
    ) from e
