"""A corpus on disk, as `build_corpus` writes it."""

import concurrent.futures
import dataclasses
import os
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.data import mapped_arrays
from realm_tf.data.corpus import corpus_folder
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import shard_files
from realm_tf.data.corpus import sums
from realm_tf.text import wordpiece

_ADVICE = (
  "Copy it again, or build the corpus again with build_corpus(overwrite=True)"
)
_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True)
class Corpus:
  """A knowledge corpus: numbered passages and the tokenizer of their ids.

  Attributes:
    path: Its folder.
    manifest: Its manifest.
    tokenizer: The tokenizer that made the token ids.
    checked: The stamps of the shards whose sums have been compared.
  """

  path: str
  manifest: corpus_manifest.CorpusManifest
  tokenizer: wordpiece.Tokenizer
  checked: dict[int, tuple[int, ...]] = dataclasses.field(
    default_factory=dict, repr=False, compare=False
  )

  @classmethod
  def open(cls, path: str) -> "Corpus":
    """Reads manifest and vocabulary, and checks that they belong together.

    Args:
      path: The folder that `build_corpus` wrote.

    Raises:
      errors.UserError: If there is no corpus, or an empty or damaged one.
    """
    manifest = corpus_manifest.read(path)
    if not manifest.passages:
      raise errors.UserError(
        f"corpus={path} holds no passages. Make one with build_corpus."
      )
    vocabulary = tf.io.gfile.join(path, corpus_manifest.VOCABULARY_NAME)
    tokenizer = wordpiece.Tokenizer.from_file(
      vocabulary, lower_case=manifest.tokenizer.lower_case
    )
    if tokenizer.sha256 != manifest.tokenizer.vocab_sha256:
      raise errors.UserError(
        f"`corpus`: {vocabulary} is not the vocabulary that the corpus was "
        "built with. Build it again with build_corpus(overwrite=True)."
      )
    return cls(path, manifest, tokenizer)

  @property
  def num_passages(self) -> int:
    """Number of passages."""
    return self.manifest.passages

  @property
  def fingerprint(self) -> str:
    """A hash of passages, their order and the tokenizer."""
    return self.manifest.fingerprint

  @property
  def shard_paths(self) -> list[str]:
    """The files of passages, in order."""
    return [
      tf.io.gfile.join(self.path, shard.file) for shard in self.manifest.shards
    ]

  @property
  def shard_offsets(self) -> np.ndarray:
    """<int64>[shards + 1]. The number of each shard's first passage."""
    sizes = [shard.passages for shard in self.manifest.shards]
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

  def checked_path(self, shard: int) -> str:
    """Returns the file of one shard.

    Compares its sum the first time, and when it has changed: long processes
    read shards again, whose corpus may have been replaced.

    Raises:
      errors.UserError: If it is another file than the manifest names.
    """
    path = self.shard_paths[shard]
    stamp = files.stamp(path)
    if self.checked.get(shard) != stamp:
      sums.check(path, self.manifest.shards[shard].sha256, _ADVICE)
      self.checked[shard] = stamp
    return path

  def check_files(self) -> None:
    """Compares the sums of all files, several at a time.

    Raises:
      errors.UserError: If one is another file than the manifest names.
    """
    self._of_each_shard(self.checked_path)

  def load_shard(self, shard: int) -> passage_table.PassageTable:
    """Reads the passages of one shard into memory.

    Raises:
      errors.UserError: If the file is missing, damaged, or another one.
    """
    path = self.checked_path(shard)
    table = passage_table.read_shard(path, self.manifest.token_dtype)
    self._check_size(shard, len(table))
    size = self.tokenizer.vocab_size
    for rows in (table.title_ids, table.body_ids):
      if (
        len(rows.values)
        and not 0 <= rows.values.min() <= rows.values.max() < size
      ):
        raise errors.UserError(
          f"`corpus`: {path} holds wordpieces beyond the vocabulary of {size}. "
          f"{_ADVICE}."
        )
    return table

  def read_keys(self, shard: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads ids <S16>[n] and titles <object>[n], UTF-8, of one shard.

    Raises:
      errors.UserError: If the file is missing, damaged, or another one.
    """
    ids, titles = passage_table.read_shard_keys(self.checked_path(shard))
    self._check_size(shard, len(ids))
    return ids, titles

  def _check_size(self, shard: int, found: int) -> None:
    if found != self.manifest.shards[shard].passages:
      raise errors.UserError(
        f"`corpus`: {self.shard_paths[shard]} holds {found} passages, unlike "
        f"what its manifest says. {_ADVICE}."
      )

  def load_passages(self) -> passage_table.PassageTable:
    """Reads all passages, several shards at a time.

    Of a large corpus, the first process that does writes them as arrays beside
    it, which are mapped from then on; see `mapped_arrays`.

    Raises:
      errors.UserError: If a file is missing, damaged, or another one, or the
        passages are not those of the fingerprint.
    """
    folder = mapped_arrays.place(
      self.path, f"passages-{self.fingerprint[:32]}", self.num_passages
    )
    found = mapped_arrays.read(folder)
    if found is None:
      with mapped_arrays.collect(folder) as found:
        self._collect_passages(found)
    return passage_table.PassageTable.of_arrays(found.arrays, folder)

  def _collect_passages(self, arrays: mapped_arrays.Collector) -> None:
    """Reads all passages and appends them to arrays; see `load_passages`."""
    digests = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
      for part in pool.map(self.load_shard, range(len(self.shard_paths))):
        part.append_to(arrays)
        digests.append(shard_files.id_digest(part.ids.astype(str)))
    if corpus_folder.fingerprint(digests, self.tokenizer) != self.fingerprint:
      file = tf.io.gfile.join(self.path, corpus_manifest.FILE_NAME)
      raise errors.UserError(
        f"`corpus`: the passages are not those, or not in the order, that the "
        f"fingerprint in {file} stands for. {_ADVICE}."
      )

  def _of_each_shard(self, function: Callable[[int], _T]) -> list[_T]:
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
      return list(pool.map(function, range(len(self.shard_paths))))

  def read_texts(
    self, rows: Sequence[int] | np.ndarray | None = None
  ) -> tuple[list[str], list[str]]:
    """Reads the titles and bodies of some passages.

    Args:
      rows: <int>[n]. Numbers of passages, in any order; all if None. Only the
        shards that hold them are read.

    Returns:
      n titles and n bodies.
    """
    titles, bodies = self._read_columns(rows, ("title", "body"))
    return titles, bodies

  def read_passages(
    self, rows: Sequence[int] | np.ndarray
  ) -> tuple[list[str], list[str], list[str]]:
    """Reads the titles, bodies and metadata of some passages.

    Args:
      rows: <int>[n]. As for `read_texts`.

    Returns:
      n titles, n bodies, and n JSON objects, "" where there is no metadata.
    """
    names = ("title", "body", "metadata")
    titles, bodies, metadata = self._read_columns(rows, names)
    return titles, bodies, metadata

  def _read_columns(
    self, rows: Sequence[int] | np.ndarray | None, names: Sequence[str]
  ) -> list[list[str]]:
    """Reads some strings of passages, by the names of their features."""
    offsets = self.shard_offsets
    wanted = np.arange(self.num_passages) if rows is None else np.asarray(rows)
    columns = [np.empty(wanted.shape, object) for _ in names]
    shards = np.searchsorted(offsets, wanted, side="right") - 1
    for shard in np.unique(shards):
      here = shards == shard
      found = passage_table.read_shard_columns(self.checked_path(shard), names)
      for column, values in zip(columns, found, strict=True):
        column[here] = values[wanted[here] - offsets[shard]]
    return [[value.decode() for value in column] for column in columns]

  def iterate_bodies(self) -> Iterator[str]:
    """Yields the body of each passage, with one shard in memory."""
    for shard in range(len(self.shard_paths)):
      for body in passage_table.read_shard_texts(self.checked_path(shard))[1]:
        yield body.decode()

  def find_rows(self, ids: Sequence[str]) -> np.ndarray:
    """Returns the rows of passages, by their ids.

    Args:
      ids: As in passage records.

    Returns:
      <int64>[n]. -1 where the corpus has no such passage.
    """
    # As `str`, so that an id of any length and script is compared whole.
    known = np.concatenate(
      self._of_each_shard(
        lambda shard: passage_table.read_shard_ids(self.checked_path(shard))
      )
    ).astype(str)
    order = np.argsort(known)
    wanted = np.asarray(ids, str)
    places = np.searchsorted(known, wanted, sorter=order)
    rows = order[np.minimum(places, len(known) - 1)]
    return np.where(known[rows] == wanted, rows, -1)
