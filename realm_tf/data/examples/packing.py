"""Packs wordpieces into model inputs: passages, queries, and both joined.

A passage's row is packed once, when the corpus is loaded:
`[CLS] title [SEP] body [SEP]`, at most `length` wordpieces. What the embedder
reads is that row; what the reader reads is the query followed by the row's
part after the title. Both are then mere gathers from one flat array.
"""

import copy

import numpy as np
import tensorflow as tf

from realm_tf.data import mapped_arrays
from realm_tf.data.corpus import passage_table
from realm_tf.text import wordpiece

# Packed at once, so that large corpora fit in memory.
CHUNK_PASSAGES = 200_000


def pack_passages(
  title_ids: tf.RaggedTensor,
  body_ids: tf.RaggedTensor,
  length: int,
  tokenizer: wordpiece.Tokenizer,
) -> tuple[tf.RaggedTensor, tf.Tensor]:
  """Joins titles and bodies, and cuts long rows at the body's end.

  Args:
    title_ids: <int32>[passages, (wordpieces)].
    body_ids: <int32>[passages, (wordpieces)].
    length: Most wordpieces of a row, special tokens included.
    tokenizer: Gives the special tokens.

  Returns:
    Rows `[CLS] title [SEP] body [SEP]`, <int32>[passages, (length)], and the
    place of each body's first wordpiece in its row, <int32>[passages].
  """
  titles = title_ids[:, : length - 3]
  title_lengths = tf.cast(titles.row_lengths(), tf.int32)
  room = length - 3 - title_lengths  # [passages]
  body_lengths = tf.minimum(tf.cast(body_ids.row_lengths(), tf.int32), room)
  starts = tf.cast(body_ids.row_starts(), tf.int32)
  kept = tf.ragged.range(starts, starts + body_lengths)
  bodies = kept.with_flat_values(tf.gather(body_ids.flat_values, kept.values))
  count = tf.shape(title_lengths)[0]
  cls = tf.fill([count, 1], tokenizer.cls_id)
  sep = tf.fill([count, 1], tokenizer.sep_id)
  rows = tf.concat([cls, titles, sep, bodies, sep], axis=1)
  return rows, title_lengths + 2


def passage_inputs(
  title_ids: tf.RaggedTensor,
  body_ids: tf.RaggedTensor,
  length: int,
  tokenizer: wordpiece.Tokenizer,
) -> tf.Tensor:
  """Returns the embedder's inputs for passages.

  Args:
    title_ids: <int32>[passages, (wordpieces)].
    body_ids: <int32>[passages, (wordpieces)].
    length: Width of the result.
    tokenizer: Gives the special tokens.

  Returns:
    <int32>[passages, length], padded with [PAD].
  """
  rows, _ = pack_passages(title_ids, body_ids, length, tokenizer)
  return rows.to_tensor(tokenizer.pad_id, shape=[None, length])


def pack_queries(
  ids: tf.RaggedTensor, length: int, tokenizer: wordpiece.Tokenizer
) -> tf.Tensor:
  """Returns the embedder's inputs for texts without a mask.

  Args:
    ids: <int32>[texts, (wordpieces)]; long rows are cut.
    length: Width of the result.
    tokenizer: Gives the special tokens.

  Returns:
    `[CLS] text [SEP]`, <int32>[texts, length], padded with [PAD].
  """
  ids = ids[:, : length - 2]
  count = ids.nrows()
  cls = tf.fill([count, 1], tokenizer.cls_id)
  sep = tf.fill([count, 1], tokenizer.sep_id)
  rows = tf.concat([cls, ids, sep], axis=1)
  return rows.to_tensor(tokenizer.pad_id, shape=[None, length])


