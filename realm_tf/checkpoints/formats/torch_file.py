"""PyTorch's files of weights, `pytorch_model.bin`, without running them.

Such a file is a zip of one pickle, which names the tensors, and of their bytes.
A pickle is a program. The one here may make dicts, lists, tuples, numbers and
texts, and name tensors; one that asks for anything else is refused before it
has done anything.
"""

import collections
import io
import pickle
import zipfile
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints.formats import bfloat16
from realm_tf.checkpoints.formats import mapped_file

_STORAGES = {
  "DoubleStorage": "<f8",
  "FloatStorage": "<f4",
  "HalfStorage": "<f2",
  "BFloat16Storage": bfloat16.STORED,
  "LongStorage": "<i8",
  "IntStorage": "<i4",
  "ShortStorage": "<i2",
  "CharStorage": "<i1",
  "ByteStorage": "<u1",
  "BoolStorage": "?",
}
_LOCAL_HEADER = 30  # bytes of a zip's entry before its name
_PICKLE = "data.pkl"


class _RefusedError(Exception):
  """A pickle that asks for something other than tensors."""


class _StorageType(NamedTuple):
  """A class of torch's, as the pickle names it.

  Attributes:
    name: Such as "FloatStorage".
  """

  name: str


class _Storage(NamedTuple):
  """The bytes of one tensor or several.

  Attributes:
    name: The type's.
    numbers: Flat.
  """

  name: str
  numbers: np.ndarray


class _Function:
  """A function that a pickle may call, and whose fields it cannot set."""

  __slots__ = ("_function",)

  _function: Callable[..., Any]

  def __init__(self, function: Callable[..., Any]):
    """Takes the function."""
    object.__setattr__(self, "_function", function)

  def __setattr__(self, name: str, value: Any) -> None:
    """Refuses to set a field."""
    raise _RefusedError(f"sets {name} of a function")

  def __call__(self, *arguments: Any) -> Any:
    """Calls the function."""
    return self._function(*arguments)


def read(path: str) -> dict[str, np.ndarray]:
  """Reads a file.

  Args:
    path: The file.

  Returns:
    Arrays by name, mapped into memory where the file is on this machine's
    disk; bfloat16 as float32.

  Raises:
    errors.UserError: If it is no such file, or a part of one, or its pickle
      would run code.
  """
  try:
    content = mapped_file.read(path)
    with _opened(path) as file, zipfile.ZipFile(file) as archive:
      entries = {entry.filename: entry for entry in archive.infolist()}
      [main] = [name for name in entries if name.endswith("/" + _PICKLE)]
      folder = main.removesuffix(_PICKLE)
      order = entries.get(folder + "byteorder")
      if order and archive.read(order) != b"little":
        raise errors.UserError(f"{path} was written on a big-endian machine.")
      loaded = _Unpickler(archive.read(main), content, folder, entries).load()
    return _arrays(loaded)
  except errors.UserError:
    raise
  except _RefusedError as e:
    raise errors.UserError(
      f"{path} is refused: its pickle {e}, and weights need no such thing. "
      "Take the file from its first source, or one of safetensors."
    ) from e
  except (
    zipfile.BadZipFile,
    pickle.UnpicklingError,
    tf.errors.OpError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
  ) as e:
    raise errors.UserError(
      f"{path} is no whole file of PyTorch's weights ({type(e).__name__}): "
      "download it again. Files of PyTorch before 1.6 are not read: save the "
      "model anew with transformers."
    ) from e


class _Unpickler(pickle.Unpickler):
  """Makes plain values and tensors, and nothing else."""

  def __init__(
    self,
    pickled: bytes,
    content: Any,
    folder: str,
    entries: Mapping[str, zipfile.ZipInfo],
  ):
    """Takes the parts of the file.

    Args:
      pickled: The pickle.
      content: All bytes of the file.
      folder: Of the zip's entries.
      entries: By name.
    """
    super().__init__(io.BytesIO(pickled))
    self._content = content
    self._folder = folder
    self._entries = entries

  def find_class(self, module: str, name: str) -> Any:
    """Returns what stands for a class or function that the pickle names."""
    if module == "torch" and name in _STORAGES:
      return _StorageType(name)
    functions: dict[tuple[str, str], Callable[..., Any]] = {
      ("collections", "OrderedDict"): collections.OrderedDict,
      ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
      ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    }
    found = functions.get((module, name))
    if found is None:
      raise _RefusedError(f"asks for {module}.{name}")
    return _Function(found)

  def persistent_load(self, pid: Any) -> _Storage:
    """Returns the bytes of a tensor."""
    kind, storage_type, key, _, count = pid
    if kind != "storage" or not isinstance(storage_type, _StorageType):
      raise _RefusedError(f"asks for a {kind}")
    entry = self._entries[f"{self._folder}data/{key}"]
    dtype = np.dtype(_STORAGES[storage_type.name])
    if entry.compress_type != zipfile.ZIP_STORED:
      raise zipfile.BadZipFile("compressed")
    if int(count) * dtype.itemsize > entry.file_size:
      raise ValueError("a tensor is larger than its bytes")
    header = entry.header_offset
    lengths = np.frombuffer(self._content, "<u2", 2, header + 26)
    start = header + _LOCAL_HEADER + int(lengths.sum())
    return _Storage(
      storage_type.name, np.frombuffer(self._content, dtype, int(count), start)
    )


def _rebuild_tensor(
  storage: _Storage,
  offset: int,
  size: tuple[int, ...],
  stride: tuple[int, ...],
  *_: Any,
) -> np.ndarray:
  """Returns a tensor as an array, as torch's function of that name does."""
  size, stride = tuple(map(int, size)), tuple(map(int, stride))
  last = offset + sum(
    (n - 1) * step for n, step in zip(size, stride, strict=True)
  )
  if min((offset, *size, *stride)) < 0 or (
    0 not in size and last >= len(storage.numbers)
  ):
    raise ValueError("a tensor is larger than its bytes")
  numbers = storage.numbers[offset:]
  array = np.lib.stride_tricks.as_strided(
    numbers, size, [step * numbers.itemsize for step in stride], writeable=False
  )
  if storage.name == "BFloat16Storage":
    return bfloat16.widened(array)
  return array


def _rebuild_parameter(data: np.ndarray, *_: Any) -> np.ndarray:
  """Returns a parameter as its array."""
  return data


def _opened(path: str) -> Any:
  """Opens a file for `zipfile`, which asks for its end first."""
  files.check_readable(path)
  if "://" in path:
    return tf.io.gfile.GFile(path, "rb")
  return open(path, "rb")


def _arrays(loaded: Any) -> dict[str, np.ndarray]:
  """Returns the arrays by name that a pickle was of."""
  found = dict(loaded)
  for name, value in found.items():
    if not isinstance(name, str) or not isinstance(value, np.ndarray):
      raise TypeError("not a dict of tensors")
  return found
