"""Large arrays in files that are mapped into memory, or in memory if small.

What takes minutes to make of a corpus is made once: by the first process that
needs it, in a folder `arrays` below the corpus, published whole. Every process
then maps the files, which takes no time, and shares their pages with others.
"""

import collections
import contextlib
import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from typing import Any
from typing import BinaryIO

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files

NAME = "arrays"  # the folder below a corpus
# Below so many passages, arrays are made in seconds, and kept in memory.
FEWEST_PASSAGES = 100_000

_MANIFEST = "manifest.json"
_SUFFIX = ".bin"
_TEMPORARY = ".tmp"
_OWN = re.compile(rf"{NAME}/[\w.-]+(/[\w]+({re.escape(_SUFFIX)}|\.json)|/)")
_FORMAT = 1
_ALIGNMENT = 64  # bytes, of the widest instructions of CPUs


class Collector:
  """Arrays that are appended to, part by part.

  Attributes:
    arrays: By name, once the context of `collect` has ended.
    facts: JSON values that belong to them; set them in the context.
  """

  def __init__(self) -> None:
    """Holds nothing yet."""
    self.arrays: dict[str, np.ndarray] = {}
    self.facts: dict[str, Any] = {}

  def append(self, name: str, values: np.ndarray) -> None:
    """Appends to an array.

    Args:
      name: Its name, a word.
      values: [n]. Of the type of the first.
    """
    raise NotImplementedError


class _InMemory(Collector):
  def __init__(self) -> None:
    super().__init__()
    self._parts: dict[str, list[np.ndarray]] = collections.defaultdict(list)

  def append(self, name: str, values: np.ndarray) -> None:
    self._parts[name].append(values)

  def finish(self) -> None:
    self.arrays = {n: np.concatenate(p) for n, p in self._parts.items()}


class _InFiles(Collector):
  def __init__(self, folder: str):
    super().__init__()
    self._folder = folder
    self._files: dict[str, BinaryIO] = {}
    self._types: dict[str, str] = {}

  def append(self, name: str, values: np.ndarray) -> None:
    if name not in self._files:
      path = os.path.join(self._folder, name + _SUFFIX)
      self._files[name] = open(path, "wb")  # noqa: SIM115 - `close` does
      self._types[name] = values.dtype.str
    values.astype(self._types[name], copy=False).tofile(self._files[name])

  def close(self) -> None:
    for file in self._files.values():
      file.close()

  def finish(self) -> None:
    """Writes the manifest, which makes the folder complete."""
    self.close()
    entries = {
      name: {
        "dtype": kind,
        "bytes": os.path.getsize(os.path.join(self._folder, name + _SUFFIX)),
      }
      for name, kind in self._types.items()
    }
    value = {"format": _FORMAT, "arrays": entries, "facts": self.facts}
    files.write_json(os.path.join(self._folder, _MANIFEST), value)


def place(corpus: str, name: str, passages: int) -> str:
  """Returns the folder of a corpus's arrays; "" if they stay in memory.

  Args:
    corpus: The corpus's folder.
    name: Of the arrays: it names all that they depend on.
    passages: Of the corpus. A small one, one of an object store, and one that
      cannot be written to have no such folder.
  """
  if passages < FEWEST_PASSAGES or "://" in corpus:
    return ""
  parent = os.path.join(corpus, NAME)
  folder = os.path.join(parent, name)
  if os.path.exists(os.path.join(folder, _MANIFEST)):
    return folder
  above = parent if os.path.exists(parent) else corpus
  return folder if os.access(above, os.W_OK | os.X_OK) else ""


def is_own(name: str) -> bool:
  """Whether a file's name, from the corpus on, is one of this module's."""
  return bool(_OWN.fullmatch(name)) or name == f"{NAME}/"


def read(folder: str) -> Collector | None:
  """Maps the arrays of a folder.

  Args:
    folder: As `place` returns it.

  Returns:
    The arrays, writable copies of the files, page by page; None if there are
    none, or the files are not those that were written.
  """
  found = Collector()
  if not folder:
    return None
  try:
    manifest = files.read_json(os.path.join(folder, _MANIFEST))
    if manifest["format"] != _FORMAT:
      return None
    found.facts = dict(manifest["facts"])
    for name, entry in manifest["arrays"].items():
      path = os.path.join(folder, name + _SUFFIX)
      if not files.is_inside(name) or os.path.getsize(path) != entry["bytes"]:
        return None
      found.arrays[name] = _mapped(path, np.dtype(entry["dtype"]))
  except (OSError, tf.errors.OpError, *errors.MALFORMED):
    return None
  return found


@contextlib.contextmanager
def collect(folder: str) -> Iterator[Collector]:
  """Gives what arrays are appended to; they are there when the context ends.

  Args:
    folder: Where they are written, as `place` returns it; "" for memory. Of
      several processes that write the same folder at once, the first to end
      publishes it. If the context raises, nothing is left behind.

  Yields:
    The collector, without arrays yet.
  """
  if not folder:
    in_memory = _InMemory()
    yield in_memory
    in_memory.finish()
    return
  above = os.path.dirname(folder)
  is_first = not os.path.exists(above)
  staging = f"{folder}.{uuid.uuid4().hex[:8]}{_TEMPORARY}"
  os.makedirs(staging)
  in_files = _InFiles(staging)
  try:
    yield in_files
    in_files.finish()
    _publish(staging, folder)
  finally:
    in_files.close()
    shutil.rmtree(staging, ignore_errors=True)
    if is_first:
      with contextlib.suppress(OSError):  # it is not empty
        os.rmdir(above)
  found = read(folder)
  if found is None:
    raise RuntimeError(f"{folder} has gone while it was written")
  in_files.arrays = found.arrays


def as_tensor(array: np.ndarray) -> tf.Tensor:
  """Returns a tensor on the host that shares an array's memory.

  It is a copy where the two cannot share it: TensorFlow's kernels need memory
  that is aligned, as that of a mapped file is. The array must not be changed.

  Args:
    array: Of numbers.
  """
  is_shared = (
    array.dtype.kind in "iuf"
    and array.size > 0
    and array.flags.c_contiguous
    and array.flags.writeable
    and array.ctypes.data % _ALIGNMENT == 0
  )
  with tf.device("/cpu:0"):
    if is_shared:
      return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return tf.constant(array)


def _publish(staging: str, folder: str) -> None:
  """Gives a complete folder its name, unless another process was faster."""
  if read(folder) is None:
    shutil.rmtree(folder, ignore_errors=True)  # of another format, or damaged
  try:
    os.rename(staging, folder)
  except OSError as e:
    if e.errno not in (errno.EEXIST, errno.ENOTEMPTY):
      raise


def _mapped(path: str, dtype: np.dtype) -> np.ndarray:
  """Maps a file. Pages that are written to are copied, the file stays."""
  if not os.path.getsize(path):
    return np.empty([0], dtype)
  return np.memmap(path, dtype, mode="c").view(np.ndarray)
