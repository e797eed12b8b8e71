"""Finds annotated sentences that no reader could use, and says where."""

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import dataset_options
from realm_tf import errors
from realm_tf.data.sentences import sentence_records

_PARTS = ("sentence", "span")


def check(records: Mapping[str, tf.Tensor], path: str, first: int) -> None:
  """Raises if a record's sentences or spans cannot be those of its text.

  Args:
    records: As `sentence_records.parse` gives them.
    path: The file that they come from.
    first: Number of the first of them in it, from 0.

  Raises:
    errors.UserError: Names the first such record, and what is wrong.
  """
  lengths = tf.strings.length(records["text"]).numpy()
  wrong = dict.fromkeys(
    np.flatnonzero(~_is_utf8(records["title"])), "its title is not UTF-8"
  ) | dict.fromkeys(
    np.flatnonzero(~_is_utf8(records["text"])), "its text is not UTF-8"
  )
  for part in _PARTS:
    starts = records[f"{part}_byte_start"]
    limits = records[f"{part}_byte_limit"]
    unequal = (starts.row_lengths() != limits.row_lengths()).numpy()
    if unequal.any():
      row = int(np.argmax(unequal))
      wrong[row] = (
        f"it has {int(starts.row_lengths()[row])} {part}_byte_start, but "
        f"{int(limits.row_lengths()[row])} {part}_byte_limit"
      )
      continue
    rows = starts.value_rowids().numpy()
    start, limit = starts.flat_values.numpy(), limits.flat_values.numpy()
    outside = (start < 0) | (limit < start) | (limit > lengths[rows])
    for place in np.flatnonzero(outside)[:1].tolist():
      row = int(rows[place])
      wrong[row] = (
        f"a {part} is bytes {start[place]} to {limit[place]} of a text of "
        f"{lengths[row]}"
      )
    if part == "sentence":
      before = (start[1:] < limit[:-1]) & (rows[1:] == rows[:-1])
      for place in np.flatnonzero(before)[:1].tolist():
        wrong.setdefault(
          int(rows[place]),
          f"the sentence from byte {start[place + 1]} on comes after one that "
          f"ends at byte {limit[place]}: sentences must be in order and apart",
        )
  if wrong:
    row = min(wrong)
    raise _error(path, first + int(row), wrong[row])


def refuse_unreadable(paths: Sequence[str]) -> None:
  """Raises for the first record that cannot be parsed, if there is one.

  Args:
    paths: Files, one of which has such a record.

  Raises:
    errors.UserError: Names it.
  """
  for path in paths:
    records = tf.data.TFRecordDataset(path, sentence_records.COMPRESSION)
    for number, record in enumerate(dataset_options.untuned(records)):
      try:
        sentence_records.parse(record[None])
      except tf.errors.InvalidArgumentError:
        raise _error(
          path,
          number,
          "it must be a tf.train.Example with one `title` and one `text` of "
          "bytes, and sentences and spans as integers",
        ) from None


def _is_utf8(texts: tf.Tensor) -> np.ndarray:
  """Returns which texts are UTF-8, <bool>[n]."""
  valid = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="ignore")
  return (valid == texts).numpy()


def _error(path: str, number: int, reason: str) -> errors.UserError:
  return errors.UserError(
    f"{path}, record {number} (from 0): {reason}. Mend what wrote the file, or "
    "make it anew with annotate_spans(overwrite=True)."
  )
