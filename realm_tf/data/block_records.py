"""`block_records.npy`: the passages of Hugging Face's REALM, in their order.

NumPy keeps an array of Python's bytes as a pickle. Nothing of it is run: the
opcodes that such an array consists of are read one by one, and any other is
refused. The texts stay in the file, of which the places are kept.
"""

import array
import dataclasses
import mmap
import pickletools
import struct
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import files

SUFFIX = ".npy"

# What an array names, in NumPy 1 and 2.
_GLOBALS = {
  "numpy.core.multiarray _reconstruct",
  "numpy._core.multiarray _reconstruct",
  "numpy ndarray",
  "numpy dtype",
}
# What leads to the list of its elements.
_PRELUDE = {
  "BININT",
  "BININT1",
  "BININT2",
  "BINGET",
  "BINPUT",
  "BINUNICODE",
  "BUILD",
  "EMPTY_TUPLE",
  "FRAME",
  "GLOBAL",
  "LONG_BINGET",
  "LONG_BINPUT",
  "MARK",
  "MEMOIZE",
  "NEWFALSE",
  "NEWTRUE",
  "NONE",
  "PROTO",
  "REDUCE",
  "SHORT_BINBYTES",
  "SHORT_BINUNICODE",
  "STACK_GLOBAL",
  "TUPLE",
  "TUPLE1",
  "TUPLE2",
  "TUPLE3",
}
_TEXTS = {"BINUNICODE", "SHORT_BINUNICODE"}
_PUT_NAMES = {"BINPUT", "LONG_BINPUT", "MEMOIZE"}
_GET_NAMES = {"BINGET", "LONG_BINGET"}
_MOST_PRELUDE = 4096  # bytes
_MOST_END = 64
_BYTES = {0x43: "<B", 0x42: "<I", 0x8E: "<Q"}  # the format of the length
_PUTS = {0x71: "<B", 0x72: "<I"}
_GETS = {0x68: "<B", 0x6A: "<I"}
_MEMOIZE, _FRAME, _MARK = 0x94, 0x95, 0x28
_APPEND, _APPENDS = 0x61, 0x65

