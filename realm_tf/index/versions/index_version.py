"""One version of the index on disk: its files, and the checks of a reader."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any
from typing import overload

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf import typed
from realm_tf.index.search import searcher_base
from realm_tf.index.search import searcher_settings
from realm_tf.index.search import searchers

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
SEARCHER_FOLDER = "searcher"


@dataclasses.dataclass(frozen=True)
class IndexManifest:
  """The manifest of a version, which is published once this is written.

  Attributes:
    step: The trainer's step whose embedder made it.
    corpus_fingerprint: Of the corpus that was embedded.
    rows: Passages.
    dim: Of the embeddings.
    dtype: "float16" or "float32".
    files: sha256 of every other file, by its path below the version.
    searcher: How it is searched.
    recall: Share of the `recall_k` best that the searcher finds.
    recall_k: Results a query in that measurement.
    created_unix_secs: When it was published.
    export_id: Of the embedder's export that made it.
    engine: What embedded the corpus, in the process that published:
      "Estimator", "TPUEstimator" or "tf.distribute"; "" in older versions.
    format_version: Of the layout.
  """

  step: int
  corpus_fingerprint: str
  rows: int
  dim: int
  dtype: str
  files: dict[str, str]
  searcher: searcher_settings.SearcherSettings
  recall: float
  recall_k: int
  created_unix_secs: int
  export_id: str = ""
  engine: str = ""
  format_version: int = FORMAT_VERSION

  def to_json(self) -> dict[str, Any]:
    """Returns the manifest as JSON's types."""
    return dataclasses.asdict(self)

  @classmethod
  def read(cls, path: str) -> "IndexManifest":
    """Reads a version's manifest.

    Raises:
      errors.UserError: If it is missing, damaged or of another format.
    """
    try:
      fields = files.read_json(path)
      if fields["format_version"] != FORMAT_VERSION:
        raise errors.UserError(
          f"{path} has format {fields['format_version']}, but this program "
          f"reads {FORMAT_VERSION}. Remove its folder; the command that made "
          "it builds it again."
        )
      fields["searcher"] = searcher_settings.SearcherSettings(
        **fields["searcher"]
      )
      manifest = cls(**fields)
      typed.check(manifest)
      return manifest
    except tf.errors.NotFoundError as e:
      raise errors.UserError(
        f"{path} does not exist: the index version was never published, or "
        "was pruned."
      ) from e
    except errors.UserError:
      raise
    except errors.MALFORMED as e:
      raise errors.UserError(
        f"{path} is damaged: {e!r}. Remove its folder; the command that made "
        "it builds it again."
      ) from e


@dataclasses.dataclass(frozen=True)
class IndexVersion:
  """A published version, checked against its corpus.

  Attributes:
    path: Its folder.
    manifest: Its manifest.
  """

  path: str
  manifest: IndexManifest

  @property
  def step(self) -> int:
    """The trainer's step whose embedder made it."""
    return self.manifest.step

  def load_searcher(self) -> searcher_base.Searcher:
    """Loads the searcher, as a new index in memory."""
    return searchers.load_searcher(os.path.join(self.path, SEARCHER_FOLDER))

  def load_embeddings(self) -> list[np.ndarray]:
    """Returns <floating>[n, dim] for each corpus shard, in order.

    Those on a local disk are mapped into memory, not read.

    Raises:
      errors.UserError: If one cannot be read, or has another shape.
    """
    found = []
    for path in self._shards():
      part = read_embeddings(path)
      if part.ndim != 2 or part.shape[1] != self.manifest.dim:
        raise self._damaged(
          path,
          f"{list(part.shape)}, not embeddings of {self.manifest.dim} "
          "dimensions",
        )
      found.append(part)
    return found

  def load_matrix(self) -> np.ndarray:
    """Returns <floating>[rows, dim], all of it in memory.

    Raises:
      errors.UserError: If it cannot be read, or holds NaN or an infinity, of
        which a search would make wrong answers.
    """
    parts = self.load_embeddings()
    for path, part in zip(self._shards(), parts, strict=True):
      if not np.isfinite(part).all():
        raise self._damaged(path, "values that are not finite")
    return np.concatenate(parts)

  def _shards(self) -> list[str]:
    """Returns the paths of the shards' embeddings, in order."""
    names = sorted(filter(is_shard, self.manifest.files))
    return [os.path.join(self.path, name) for name in names]

  def _damaged(self, path: str, what: str) -> errors.UserError:
    """Returns the error for a shard that holds what it cannot."""
    return errors.UserError(
      f"{path} is damaged: it holds {what}. Remove {self.path}; the command "
      "that made it builds it again."
    )

  def check(self, fingerprint: str, num_rows: int) -> None:
    """Raises if the version is not of the corpus.

    Args:
      fingerprint: Of the corpus.
      num_rows: Passages of the corpus.

    Raises:
      errors.UserError: If it is of another one.
    """
    found = self.manifest.corpus_fingerprint
    if found != fingerprint:
      raise errors.UserError(
        f"{self.path} is an index of another corpus: its fingerprint is "
        f"{found}, that of `corpus` is {fingerprint}. Give the corpus that it "
        "was built from, or another `model_dir`; edit_corpus makes "
        "the index of a corpus that was edited."
      )
    if self.manifest.rows != num_rows:
      raise errors.UserError(
        f"{self.path} has {self.manifest.rows} rows, but the corpus "
        f"{num_rows} passages. Remove the folder; the command that made it "
        "builds it again."
      )

  def verify(self) -> None:
    """Compares the sums of all files with the manifest.

    Raises:
      errors.UserError: If a file is missing or changed.
    """
    for name, wanted in self.manifest.files.items():
      path = os.path.join(self.path, name)
      try:
        found = files.sha256(path)
      except tf.errors.NotFoundError:
        found = "missing"
      if found != wanted:
        what = "is missing" if found == "missing" else "was changed"
        raise errors.UserError(
          f"{path} {what} since the index was published. Remove "
          f"{self.path}; the command that made it builds it again."
        )


