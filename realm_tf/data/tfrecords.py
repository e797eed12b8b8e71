"""TFRecord files of released corpora: of plain texts, and of tf.train.Example.

TensorFlow reads them whole once, which compares the sum of every record.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf import message

from realm_tf import errors
from realm_tf import files
from realm_tf.data import block_records

_BODY = "body"
_FEATURES = {
  "title": tf.io.FixedLenFeature([], tf.string, ""),
  _BODY: tf.io.FixedLenFeature([], tf.string),
  "title_token_ids": tf.io.RaggedFeature(tf.int64),
  "body_token_ids": tf.io.RaggedFeature(tf.int64),
}
_HEAD, _FRAME = 12, 16  # bytes before a record, and around it in all
_GZIP = b"\x1f\x8b"
_SCAN_BATCH = 4096
_BATCH = 512
_BUFFER_BYTES = 8 << 20


class Batch(NamedTuple):
  """Passages of a corpus.

  Attributes:
    titles: Their titles.
    bodies: Their texts.
    title_ids: <int64>[n, (wordpieces)]. Empty where the file has none.
    body_ids: <int64>[n, (wordpieces)]. Likewise.
  """

  titles: list[bytes]
  bodies: list[bytes]
  title_ids: tf.RaggedTensor
  body_ids: tf.RaggedTensor


def is_compressed(path: str) -> bool:
  """Returns whether a file is compressed by gzip.

  Raises:
    errors.UserError: If it cannot be read.
  """
  if "://" in path:
    raise errors.UserError(
      f"{path} must be on this machine's disk: copy it there."
    )
  files.check_readable(path)
  with open(path, "rb") as f:
    return f.read(len(_GZIP)) == _GZIP


def holds_examples(path: str) -> bool:
  """Returns whether the records are tf.train.Examples, by the first.

  Raises:
    errors.UserError: If it cannot be read, or is damaged.
  """
  for [record] in _read([path], 1):
    try:
      example = tf.train.Example.FromString(record)
    except message.DecodeError:
      return False
    return _BODY in example.features.feature
  return False


def sizes(paths: Sequence[str]) -> np.ndarray:
  """Returns <int64>[records], how many bytes each has; reads all files.

  Raises:
    errors.UserError: If one cannot be read, or is damaged.
  """
  found = [_sizes(path) for path in paths]
  return np.concatenate([np.empty([0], np.int64), *found])


def _sizes(path: str) -> np.ndarray:
  """Returns the sizes of one file's records, of which all must be there.

  TensorFlow takes a file that ends before a record's first bytes for whole.
  """
  found = [
    np.fromiter(map(len, records), np.int64)
    for records in _read([path], _SCAN_BATCH)
  ]
  sizes_ = np.concatenate([np.empty([0], np.int64), *found])
  there = int((sizes_ + _FRAME).sum())
  if is_compressed(path):
    with open(path, "rb") as f:  # At its end is the size of what it packs.
      f.seek(max(-4, -os.path.getsize(path)), os.SEEK_END)
      announced = int.from_bytes(f.read(), "little")
    # Of several packed files in a row, that is the size of the last alone.
    is_whole = announced == there % 2**32 or _unpacked_bytes(path) == there
  else:
    is_whole = os.path.getsize(path) == there
  if not is_whole:
    raise _damaged(path)
  return sizes_


def _unpacked_bytes(path: str) -> int:
  """Unpacks a file; returns how many bytes it holds, -1 if it is cut off."""
  unpacked = 0
  try:
    with gzip.open(path) as f:
      while part := f.read(_BUFFER_BYTES):
        unpacked += len(part)
  except (OSError, EOFError, zlib.error):
    return -1
  return unpacked


def find(path: str) -> block_records.Records:
  """Finds the records in a file of plain texts.

  Raises:
    errors.UserError: If it cannot be read, is compressed, or is damaged.
  """
  lengths = sizes([path])
  if is_compressed(path):
    raise errors.UserError(
      f"{path} is compressed, and holds plain texts: unpack it by gunzip first."
    )
  limits = np.cumsum(lengths + _FRAME)
  return block_records.Records(path, limits - lengths - _FRAME + _HEAD, lengths)


def read_examples(paths: Sequence[str]) -> Iterator[Batch]:
  """Yields the passages of files of Examples, in order.

  Raises:
    errors.UserError: If a file is damaged, or a record is no passage.
  """
  for records in _read(paths, _BATCH):
    try:
      parsed = tf.io.parse_example(records, _FEATURES)
    except tf.errors.InvalidArgumentError as e:
      raise errors.UserError(
        f"{', '.join(paths)}: a record is no passage with title and body: "
        "download it again."
      ) from e
    yield Batch(
      parsed["title"].numpy().tolist(),
      parsed[_BODY].numpy().tolist(),
      parsed["title_token_ids"],
      parsed["body_token_ids"],
    )


def _read(paths: Sequence[str], batch_size: int) -> Iterator[np.ndarray]:
  """Yields the records of files, <object>[n] of bytes."""
  for path in paths:
    compression = "GZIP" if is_compressed(path) else ""
    dataset = tf.data.TFRecordDataset(path, compression, _BUFFER_BYTES)
    try:
      yield from dataset.batch(batch_size).as_numpy_iterator()
    except tf.errors.OpError as e:
      raise _damaged(path) from e


def _damaged(path: str) -> errors.UserError:
  return errors.UserError(
    f"{path} is no whole TFRecord file: download it again."
  )
