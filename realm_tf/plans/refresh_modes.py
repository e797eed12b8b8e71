"""Which ways to rebuild the index go with what is trained."""

from realm_tf import errors
from realm_tf.configs import schema

MODES = ("local", "external", "off")
# A mode of `pretrain`, where the replicas hold the index.
INLINE = "inline"
RETRIEVAL = ("host", "device")


def check_mode(mode: str) -> None:
  """Raises errors.UserError if `refresh` is none of `MODES`."""
  if mode not in MODES:
    raise errors.UserError(f"refresh={mode} must be one of {', '.join(MODES)}.")


def check_retrieval(refresh: str, retrieval: str) -> None:
  """Raises if a pre-training cannot retrieve and refresh like this.

  Args:
    refresh: One of `MODES`, or `INLINE`.
    retrieval: One of `RETRIEVAL`.

  Raises:
    errors.UserError: If one is unknown, or they do not go together.
  """
  if refresh != INLINE:
    check_mode(refresh)
  elif retrieval != "device":
    raise errors.UserError(
      f"refresh={INLINE} is of retrieval=device: give that, too, or another "
      "`refresh`."
    )
  if retrieval not in RETRIEVAL:
    raise errors.UserError(
      f"retrieval={retrieval} must be one of {', '.join(RETRIEVAL)}."
    )


def check_finetuning(mode: str, config: schema.TaskConfig) -> None:
  """Raises if the index is to follow a tower that is not trained.

  Args:
    mode: `refresh`.
    config: Of `finetune`.

  Raises:
    errors.UserError: If it is, or the mode is unknown.
  """
  check_mode(mode)
  trained = isinstance(config, schema.OrqaConfig) and config.train_passage_tower
  if mode != "off" and not trained:
    raise errors.UserError(
      f"refresh={mode} rebuilds the index, which stays the same unless the "
      "passage tower is trained: set config.train_passage_tower=true, or give "
      "refresh=off."
    )
