"""Maps a tensor of a TensorFlow checkpoint into memory, without a copy.

`tf.train.load_checkpoint` copies what it reads. A checkpoint's index, which is
a sorted table of LevelDB's form, says where in its data files a tensor lies.
"""

import struct
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from google.protobuf import message
from tensorflow.core.protobuf import tensor_bundle_pb2

from realm_tf import errors
from realm_tf import files
from realm_tf.checkpoints.formats import mapped_file

_FOOTER = 48  # bytes: two handles, padded, and the magic number
_MAGIC = 0xDB4775248B80FB57
_HEADER_KEY = b""


def map_tensor(prefix: str, name: str) -> np.ndarray | None:
  """Returns a tensor, mapped where its file is on this machine's disk.

  Its sum is not compared, which would read all of it.

  Args:
    prefix: Of the checkpoint's files.
    name: The tensor's.

  Returns:
    The tensor; None if there is none of that name.

  Raises:
    errors.UserError: If a file is missing, damaged or cut off.
  """
  index = f"{prefix}.index"
  files.check_all_readable(prefix)
  try:
    entries = dict(_entries(files.read_bytes(index)))
    header = tensor_bundle_pb2.BundleHeaderProto.FromString(
      entries[_HEADER_KEY]
    )
    if name.encode() not in entries:
      return None
    entry = tensor_bundle_pb2.BundleEntryProto.FromString(
      entries[name.encode()]
    )
    dtype = tf.dtypes.as_dtype(entry.dtype).as_numpy_dtype
  except (
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    struct.error,
    message.DecodeError,
  ) as e:
    raise errors.UserError(f"{index} is damaged: download it again.") from e
  if entry.slices:
    raise errors.UserError(
      f"{index}: the tensor {name} is saved in parts: save it whole."
    )
  shape = [dim.size for dim in entry.shape.dim]
  path = (
    f"{prefix}.data-{entry.shard_id:05d}-of-{max(header.num_shards, 1):05d}"
  )
  try:
    return np.frombuffer(
      mapped_file.read(path),
      np.dtype(dtype).newbyteorder("<"),
      count=int(np.prod(shape)),
      offset=entry.offset,
    ).reshape(shape)
  except (OSError, ValueError, tf.errors.OpError) as e:
    raise errors.UserError(
      f"{path} is cut off or missing: {name} {shape} lies in its bytes "
      f"{entry.offset:,} to {entry.offset + entry.size:,}. Download it again."
    ) from e


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
  """Yields the keys and values of a sorted table."""
  footer = len(table) - _FOOTER
  [magic] = struct.unpack_from("<Q", table, len(table) - 8)
  if footer < 0 or magic != _MAGIC:
    raise ValueError
  _, place = _handle(table, footer)  # of the block about blocks
  (offset, size), _ = _handle(table, place)
  for _, value in _block(table, offset, size):
    (offset, size), _ = _handle(value, 0)
    yield from _block(table, offset, size)


def _block(
  table: bytes, offset: int, size: int
) -> Iterator[tuple[bytes, bytes]]:
  """Yields the keys and values of a block.

  A key is stored as how many bytes it shares with the one before, and the
  rest. Behind all stand the places of keys that are stored whole.
  """
  block = table[offset : offset + size]
  if len(block) < size or table[offset + size] != 0:  # compressed
    raise ValueError
  [restarts] = struct.unpack_from("<I", block, size - 4)
  place, limit, key = 0, size - 4 - 4 * restarts, b""
  while place < limit:
    shared, place = _number(block, place)
    rest, place = _number(block, place)
    length, place = _number(block, place)
    key = key[:shared] + block[place : place + rest]
    place += rest
    yield key, block[place : place + length]
    place += length


def _handle(content: bytes, place: int) -> tuple[tuple[int, int], int]:
  """Returns the first byte and the size of a block, and what follows them."""
  offset, place = _number(content, place)
  size, place = _number(content, place)
  return (offset, size), place


def _number(content: bytes, place: int) -> tuple[int, int]:
  """Returns a number of seven bits a byte, and the place behind it."""
  number = shift = 0
  while True:
    byte = content[place]
    place += 1
    number |= (byte & 0x7F) << shift
    if byte < 0x80:
      return number, place
    shift += 7
