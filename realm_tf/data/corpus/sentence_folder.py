"""The folder `sentences` of an annotated corpus: its files and its manifest."""

import concurrent.futures
import hashlib
import itertools
import json
import os
import re
from typing import Any
from typing import NamedTuple

import tensorflow as tf

from realm_tf import absent
from realm_tf import errors
from realm_tf import files
from realm_tf.data.corpus import sums

NAME = "sentences"
MANIFEST = "manifest.json"
SHARD_SUFFIX = ".tfrecord.gz"

_ADVICE = "Copy it again, or make it anew with annotate_spans(overwrite=True)"
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
  """Whether a name is one that `annotate_spans` gives, unfinished or not."""
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
    _, names = manifest["settings"], [s["file"] for s in manifest["shards"]]
    if not all(map(files.is_inside, names)):
      raise ValueError("a file is not in the folder")
    counts = [s.get("passages", 0) for s in manifest["shards"]]
    if any(type(count) is not int for count in counts):
      raise TypeError("`passages` must be whole numbers")
  except tf.errors.NotFoundError:
    return None
  except errors.MALFORMED as e:
    raise errors.UserError(
      f"{file} is damaged: run annotate_spans(corpus={corpus}, overwrite=True)."
    ) from e
  for one, two in itertools.pairwise(names):
    if one >= two:
      raise errors.UserError(
        f"{file} lists {two} after {one}, though files come in order, and "
        f"once. {_ADVICE}."
      )
  return manifest


def fingerprint(corpus: str) -> str:
  """A hash of the annotation; "" for one not made by `annotate_spans`.

  It leaves out the files' checksums, which older annotations lack.
  """
  manifest = read_manifest(corpus)
  if manifest is None:
    return ""
  shards = [
    {name: value for name, value in shard.items() if name != "sha256"}
    for shard in manifest["shards"]
  ]
  manifest = manifest | {"shards": shards}
  content = json.dumps(manifest, sort_keys=True)
  return hashlib.sha256(content.encode()).hexdigest()


class RecordFile(NamedTuple):
  """One file of annotated passages.

  Attributes:
    path: Where it is.
    passages: How many it holds; None where no manifest says it.
  """

  path: str
  passages: int | None

  def check_count(self, passages: int) -> None:
    """Raises if the number of passages is not the manifest's.

    Raises:
      errors.UserError: If there are more or fewer.
    """
    if self.passages not in (None, passages):
      raise errors.UserError(
        f"{self.path} holds {passages} passages, but its manifest says "
        f"{self.passages}. {_ADVICE}."
      )


def record_files(corpus: str) -> list[RecordFile]:
  """Returns the files of annotated passages, in order; compares their sums.

  Files of other names than `annotate_spans`'s, such as those of Google's
  released corpus, need no manifest.

  Args:
    corpus: The corpus's folder.

  Raises:
    errors.UserError: If there are none, not all that there should be, or
      others.
  """
  folder = path(corpus)
  found = tf.io.gfile.glob(tf.io.gfile.join(folder, "*.tfrecord*"))
  if not found:
    raise absent.sentences(corpus)
  for file in found:
    files.check_readable(file)
  names = sorted(os.path.basename(file) for file in found)
  manifest = read_manifest(corpus)
  if manifest is None:
    if any(map(is_own, names)):
      raise errors.UserError(
        f"{folder} has no {MANIFEST}: its annotation is not finished. To "
        f"finish it, run annotate_spans(corpus={corpus}) with the settings it "
        "was begun with."
      )
    return [RecordFile(tf.io.gfile.join(folder, n), None) for n in names]
  shards = manifest["shards"]
  missing = sorted({shard["file"] for shard in shards} - set(names))
  if missing:
    raise errors.UserError(
      f"{folder} lacks {missing[0]}, which its {MANIFEST} names: run "
      f"annotate_spans(corpus={corpus}, overwrite=True)."
    )
  paths = [tf.io.gfile.join(folder, shard["file"]) for shard in shards]
  expected = [shard.get("sha256", "") for shard in shards]
  with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    list(
      pool.map(
        lambda file, sha256: sums.check(file, sha256, _ADVICE), paths, expected
      )
    )
  return [
    RecordFile(file, shard.get("passages"))
    for file, shard in zip(paths, shards, strict=True)
  ]