def trim_padding(
  token_ids: tf.Tensor,
  segment_ids: tf.Tensor,
  multiple: int,
  at_least: int = 1,
) -> tuple[tf.Tensor, tf.Tensor]:
  """Cuts off the positions at the end that no row of a batch uses.

  Args:
    token_ids: <int32>[..., L], padded with 0.
    segment_ids: <int32>[..., L].
    multiple: The new length is a multiple of it, or L.
    at_least: Positions that stay.

  Returns:
    Both, <int32>[..., L' <= L].
  """
  lengths = tf.math.count_nonzero(token_ids, axis=-1, dtype=tf.int32)
  longest = tf.reduce_max(
    tf.concat([[at_least], tf.reshape(lengths, [-1])], axis=0)
  )
  length = -(-longest // multiple) * multiple
  return token_ids[..., :length], segment_ids[..., :length]


def _pack(
  title_ids: tf.RaggedTensor,
  body_ids: tf.RaggedTensor,
  length: int,
  tokenizer: wordpiece.Tokenizer,
  packed: mapped_arrays.Collector,
) -> None:
  """Appends the rows of passages to arrays, and that of the null passage.

  Args:
    title_ids: <integer>[passages, (wordpieces)].
    body_ids: <integer>[passages, (wordpieces)].
    length: Most wordpieces of a row.
    tokenizer: Gives the special tokens.
    packed: `values` <uint16 or int32>, all rows one after the other; of each
      row, `row_starts` <int64>, `lengths` and `body_starts` <int32>.
  """
  dtype = np.uint16 if tokenizer.vocab_size <= 1 << 16 else np.int32
  count, end = int(title_ids.nrows()), 0
  for first in range(0, count, CHUNK_PASSAGES):
    chunk = slice(first, min(first + CHUNK_PASSAGES, count))
    rows, starts = pack_passages(
      tf.cast(title_ids[chunk], tf.int32),
      tf.cast(body_ids[chunk], tf.int32),
      length,
      tokenizer,
    )
    splits = end + rows.row_splits.numpy()
    packed.append("values", rows.flat_values.numpy().astype(dtype))
    packed.append("row_starts", splits[:-1])
    packed.append("lengths", rows.row_lengths().numpy().astype(np.int32))
    packed.append("body_starts", starts.numpy())
    end = int(splits[-1])
  null = [tokenizer.cls_id, tokenizer.sep_id, tokenizer.sep_id]
  packed.append("values", np.array(null, dtype))
  packed.append("row_starts", np.array([end], np.int64))
  packed.append("lengths", np.array([len(null)], np.int32))
  packed.append("body_starts", np.array([2], np.int32))


class PackedPassages(tf.Module):
  """All passages of a corpus as packed rows, and the null passage.

  Two bytes a wordpiece where the vocabulary allows: 13.35 million passages of
  288 wordpieces take 7.7 GB.

  Attributes:
    length: Most wordpieces of a row.
    null_row: The row of the empty passage, which follows the corpus's last.
  """

  def __init__(
    self,
    title_ids: tf.RaggedTensor,
    body_ids: tf.RaggedTensor,
    length: int,
    tokenizer: wordpiece.Tokenizer,
    folder: str = "",
  ):
    """Packs the passages, or maps what has been packed before.

    Args:
      title_ids: <integer>[passages, (wordpieces)].
      body_ids: <integer>[passages, (wordpieces)].
      length: Most wordpieces of a row, special tokens included.
      tokenizer: Gives the special tokens.
      folder: Where the rows are on disk, once they have been packed; "" to
        keep them in memory alone.
    """
    super().__init__(name="packed_passages")
    self.length = length
    self.null_row = int(title_ids.nrows())
    self._pad_id = tokenizer.pad_id
    self._sep_id = tokenizer.sep_id
    packed = mapped_arrays.read(folder)
    if packed is None:
      with mapped_arrays.collect(folder) as packed:
        _pack(title_ids, body_ids, length, tokenizer, packed)
    self._values, self._row_starts, self._lengths, self._body_starts = (
      mapped_arrays.as_tensor(packed.arrays[name])
      for name in ("values", "row_starts", "lengths", "body_starts")
    )

  @classmethod
  def of(
    cls,
    passages: passage_table.PassageTable,
    length: int,
    tokenizer: wordpiece.Tokenizer,
  ) -> "PackedPassages":
    """Packs the passages of a table; see `__init__`.

    Where the table is mapped, so are the rows.
    """
    return cls(
      passages.title_ids.to_ragged(),
      passages.body_ids.to_ragged(),
      length,
      tokenizer,
      passages.folder and f"{passages.folder}-packed-{length}",
    )

  @property
  def nbytes(self) -> int:
    """Bytes of memory that the rows take, mapped or not."""
    held = (self._values, self._row_starts, self._lengths, self._body_starts)
    return sum(int(tf.size(part)) * part.dtype.size for part in held)

  def in_variables(self) -> "PackedPassages":
    """Returns the same passages, held by variables.

    A SavedModel keeps variables beside its graph, which has room for 2 GB.
    """
    held = copy.copy(self)
    for name in ("_values", "_row_starts", "_lengths", "_body_starts"):
      value = tf.Variable(getattr(self, name), trainable=False, name=name[1:])
      setattr(held, name, value)
    return held

  def passages(self, rows: tf.Tensor) -> tf.Tensor:
    """Returns the embedder's inputs: `[CLS] title [SEP] body [SEP]`.

    Args:
      rows: <int32>[...], rows of the corpus, or `null_row`.

    Returns:
      <int32>[..., length], padded with [PAD].
    """
    place = tf.range(self.length)  # [length]
    inside = place < tf.gather(self._lengths, rows)[..., None]
    return self._gather(rows, place, inside)

  def body_places(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns where the bodies of passages are, for `wordpieces`.

    Args:
      rows: <integer>[...], rows of the corpus, or `null_row`.

    Returns:
      First wordpiece, and the [SEP] after the last, both <int64>[...].
    """
    start = tf.gather(self._row_starts, rows)
    first = tf.cast(tf.gather(self._body_starts, rows), tf.int64)
    length = tf.cast(tf.gather(self._lengths, rows), tf.int64)
    return start + first, start + length - 1

  def wordpieces(self, places: tf.Tensor) -> tf.Tensor:
    """Returns wordpieces <int32>[...] of the corpus, by place <int64>[...]."""
    return tf.cast(tf.gather(self._values, places), tf.int32)

  def joined(
    self,
    queries: tf.Tensor,
    rows: tf.Tensor,
    width: int | None = None,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the reader's inputs: `[CLS] query [SEP] body [SEP]`.

    Args:
      queries: <int32>[batch, query_length]: `[CLS] query [SEP]`, padded.
      rows: <int32>[batch, candidates], rows of the corpus.
      width: Of the result, from which bodies that are too long are cut; room
        for all if None.

    Returns:
      Token ids and segment ids (0 for the query and padding, 1 for the body),
      both <int32>[batch, candidates, width or query_length + length].
    """
    query_length = queries.shape[1]
    room = query_length + self.length
    width = width or room
    lengths = tf.math.count_nonzero(
      queries != self._pad_id, axis=1, dtype=tf.int32
    )[:, None, None]  # [batch, 1, 1]
    first = tf.gather(self._body_starts, rows)[..., None]
    place = tf.range(width) - lengths + first
    limit = tf.gather(self._lengths, rows)[..., None]
    inside = (place >= first) & (place < limit)
    bodies = self._gather(rows, place, inside)
    if width < room:
      # What is cut ends in [SEP] too.
      last = inside & (tf.range(width) == width - 1)
      bodies = tf.where(last, self._sep_id, bodies)
    padded = tf.pad(
      queries[:, :width],
      [[0, 0], [0, max(0, width - query_length)]],
      constant_values=self._pad_id,
    )
    token_ids = tf.where(inside, bodies, padded[:, None, :])
    return token_ids, tf.cast(inside, tf.int32)

  def _gather(
    self, rows: tf.Tensor, place: tf.Tensor, inside: tf.Tensor
  ) -> tf.Tensor:
    """Reads `place` of each row where `inside`, and padding elsewhere."""
    start = tf.gather(self._row_starts, rows)[..., None]
    source = tf.where(inside, start + tf.cast(place, tf.int64), 0)
    values = tf.cast(tf.gather(self._values, source), tf.int32)
    return tf.where(inside, values, self._pad_id)
