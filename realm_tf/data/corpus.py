"""A corpus on disk, as `build_corpus` writes it."""

import concurrent.futures
import dataclasses
import os
from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.data import manifest as manifest_lib
from realm_tf.data import passages
from realm_tf.text import tokenizer as tokenizer_lib


@dataclasses.dataclass(frozen=True)
class Corpus:
  """A knowledge corpus: numbered passages and the tokenizer of their ids.

  Attributes:
    path: Its folder.
    manifest: What it holds.
    tokenizer: The tokenizer that made the token ids.
  """

  path: str
  manifest: manifest_lib.CorpusManifest
  tokenizer: tokenizer_lib.Tokenizer

  @classmethod
  def open(cls, path: str) -> "Corpus":
    """Reads manifest and vocabulary, and checks that they belong together.

    Args:
      path: The folder that `build_corpus --output` named.

    Raises:
      errors.UserError: If there is no corpus, or an empty or damaged one.
    """
    manifest = manifest_lib.read(path)
    if not manifest.passages:
      raise errors.UserError(
        f"--corpus={path} holds no passages. Make one with build_corpus."
      )
    vocabulary = tf.io.gfile.join(path, manifest_lib.VOCABULARY_NAME)
    tokenizer = tokenizer_lib.Tokenizer.from_file(
      vocabulary, lower_case=manifest.tokenizer.lower_case
    )
    if tokenizer.sha256 != manifest.tokenizer.vocab_sha256:
      raise errors.UserError(
        f"--corpus: {vocabulary} is not the vocabulary that the corpus was "
        "built with. Build it again with build_corpus --overwrite."
      )
    return cls(path, manifest, tokenizer)

  @property
  def num_passages(self) -> int:
    """Number of passages."""
    return self.manifest.passages

  @property
  def fingerprint(self) -> str:
    """Tells corpora apart: passages, their order, and the tokenizer."""
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

  def load_shard(self, shard: int) -> passages.PassageTable:
    """Reads the passages of one shard into memory.

    Raises:
      errors.UserError: If the file is missing, damaged, or another one.
    """
    table = passages.read_shard(
      self.shard_paths[shard], self.manifest.token_dtype
    )
    self._check_size(shard, len(table))
    return table

  def read_keys(self, shard: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads ids <S16>[n] and titles <object>[n], UTF-8, of one shard.

    Raises:
      errors.UserError: If the file is missing, damaged, or another one.
    """
    ids, titles = passages.read_shard_keys(self.shard_paths[shard])
    self._check_size(shard, len(ids))
    return ids, titles

  def _check_size(self, shard: int, found: int) -> None:
    if found != self.manifest.shards[shard].passages:
      raise errors.UserError(
        f"--corpus: {self.shard_paths[shard]} holds {found} passages, unlike "
        "what its manifest says. Build the corpus again with build_corpus "
        "--overwrite."
      )

  def load_passages(self) -> passages.PassageTable:
    """Reads all passages into memory, several shards at a time.

    Raises:
      errors.UserError: If a file is missing, damaged, or another one.
    """
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
      parts = list(pool.map(self.load_shard, range(len(self.shard_paths))))
    return passages.PassageTable.concatenate(parts)

  def read_texts(
    self, rows: Sequence[int] | np.ndarray | None = None
  ) -> tuple[list[str], list[str]]:
    """Reads titles and bodies, for people to see.

    Args:
      rows: <int>[n]. Numbers of passages, in any order; all if None. Only the
        shards that hold them are read.

    Returns:
      n titles and n bodies.
    """
    offsets = self.shard_offsets
    wanted = np.arange(self.num_passages) if rows is None else np.asarray(rows)
    titles = np.empty(wanted.shape, object)
    bodies = np.empty(wanted.shape, object)
    shards = np.searchsorted(offsets, wanted, side="right") - 1
    for shard in np.unique(shards):
      here = shards == shard
      shard_titles, shard_bodies = passages.read_shard_texts(
        self.shard_paths[shard]
      )
      titles[here] = shard_titles[wanted[here] - offsets[shard]]
      bodies[here] = shard_bodies[wanted[here] - offsets[shard]]
    return [t.decode() for t in titles], [b.decode() for b in bodies]

  def iterate_bodies(self) -> Iterator[str]:
    """Yields the body of each passage, with one shard in memory."""
    for path in self.shard_paths:
      for body in passages.read_shard_texts(path)[1]:
        yield body.decode()

  def find_rows(self, ids: Sequence[str]) -> np.ndarray:
    """Returns the numbers of passages that are known by their ids.

    Args:
      ids: As in passage records.

    Returns:
      <int64>[n]. -1 where the corpus has no such passage.
    """
    # As `str`, so that an id of any length and script is compared whole.
    known = np.concatenate(
      [passages.read_shard_ids(path) for path in self.shard_paths]
    ).astype(str)
    order = np.argsort(known)
    wanted = np.asarray(ids, str)
    places = np.searchsorted(known, wanted, sorter=order)
    rows = order[np.minimum(places, len(known) - 1)]
    return np.where(known[rows] == wanted, rows, -1)