# What a pickle remembers: a text, first byte and length of bytes, or else.
_Value = str | tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class Records:
  """The places of the records in a file.

  Attributes:
    path: The file.
    starts: <int64>[records]. The first byte of each.
    lengths: <int64>[records]. How many bytes.
  """

  path: str
  starts: np.ndarray
  lengths: np.ndarray

  def __len__(self) -> int:
    """Number of records."""
    return len(self.starts)

  def part(self, first: int, limit: int) -> "Records":
    """Returns the records [first, limit)."""
    return Records(
      self.path, self.starts[first:limit], self.lengths[first:limit]
    )

  def read(self) -> Iterator[bytes]:
    """Yields the records, in order."""
    with (
      open(self.path, "rb") as f,
      mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
      for start, length in zip(
        self.starts.tolist(), self.lengths.tolist(), strict=True
      ):
        yield content[start : start + length]


class _DamagedError(Exception):
  """A file that ends too early, or is no array."""


class _RefusedError(Exception):
  """A file with something other than bytes."""


def find(path: str) -> Records:
  """Finds the records in a file.

  Args:
    path: The file.

  Raises:
    errors.UserError: If it cannot be read, is no such array, or a part of one,
      holds other than bytes, or fewer than it announces.
  """
  try:
    return _find(path)
  except errors.UserError:
    raise
  except _RefusedError as e:
    raise errors.UserError(
      f"{path} is refused: it {e}, and records are bytes alone. Take the file "
      "from its first source."
    ) from e
  except (
    *files.NO_ARRAY,
    _DamagedError,
    IndexError,
    struct.error,
    tf.errors.OpError,
  ) as e:
    raise errors.UserError(
      f"{path} is no whole NumPy array of records: download it again."
    ) from e


def _find(path: str) -> Records:
  if "://" in path:
    raise errors.UserError(
      f"{path} must be on this machine's disk: copy it there."
    )
  files.check_readable(path)
  with open(path, "rb") as f:
    version = np.lib.format.read_magic(f)
    read_header = {
      (1, 0): np.lib.format.read_array_header_1_0,
      (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
      raise _DamagedError
    shape, _, dtype = read_header(f)
    if dtype != np.dtype(object) or len(shape) != 1:
      raise _RefusedError(f"is an array of {dtype} with {len(shape)} axes")
    start = f.tell()
    with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as content:
      first, memory = _skip_prelude(content, start)
      starts, lengths = _find_bytes(content, first, memory)
  if len(starts) != shape[0]:
    raise errors.UserError(
      f"{path} announces {shape[0]:,} records, but holds {len(starts):,}: "
      "download it again."
    )
  return Records(path, starts, lengths)


def _skip_prelude(content: mmap.mmap, start: int) -> tuple[int, list[_Value]]:
  """Checks what leads to the list of elements.

  Args:
    content: Of the file.
    start: Where the pickle begins.

  Returns:
    Where the elements begin, and what has been remembered.
  """
  head = content[start : start + _MOST_PRELUDE]
  texts: list[str] = []
  memory: list[_Value] = []
  last: _Value = None  # of the opcode before
  for opcode, argument, place in pickletools.genops(head):
    if place is None:
      raise _DamagedError
    if opcode.name == "EMPTY_LIST":
      return start + place + 1, memory
    if opcode.name not in _PRELUDE:
      raise _RefusedError(f"has the opcode {opcode.name}")
    if opcode.name in _PUT_NAMES:
      memory.append(last)
      continue
    last = None
    if opcode.name in _TEXTS:
      last = str(argument)
    elif opcode.name == "SHORT_BINBYTES":
      last = (start + place + 2, head[place + 1])
    elif opcode.name in _GET_NAMES:
      last = memory[int(str(argument))]
    if isinstance(last, str):
      texts.append(last)
    named = {"GLOBAL": str(argument), "STACK_GLOBAL": " ".join(texts[-2:])}
    if named.get(opcode.name, "numpy dtype") not in _GLOBALS:
      raise _RefusedError(f"asks for {named[opcode.name]}")
  raise _DamagedError


def _find_bytes(
  content: mmap.mmap, place: int, memory: list[_Value]
) -> tuple[np.ndarray, np.ndarray]:
  """Finds the elements of a list of bytes.

  Args:
    content: Of the file.
    place: Where they begin.
    memory: What has been remembered. Each value is remembered once, in order.

  Returns:
    <int64>[n]. The first byte of each element, and how many bytes it has.
  """
  starts, lengths = array.array("q"), array.array("q")
  remembered = array.array("q")  # elements, by their place behind `memory`
  is_new = False  # whether the last opcode was an element's bytes
  while True:
    code = content[place]
    place += 1
    if code in _BYTES:
      layout = _BYTES[code]
      [length] = struct.unpack_from(layout, content, place)
      place += struct.calcsize(layout)
      if place + length > len(content):
        raise _DamagedError
      starts.append(place)
      lengths.append(length)
      place += length
      is_new = True
      continue
    if code in _PUTS or code == _MEMOIZE:
      number = len(memory) + len(remembered)
      if code in _PUTS:
        [number] = struct.unpack_from(_PUTS[code], content, place)
        place += struct.calcsize(_PUTS[code])
      if number != len(memory) + len(remembered):
        raise _RefusedError("is no array as NumPy writes it")
      if is_new:
        remembered.append(len(starts) - 1)
      elif not starts:  # the list itself
        memory.append(None)
      else:
        raise _RefusedError("is no array as NumPy writes it")
    elif code in _GETS:
      [number] = struct.unpack_from(_GETS[code], content, place)
      place += struct.calcsize(_GETS[code])
      start, length = _recall(number, memory, remembered, starts, lengths)
      starts.append(start)
      lengths.append(length)
    elif code == _FRAME:  # may stand between long bytes and what remembers them
      place += 8
      continue
    elif code not in (_MARK, _APPEND, _APPENDS):
      break
    is_new = False
  _check_end(content, place - 1)
  return np.array(starts, np.int64), np.array(lengths, np.int64)


def _recall(
  number: int,
  memory: list[_Value],
  remembered: array.array,
  starts: array.array,
  lengths: array.array,
) -> tuple[int, int]:
  """Returns first byte and length of bytes that stand in the file once."""
  if number >= len(memory):
    again = remembered[number - len(memory)]
    return starts[again], lengths[again]
  value = memory[number]
  if not isinstance(value, tuple):
    raise _RefusedError("has an element that is no bytes")
  return value


def _check_end(content: mmap.mmap, place: int) -> None:
  """Raises if anything but the array's end follows its list."""
  wanted = ["TUPLE", "BUILD", "STOP"]
  for opcode, _, _ in pickletools.genops(content[place : place + _MOST_END]):
    if opcode.name in _PUT_NAMES:
      continue
    if opcode.name != wanted.pop(0):
      raise _RefusedError(f"has the opcode {opcode.name} among its elements")
