"""Hands shards to a pipeline of TensorFlow's own operations, through files.

The host of a TPU, which runs the pipeline, knows neither Python's functions nor
TF Text, and asks for batches ahead. So that a shard need not be chosen before
the one before it was embedded, the pipeline never waits: while the next file is
not there, it gives batches of padding.
"""

import glob
import os

import numpy as np
import tensorflow as tf

from realm_tf import dataset_options

# The row of what is padding.
PADDING = -1
_WORD = np.dtype("<i4")
_IDLE = "idle"
_END = "end"


class ShardFeed:
  """Writes shards where `dataset` reads them.

  A file holds `<int32>` records of a row's number and its token ids, and as
  many records of padding as fill the last batch.

  Attributes:
    folder: Of the files.
    batch_size: Rows of a batch.
    length: Token ids of a row.
  """

  def __init__(self, folder: str, batch_size: int, length: int):
    """Takes an empty folder.

    Args:
      folder: Of the files.
      batch_size: Rows of a batch.
      length: Token ids of a row.
    """
    self.folder = folder
    self.batch_size = batch_size
    self.length = length
    self._count = 0
    self._write(_IDLE, np.empty([0, length], np.int32), batch_size)

  def put(self, token_ids: np.ndarray) -> None:
    """Gives the next shard; the one before it has been read.

    Args:
      token_ids: <int32>[n, length], padded with 0.
    """
    if self._count:
      os.remove(os.path.join(self.folder, str(self._count - 1)))
    rows = -(-len(token_ids) // self.batch_size) * self.batch_size
    self._write(str(self._count), token_ids, rows)
    self._count += 1

  def end(self) -> None:
    """Ends the dataset."""
    name = f"{_END}{self._count}"
    self._write(name, np.empty([0, self.length], np.int32), 0)

  def _write(self, name: str, token_ids: np.ndarray, rows: int) -> None:
    """Writes a file of `rows` records, whole or not at all."""
    records = np.zeros([rows, 1 + self.length], _WORD)
    records[:, 0] = PADDING
    records[: len(token_ids), 0] = np.arange(len(token_ids))
    records[: len(token_ids), 1:] = token_ids
    path = os.path.join(self.folder, name)
    records.tofile(f"{path}.new")
    os.replace(f"{path}.new", path)


def dataset(folder: str, batch_size: int, length: int) -> tf.data.Dataset:
  """Returns the batches of a `ShardFeed`, until it ends.

  The first is of padding; a second pass, after the end, has that one alone.

  Args:
    folder: Of the feed.
    batch_size: Rows of a batch; divides the feed's.
    length: Token ids of a row.

  Returns:
    Batches of `token_ids` <int32>[batch_size, length] and `rows`
    <int32>[batch_size], which are `PADDING` where there is no passage. Shapes
    are static.
  """
  pattern = glob.escape(folder)

  def is_there(name: tf.Tensor) -> tf.Tensor:
    # Of a name that is constant, TensorFlow would look once.
    path = tf.strings.join([pattern, name], os.sep)
    return tf.size(tf.io.matching_files(path)) > 0

  def following(number: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns how many shards there were, and the name of the next file."""
    name = tf.strings.as_string(number)
    found = is_there(name)
    has_ended = is_there(tf.strings.join([_END, name]))
    other = tf.where(has_ended, _END, _IDLE)
    return number + tf.cast(found, tf.int64), tf.where(found, name, other)

  def records(name: tf.Tensor) -> tf.data.Dataset:
    return tf.data.FixedLengthRecordDataset(
      tf.strings.join([folder, name], os.sep),
      record_bytes=(1 + length) * _WORD.itemsize,
    )

  def decode(lines: tf.Tensor) -> dict[str, tf.Tensor]:
    words = tf.reshape(
      tf.io.decode_raw(lines, tf.int32), [batch_size, 1 + length]
    )
    return {"token_ids": words[:, 1:], "rows": words[:, 0]}

  names = (
    tf.data.Dataset.counter()
    .scan(tf.constant(0, tf.int64), following)
    .take_while(lambda name: tf.not_equal(name, _END))
  )
  idle = tf.data.Dataset.from_tensors(_IDLE)
  return dataset_options.untuned(
    idle.concatenate(names)
    .flat_map(records)
    .batch(batch_size, drop_remainder=True)
    .map(decode)
  )
