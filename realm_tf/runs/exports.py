"""The embedder's exports, which the refresher reads."""

import dataclasses
import os

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.runs import run_folder

MANIFEST = "manifest.json"
# Signatures of an export whose encoder is frozen: `passage` in two parts.
POOLED_PASSAGE = "pooled_passage"
PROJECTION = "projection"


@dataclasses.dataclass(frozen=True)
class EmbedderExport:
  """A SavedModel with the signatures `query` and `passage`.

  One whose encoder is frozen has two more: POOLED_PASSAGE takes `token_ids`, as
  `passage` does, and returns what PROJECTION takes as `pooled`.

  Attributes:
    path: Its folder.
    step: The trainer's step that it was exported at.
    dim: Dimension of the embeddings.
    export_id: Tells it from another export of the same step, which a run that
      was killed and resumed makes; "" of exports that have none.
    frozen_encoder_id: Of a passage tower's encoder that is not trained, with
      its settings: exports with the same id pool all passages alike; "" if it
      is trained.
  """

  path: str
  step: int
  dim: int
  export_id: str = ""
  frozen_encoder_id: str = ""

  @property
  def weights(self) -> str:
    """The weights of its towers, as a checkpoint's prefix."""
    return os.path.join(self.path, "variables", "variables")


def path(model_dir: str, step: int) -> str:
  """Returns the folder of a step's export."""
  return os.path.join(
    run_folder.RunFolder(model_dir).embedder_exports, str(step)
  )


def steps(model_dir: str) -> list[int]:
  """Returns the steps of a run's complete exports, ascending."""
  folder = run_folder.RunFolder(model_dir).embedder_exports
  return published_steps(folder, MANIFEST)


def published_steps(folder: str, manifest: str) -> list[int]:
  """Returns the numbered subfolders that hold `manifest`, ascending."""
  if not tf.io.gfile.isdir(folder):
    return []
  names = (name.rstrip("/") for name in tf.io.gfile.listdir(folder))
  return sorted(
    int(name)
    for name in names
    if name.isdecimal()
    and tf.io.gfile.exists(os.path.join(folder, name, manifest))
  )


def find(model_dir: str, step: int | None = None) -> EmbedderExport:
  """Returns an export.

  Args:
    model_dir: The run.
    step: Which export; None for the newest.

  Raises:
    errors.UserError: If it does not exist or is damaged.
  """
  found = steps(model_dir)
  folder = run_folder.RunFolder(model_dir).embedder_exports
  if not found:
    raise errors.UserError(
      f"{folder} holds no export of an embedder: `pretrain` writes them while "
      "it runs."
    )
  if step is None:
    step = found[-1]
  if step not in found:
    raise errors.UserError(
      f"{folder} holds no export of step {step}, only of "
      f"{', '.join(map(str, found))}."
    )
  path = os.path.join(folder, str(step))
  try:
    manifest = files.read_json(os.path.join(path, MANIFEST))
    return EmbedderExport(
      path=path,
      step=step,
      dim=int(manifest["dim"]),
      export_id=manifest.get("export_id", ""),
      frozen_encoder_id=manifest.get("frozen_encoder_id", ""),
    )
  except tf.errors.NotFoundError as e:
    raise errors.UserError(
      f"{path} was removed just now: the run it is of goes on. Start the "
      "command again."
    ) from e
  except errors.MALFORMED as e:
    raise errors.UserError(
      f"{os.path.join(path, MANIFEST)} is damaged: {e!r}."
    ) from e


def id_of(manifest: str) -> str | None:
  """Reads a manifest's export_id; None if missing.

  Args:
    manifest: Path of the manifest of an export or of an index version.
  """
  try:
    return files.read_json(manifest).get("export_id", "")
  except (tf.errors.NotFoundError, ValueError):
    return None
