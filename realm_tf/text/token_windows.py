"""Cuts token sequences into windows that a model can read, and joins them."""

from typing import NamedTuple

import tensorflow as tf


class Windows(NamedTuple):
  """The windows of a batch of sequences, in order; [windows] each, <int64>.

  Neighbours overlap. Of what two windows hold, each owns the half that is
  farther from its own end: what they own, one after another, is the sequences.

  Attributes:
    rows: Which sequence.
    starts: First token, within the sequence.
    limits: The token after the last.
    own_starts: First token that is the window's own.
    own_limits: The token after the last of its own.
  """

  rows: tf.Tensor
  starts: tf.Tensor
  limits: tf.Tensor
  own_starts: tf.Tensor
  own_limits: tf.Tensor


def cut(lengths: tf.Tensor, size: int, overlap: int) -> Windows:
  """Cuts sequences into windows; a short or empty one is one window.

  Args:
    lengths: <int64>[rows]. Tokens of each sequence.
    size: Tokens of a window at most.
    overlap: Tokens that a window shares with the next; less than `size`.
  """
  stride = size - overlap
  beyond = tf.maximum(lengths - size, 0)
  counts = 1 + (beyond + stride - 1) // stride  # [rows]
  rows = tf.repeat(tf.range(tf.size(lengths, tf.int64)), counts)
  number = tf.range(tf.size(rows, tf.int64)) - tf.gather(
    tf.cumsum(counts, exclusive=True), rows
  )
  length, count = tf.gather(lengths, rows), tf.gather(counts, rows)
  starts = number * stride
  middle = overlap // 2
  return Windows(
    rows=rows,
    starts=starts,
    limits=tf.minimum(starts + size, length),
    own_starts=tf.where(number == 0, tf.zeros_like(starts), starts + middle),
    own_limits=tf.where(number == count - 1, length, starts + stride + middle),
  )


def take(windows: Windows, indices: tf.Tensor) -> Windows:
  """Returns some of the windows, in the order of their indices.

  Args:
    windows: The windows.
    indices: <int>[taken]. Which of them.
  """
  return Windows(*(tf.gather(field, indices) for field in windows))


def read(
  windows: Windows,
  tokens: tf.RaggedTensor,
  width: tf.Tensor | int,
  cls_id: int,
  sep_id: int,
) -> tf.Tensor:
  """Returns `[CLS] tokens [SEP]` of each window, padded with 0.

  Args:
    windows: The windows.
    tokens: <int32>[rows, (tokens)]. The sequences.
    width: At least two more than the longest window.
    cls_id: The id of [CLS].
    sep_id: The id of [SEP].

  Returns:
    <int32>[windows, width].
  """
  place = tf.range(width, dtype=tf.int64)[None]  # 0 is [CLS]
  end = (windows.limits - windows.starts + 1)[:, None]
  inside = (place >= 1) & (place < end)
  first = tf.gather(tokens.row_starts(), windows.rows) + windows.starts
  # One more, so that there is something to read where there is no token.
  values = tf.concat([tokens.flat_values, [0]], axis=0)
  ids = tf.gather(values, tf.where(inside, first[:, None] + place - 1, 0))
  ids = tf.where(inside, ids, 0)
  ids = tf.where(place == 0, cls_id, ids)
  return tf.where(place == end, sep_id, ids)


def owned(windows: Windows, width: tf.Tensor | int) -> tf.Tensor:
  """Returns which places of `read` hold tokens that are the window's own.

  `tf.boolean_mask` of anything at these places gives it for each token of the
  sequences, in order: this is how windows are joined.

  Returns:
    <bool>[windows, width].
  """
  place = windows.starts[:, None] + tf.range(width, dtype=tf.int64)[None] - 1
  return (place >= windows.own_starts[:, None]) & (
    place < windows.own_limits[:, None]
  )
