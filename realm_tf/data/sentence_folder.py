"""The folder `sentences` of an annotated corpus: its files and its manifest."""

import hashlib
import json
import os
import re
from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf import files

NAME = "sentences"
MANIFEST = "manifest.json"
SHARD_SUFFIX = ".tfrecord.gz"

_TEMPORARY = files.TEMPORARY_SUFFIX
_OWN = re.compile(
  rf"manifest\.json({_TEMPORARY})?"
  r"|sentences-\d{5,}-of-\d{5,}"
  rf"\.(tfrecord\.gz|[0-9a-f]{{8}}\.tmp|json({_TEMPORARY})?)"
)


def path(corpus: str) -> str:
  """Returns the folder of a corpus's annotation."""
  return tf.io.gfile.join(corpus, NAME)


def shard_name(shard: int, num_shards: int) -> str:
  """Returns the name of a file of annotated passages."""
  return f"sentences-{shard:05d}-of-{num_shards:05d}{SHARD_SUFFIX}"


def is_own(name: str) -> bool:
  """Whether `annotate_spans` names a file so, half-written ones included."""
  return bool(_OWN.fullmatch(name))


def read_manifest(corpus: str) -> dict[str, Any] | None:
  """Reads the manifest of an annotation.

  Args:
    corpus: The corpus's folder.

  Returns:
    See `annotate.annotate`; None if there is none: the annotation is not
    finished, or not `annotate_spans`'s.

  Raises:
    errors.UserError: If it is damaged.
  """
  file = tf.io.gfile.join(path(corpus), MANIFEST)
  try:
    manifest = files.read_json(file)
    # What readers need of it.
    _ = manifest["settings"], [shard["file"] for shard in manifest["shards"]]
  except tf.errors.NotFoundError:
    return None
  except (ValueError, KeyError, TypeError) as e:
    raise errors.UserError(
      f"{file} is damaged: run python -m realm_tf.launch.annotate_spans "
      f"--corpus={corpus} --overwrite."
    ) from e
  return manifest


def fingerprint(corpus: str) -> str:
  """Tells annotations apart; "" for one that is not `annotate_spans`'s."""
  manifest = read_manifest(corpus)
  if manifest is None:
    return ""
  content = json.dumps(manifest, sort_keys=True)
  return hashlib.sha256(content.encode()).hexdigest()


def record_files(corpus: str) -> list[str]:
  """Returns the files of annotated passages, in order.

  Files of other names than `annotate_spans`'s, such as those of Google's
  released corpus, need no manifest.

  Args:
    corpus: The corpus's folder.

  Raises:
    errors.UserError: If there are none, or not all that there should be.
  """
  folder = path(corpus)
  advice = f"run python -m realm_tf.launch.annotate_spans --corpus={corpus}"
  found = tf.io.gfile.glob(tf.io.gfile.join(folder, "*.tfrecord*"))
  if not found:
    raise errors.UserError(f"{corpus} has no {NAME}/: {advice} first.")
  names = sorted(os.path.basename(file) for file in found)
  manifest = read_manifest(corpus)
  if manifest is not None:
    wanted = [shard["file"] for shard in manifest["shards"]]
    missing = sorted(set(wanted) - set(names))
    if missing:
      raise errors.UserError(
        f"{folder} lacks {missing[0]}, which its {MANIFEST} names: {advice} "
        "--overwrite."
      )
    names = wanted
  elif any(map(is_own, names)):
    raise errors.UserError(
      f"{folder} has no {MANIFEST}: its annotation is not finished. To finish "
      f"it, {advice}, with the settings it was begun with."
    )
  return [tf.io.gfile.join(folder, name) for name in names]