def shard_name(shard: int, num_shards: int) -> str:
  """Returns the file name of a corpus shard's embeddings."""
  return f"embeddings-{shard:05d}-of-{num_shards:05d}.npy"


def is_shard(name: str) -> bool:
  """Returns whether a file has the name of a shard's embeddings."""
  return name.startswith("embeddings-") and name.endswith(".npy")


def write_embeddings(path: str, embeddings: np.ndarray) -> None:
  """Writes a shard's embeddings, whole or not at all.

  Args:
    path: The file; replaced if it is there.
    embeddings: <floating>[n, dim].
  """
  temporary = f"{path}.{os.getpid()}.tmp"
  try:
    with open(temporary, "wb") as f:
      # np.save would lose the reason of a failure, such as a full disk.
      header = np.lib.format.header_data_from_array_1_0(embeddings)
      np.lib.format.write_array_header_1_0(f, header)
      f.write(embeddings.tobytes(order="A"))
      f.flush()
      os.fsync(f.fileno())
    os.replace(temporary, path)
  except BaseException:
    if os.path.exists(temporary):
      os.remove(temporary)
    raise


def read_embeddings(path: str) -> np.ndarray:
  """Reads a shard's embeddings: <floating>[n, dim].

  Raises:
    errors.UserError: If the file is missing or damaged.
  """
  files.check_readable(path)
  try:
    if "://" not in path:
      return np.load(path, mmap_mode="r", allow_pickle=False)
    with tf.io.gfile.GFile(path, "rb") as f:
      return np.load(f, allow_pickle=False)
  except (*files.NO_ARRAY, tf.errors.OpError) as e:
    raise errors.UserError(
      f"{path} cannot be read: {e} Remove its folder; the command that made it "
      "builds it again."
    ) from e


class MappedShards(Sequence[np.ndarray]):
  """The embeddings of shards, each mapped into memory while it is used."""

  def __init__(self, paths: Sequence[str]):
    """Takes the files of the shards, in order."""
    self._paths = paths

  def __len__(self) -> int:
    """Returns how many shards there are."""
    return len(self._paths)

  @overload
  def __getitem__(self, place: int) -> np.ndarray: ...

  @overload
  def __getitem__(self, place: slice) -> "MappedShards": ...

  def __getitem__(self, place: int | slice) -> "np.ndarray | MappedShards":
    """Returns a shard's embeddings: see `read_embeddings`."""
    if isinstance(place, slice):
      return MappedShards(self._paths[place])
    return read_embeddings(self._paths[place])


def sums_below(folder: str) -> dict[str, str]:
  """Returns the sum of every file below a folder, by its path there."""
  paths = (
    os.path.join(parent, name)
    for parent, _, names in os.walk(folder)
    for name in names
  )
  return {
    os.path.relpath(path, folder): files.sha256(path) for path in sorted(paths)
  }
