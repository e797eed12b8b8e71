"""The published files of a dataset: from `manual_dir`, else downloaded."""

import dataclasses
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core.download import download_manager

from tfds_builders import offline

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_SUFFIX = ".gz"
# By published split, which of ours come from it.
_SPLITS_FROM = {"train": ("train", "dev"), "test": ("test",)}


class SourceError(ValueError):
  """A source file is missing, damaged, or not what it should be."""


@dataclasses.dataclass(frozen=True)
class Source:
  """A file that a dataset is made from.

  Attributes:
    url: Where it is published, pinned to a commit.
    also_named: Other names that it may have in `manual_dir`.
    partial_names: Names that a part of it may have there.
  """

  url: str
  also_named: tuple[str, ...] = ()
  partial_names: tuple[str, ...] = ()

  @property
  def name(self) -> str:
    """The name it is published under."""
    return self.url.rsplit("/", 1)[-1]


@dataclasses.dataclass(frozen=True)
class SourceFile:
  """A source's file on this machine.

  Attributes:
    source: What it is.
    path: Where it is.
    manual: Whether it comes from `manual_dir`, where nobody has checked it.
    partial: Whether its name says that it is a part only.
  """

  source: Source
  path: epath.Path
  manual: bool
  partial: bool

  def read(self) -> bytes:
    """Returns the content, unzipped.

    Raises:
      SourceError: If the file is damaged.
    """
    try:
      content = self.path.read_bytes()
      if content.startswith(_GZIP_MAGIC):
        return gzip.decompress(content)
      return content
    except (OSError, EOFError, zlib.error) as e:
      raise SourceError(f"{self.path} cannot be read: {e}.") from e


# By published split, "train" and "test".
Sources = Mapping[str, Sequence[Source]]
SourceFiles = Mapping[str, Sequence[SourceFile]]


def sha256(content: bytes) -> str:
  """Returns the checksum as checksums.tsv has it."""
  return hashlib.sha256(content).hexdigest()


def instructions(sources: Sources) -> str:
  """Returns what TFDS shows for `manual_dir`: the names and addresses."""
  lines = [
    "Only needed without a network, or to choose the files yourself. Put all "
    "of them, as they are or as .gz, into `manual_dir`, or into a folder in it "
    "that is named after the dataset:"
  ]
  for source in _all(sources):
    line = f"* {source.name} from {source.url}"
    if source.partial_names:
      line += f" (a part of it: {' or '.join(source.partial_names)})"
    lines.append(line)
  return "\n".join(lines)


def find(
  dl_manager: tfds.download.DownloadManager, dataset: str, sources: Sources
) -> SourceFiles:
  """Returns the files of `manual_dir` if it has any of them, else downloads.

  Args:
    dl_manager: As TFDS gives it to `_split_generators`.
    dataset: Its name, which may also be a folder's in `manual_dir`.
    sources: What is needed.

  Raises:
    SourceError: If `manual_dir` holds some but not all, or a download failed or
      is not what was published.
  """
  try:
    manual_dir = dl_manager.manual_dir
  except AssertionError:  # TFDS's word for a folder that is not there.
    manual_dir = None
  if manual_dir is not None:
    files = find_manual(manual_dir, dataset, sources)
    if files:
      return files
  return _download(dl_manager, dataset, sources)


def find_manual(
  manual_dir: epath.PathLike, dataset: str, sources: Sources
) -> SourceFiles | None:
  """Returns the files in `manual_dir`, or None if it has none of them.

  Raises:
    SourceError: If it holds some but not all.
  """
  for folder in (epath.Path(manual_dir), epath.Path(manual_dir) / dataset):
    files = {
      split: [_look_up(folder, source) for source in needed]
      for split, needed in sources.items()
    }
    found = {s: [f for f in fs if f is not None] for s, fs in files.items()}
    if not any(found.values()):
      continue
    present = {file.source for fs in found.values() for file in fs}
    missing = [s for s in _all(sources) if s not in present]
    if missing:
      splits = [
        name
        for published, needed in sources.items()
        for name in _SPLITS_FROM[published]
        if {*needed} & {*missing}
      ]
      raise SourceError(
        f"{dataset}: {folder} lacks {_listed(missing)}. Add the file to it: "
        f"{', '.join(splits)} cannot be made without."
      )
    return found
  return None


def missing_message(
  manual_dir: epath.PathLike, dataset: str, sources: Sources
) -> str:
  """Returns the error for a `manual_dir` without any of the files."""
  return (
    f"{dataset}: {manual_dir} has none of the files that are expected (as they "
    f"are or as .gz): {_listed(list(_all(sources)))}."
  )


def _look_up(folder: epath.Path, source: Source) -> SourceFile | None:
  names = [(name, False) for name in (source.name, *source.also_named)]
  names += [(name, True) for name in source.partial_names]
  for name, partial in names:
    for path in (folder / name, folder / f"{name}{_GZIP_SUFFIX}"):
      if path.exists():
        return SourceFile(source, path, manual=True, partial=partial)
  return None


def _download(
  dl_manager: tfds.download.DownloadManager, dataset: str, sources: Sources
) -> SourceFiles:
  urls = {split: [s.url for s in needed] for split, needed in sources.items()}
  try:
    with offline.few_retries():
      paths = dl_manager.download(urls)
  except download_manager.NonMatchingChecksumError as e:
    raise SourceError(
      f"{dataset} is no longer published as it was ({str(e).splitlines()[0]}). "
      "Put the files of before into a folder, and name it as `manual_dir`: "
      f"{_listed(list(_all(sources)))}."
    ) from e
  # Errors of the network are OSErrors, those of `requests` too.
  except (OSError, tfds.download.DownloadError) as e:
    raise SourceError(
      f"{dataset} cannot be downloaded ({e}). Without a network, put these "
      "files, as they are or as .gz, into a folder, and name it as "
      f"`manual_dir`: {_listed(list(_all(sources)))}."
    ) from e
  return {
    split: [
      SourceFile(source, epath.Path(path), manual=False, partial=False)
      for source, path in zip(needed, paths[split], strict=True)
    ]
    for split, needed in sources.items()
  }


def _all(sources: Sources) -> Iterator[Source]:
  for needed in sources.values():
    yield from needed


def _listed(sources: Sequence[Source]) -> str:
  return ", ".join(f"{source.name} (from {source.url})" for source in sources)
