"""The manifest of a run's best weights."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.runs import run_folder

_STEP = "step"
_WEIGHTS = "weights"


class BestWeights(NamedTuple):
  """What a manifest says.

  Attributes:
    step: Of the trainer, when the weights were saved.
    name: Of their checkpoint, in the manifest's folder.
    facts: What else is known of them, such as the metric they are best by.
  """

  step: int
  name: str
  facts: Mapping[str, float]


def read(model_dir: str) -> BestWeights | None:
  """Returns what a run's manifest says; None if there is none yet.

  Raises:
    errors.UserError: If it is damaged.
  """
  path = run_folder.RunFolder(model_dir).best_manifest
  if not tf.io.gfile.exists(path):
    return None
  try:
    facts = dict(files.read_json(path))
    step, name = facts.pop(_STEP), facts.pop(_WEIGHTS)
    if type(step) is not int or step < 0:
      raise ValueError(f"`{_STEP}` is {step!r}")
    if not isinstance(name, str) or os.path.basename(name) != name or not name:
      raise ValueError(f"`{_WEIGHTS}` is {name!r}")
    for fact, value in facts.items():
      if type(value) not in (int, float):
        raise ValueError(f"`{fact}` is {value!r}")
  except errors.UserError:
    raise
  except errors.MALFORMED as e:
    raise errors.UserError(
      f"{path} is damaged: {e!r:.200}. Put a copy back, or remove it: the "
      "newest checkpoint is then taken."
    ) from e
  return BestWeights(step, name, facts)


def write(model_dir: str, best: BestWeights) -> None:
  """Writes the manifest, whole or not at all."""
  files.write_json(
    run_folder.RunFolder(model_dir).best_manifest,
    {_STEP: best.step, _WEIGHTS: best.name, **best.facts},
  )
