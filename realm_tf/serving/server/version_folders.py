"""The versions of a model on disk, and which of them to serve."""

from collections.abc import Iterable

import tensorflow as tf

from realm_tf.serving.server import model_config

_GRAPH = "saved_model.pb"
_INDEX = "variables/variables.index"

# Names, sizes and times of change of the files that are read first and last.
Fingerprint = tuple[tuple[str, int, int], ...]


def find(base_path: str) -> dict[int, str]:
  """Returns the folder of each version; nothing if the path does not exist."""
  if not tf.io.gfile.isdir(base_path):
    return {}
  names = (name.rstrip("/") for name in sorted(tf.io.gfile.listdir(base_path)))
  return {
    int(name): tf.io.gfile.join(base_path, name)
    for name in names
    if name.isascii() and name.isdecimal()
  }


def fingerprint(folder: str) -> Fingerprint:
  """Returns a value that changes when a folder's files change."""
  found = []
  for name in (_GRAPH, _INDEX):
    try:
      stat = tf.io.gfile.stat(tf.io.gfile.join(folder, name))
    except tf.errors.OpError:
      continue
    found.append((name, stat.length, stat.mtime_nsec))
  return tuple(found)


def wanted(
  versions: Iterable[int], refused: Iterable[int], policy: model_config.Policy
) -> set[int]:
  """Returns the versions to serve.

  Args:
    versions: Those on disk.
    refused: Of these, those that could not be loaded. The newest of the others
      takes their place, unless the policy names versions.
    policy: By default the newest alone.
  """
  on_disk = set(versions)
  choice = policy.WhichOneof("policy_choice")
  if choice == "specific":
    return on_disk & set(policy.specific.versions)
  usable = sorted(on_disk - set(refused))
  if choice == "all":
    return set(usable)
  return set(usable[-max(policy.latest.num_versions, 1) :])
