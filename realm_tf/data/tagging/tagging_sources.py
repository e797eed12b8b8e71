"""Finds the files of labelled sentences."""

import dataclasses
import hashlib
import os
import re
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import absent
from realm_tf import errors
from realm_tf.data.tagging import conll

TRAIN = "train"
VALID = "valid"
TEST = "test"

# Part of a file's name -> split; CoNLL-2003 calls its valid split testa.
_SPLITS = (
  ("testa", VALID),
  ("valid", VALID),
  ("dev", VALID),
  ("train", TRAIN),
  ("test", TEST),
)
_FILE = re.compile(r"\.(?:txt|conll|conllu|conllup|bio|iob|iob2|tsv)(?:\.gz)?$")


@dataclasses.dataclass(frozen=True)
class TaggingData:
  """The files of each split, joined from all sources.

  Attributes:
    splits: The files by split: "train", "valid" and "test".
    fingerprint: Of names of splits and contents of files.
  """

  splits: dict[str, list[conll.ConllFile]]
  fingerprint: str

  def sentences(self, split: str) -> list[conll.LabeledSentence]:
    """Returns the sentences of a split, file by file."""
    return [s for file in self.splits[split] for s in file.sentences]


def load(sources: Sequence[str], *, repair: bool = False) -> TaggingData:
  """Reads all files of the sources.

  Args:
    sources: Folders and files. A file's name says which split it is:
      "train"; "valid", "dev" or "testa"; "test". Of a folder, the files count
      whose name does, with an ending such as .txt, .conll, .conllu, .bio, .iob
      or .tsv, also gzipped.
    repair: Whether labels that do not follow their scheme are put right.

  Raises:
    errors.UserError: If a source is missing or of no split, if there is no
      train or no valid split, or at a faulty file; see `conll.read`.
  """
  if not sources:
    raise errors.UserError("`data` is missing: name folders or CoNLL files.")
  splits = {
    split: _read("data", sources, split, repair)
    for split in (TRAIN, VALID, TEST)
  }
  for split in (TRAIN, VALID):
    if not splits[split]:
      raise _no_split("data", sources, split)
  return TaggingData(splits, _fingerprint(splits))


def load_split(
  sources: Sequence[str], split: str, *, repair: bool = False
) -> list[conll.ConllFile]:
  """Reads the files of one split; see `load`.

  Args:
    sources: Folders and files, of `valid`.
    split: Which split.
    repair: Whether labels that do not follow their scheme are put right.
  """
  found = _read(split, sources, split, repair)
  if not found:
    raise _no_split(split, sources, split)
  return found


def _no_split(
  flag: str, sources: Sequence[str], split: str
) -> errors.UserError:
  return errors.UserError(
    f"{flag}={','.join(sources)} has no {split} split: no file has {split!r} "
    "in its name."
  )


def _read(
  flag: str, sources: Sequence[str], split: str, repair: bool
) -> list[conll.ConllFile]:
  return [
    conll.read(path, repair=repair)
    for source in sources
    for found, path in _files(flag, source)
    if found == split
  ]


def _files(flag: str, source: str) -> list[tuple[str, str]]:
  """Returns (split, file) of all files of a source."""
  if not tf.io.gfile.exists(source):
    raise absent.path(flag, source)
  if not tf.io.gfile.isdir(source):
    split = _split_of(source)
    if split is None:
      raise errors.UserError(
        f"{flag}={source}: the file's name must say which split it is: "
        "train, valid (or dev), or test."
      )
    return [(split, source)]
  found = []
  for name in sorted(tf.io.gfile.listdir(source)):
    split = _split_of(name) if _FILE.search(name) else None
    if split:
      found.append((split, tf.io.gfile.join(source, name)))
  if not found:
    raise errors.UserError(
      f"{flag}={source} holds no file such as train.conll, valid.txt or "
      "test.conllu.gz."
    )
  return found


def _split_of(path: str) -> str | None:
  name = os.path.basename(path).lower()
  return next((split for part, split in _SPLITS if part in name), None)


def _fingerprint(splits: dict[str, list[conll.ConllFile]]) -> str:
  digest = hashlib.sha256()
  for split, files in splits.items():
    for file in files:
      digest.update(repr((split, file.sentences)).encode())
  return digest.hexdigest()
