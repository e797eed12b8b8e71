"""Passages as records of fixed width, for the memory of accelerators.

What `packing.PackedPassages` keeps in one flat array on the host, a record
holds in a row of its own, so that replicas can keep, gather and exchange rows
of static shape. The model inputs that both give are the same.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import packing
from realm_tf.data.examples import record_words
from realm_tf.text import wordpiece


class PassageRecords(NamedTuple):
  """Passages, decoded.

  Attributes:
    token_ids: <int32>[..., length]. `[CLS] title [SEP] body [SEP]`, padded.
    body_starts: <int32>[...]. Place of the body's first wordpiece.
    lengths: <int32>[...]. Wordpieces of the row.
  """

  token_ids: tf.Tensor
  body_starts: tf.Tensor
  lengths: tf.Tensor


@dataclasses.dataclass(frozen=True)
class RecordFormat:
  """How passages become rows of 32-bit words, and model inputs again.

  Two values are in a word where the vocabulary allows: all devices gather,
  add up and exchange 32-bit integers, and not all shorter ones.

  Attributes:
    length: Most wordpieces of a passage, special tokens included.
    tokenizer: Gives the vocabulary's size and the special tokens.
  """

  length: int
  tokenizer: wordpiece.Tokenizer

  @property
  def is_paired(self) -> bool:
    """Whether a word holds two values."""
    return record_words.is_paired(self.length, self.tokenizer.vocab_size)

  @property
  def width(self) -> int:
    """Words of a record."""
    return record_words.count(self.length, self.tokenizer.vocab_size)

  @property
  def null(self) -> np.ndarray:
    """The record of the null passage, <int32>[width]."""
    tokenizer = self.tokenizer
    token_ids = np.full([1, self.length], tokenizer.pad_id, np.int32)
    token_ids[0, :3] = tokenizer.cls_id, tokenizer.sep_id, tokenizer.sep_id
    two = np.array([2], np.int32)
    return self._encode(token_ids, two, two + 1)[0]

  def encode(
    self, table: passage_table.PassageTable, first: int, limit: int
  ) -> np.ndarray:
    """Returns the records of passages [first, limit) of a table.

    Args:
      table: The passages.
      first: The first row.
      limit: The row after the last.

    Returns:
      <int32>[limit - first, width].
    """
    records = np.empty([limit - first, self.width], np.int32)
    titles, bodies = table.title_ids.to_ragged(), table.body_ids.to_ragged()
    for start in range(first, limit, packing.CHUNK_PASSAGES):
      chunk = slice(start, min(start + packing.CHUNK_PASSAGES, limit))
      rows, body_starts = packing.pack_passages(
        tf.cast(titles[chunk], tf.int32),
        tf.cast(bodies[chunk], tf.int32),
        self.length,
        self.tokenizer,
      )
      records[start - first : chunk.stop - first] = self._encode(
        rows.to_tensor(
          self.tokenizer.pad_id, shape=[None, self.length]
        ).numpy(),
        body_starts.numpy(),
        rows.row_lengths().numpy(),
      )
    return records

  def decode(self, records: tf.Tensor) -> PassageRecords:
    """Returns the passages of records.

    Args:
      records: <int32>[..., width].
    """
    values = records
    if self.is_paired:
      halves = tf.stack(
        [
          tf.bitwise.bitwise_and(records, record_words.HALF_MASK),
          tf.bitwise.bitwise_and(
            tf.bitwise.right_shift(records, record_words.HALF_BITS),
            record_words.HALF_MASK,
          ),
        ],
        axis=-1,
      )  # [..., width, 2]
      values = tf.reshape(halves, [*_shape(records)[:-1], 2 * self.width])
    return PassageRecords(
      values[..., : self.length],
      values[..., self.length],
      values[..., self.length + 1],
    )

  def joined(
    self, queries: tf.Tensor, passages: PassageRecords
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the reader's inputs, as `packing.PackedPassages.joined` does.

    Args:
      queries: <int32>[batch, query_length]: `[CLS] query [SEP]`, padded.
      passages: Of shape [batch, candidates].

    Returns:
      Token ids and segment ids, both <int32>[batch, candidates, query_length +
      length].
    """
    pad_id = self.tokenizer.pad_id
    lengths = tf.math.count_nonzero(queries != pad_id, axis=1, dtype=tf.int32)
    first = passages.body_starts[..., None]
    width = queries.shape[1] + self.length
    place = tf.range(width) - lengths[:, None, None] + first  # [b, c, width]
    inside = (place >= first) & (place < passages.lengths[..., None])
    bodies = tf.gather(
      passages.token_ids, tf.where(inside, place, 0), batch_dims=2
    )
    padded = tf.pad(queries, [[0, 0], [0, self.length]], constant_values=pad_id)
    token_ids = tf.where(inside, bodies, padded[:, None, :])
    return token_ids, tf.cast(inside, tf.int32)

  def _encode(
    self, token_ids: np.ndarray, body_starts: np.ndarray, lengths: np.ndarray
  ) -> np.ndarray:
    """Returns <int32>[n, width] of n rows."""
    values = np.column_stack([token_ids, body_starts, lengths])
    if not self.is_paired:
      return values.astype(np.int32)
    even = np.zeros([len(values), 2 * self.width], np.uint32)
    even[:, : values.shape[1]] = values
    return (even[:, ::2] | even[:, 1::2] << record_words.HALF_BITS).view(
      np.int32
    )


def _shape(tensor: tf.Tensor) -> list[int | tf.Tensor]:
  """Returns a tensor's sizes, as numbers where they are known."""
  sizes = tf.shape(tensor)
  return [
    sizes[axis] if size is None else size
    for axis, size in enumerate(tensor.shape)
  ]
