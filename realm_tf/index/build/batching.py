"""Batches of passages, with little padding or of one shape."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from realm_tf.data.corpus import corpora
from realm_tf.data.examples import packing

# Few static widths: each new one costs the runtime new plans and buffers.
_WIDTH_STEP = 32


@dataclasses.dataclass(frozen=True)
class PaddedBatch:
  """Passages embedded together.

  Attributes:
    token_ids: <int32>[batch, width], padded with 0.
    rows: <int64>[n]. Which of the inputs the first n are; what follows, if
      anything does, is padding.
  """

  token_ids: np.ndarray
  rows: np.ndarray


def batches_by_length(
  token_ids: np.ndarray, batch_size: int
) -> Iterator[PaddedBatch]:
  """Yields rows in batches of similar length, so that little is padding.

  The longest come first, so that memory fails early.

  Args:
    token_ids: <int32>[n, length], padded with 0 at the end.
    batch_size: Rows of a batch at most.
  """
  lengths = np.count_nonzero(token_ids, axis=1)
  order = np.argsort(-lengths, kind="stable")
  for start in range(0, len(order), batch_size):
    rows = order[start : start + batch_size]
    longest = int(lengths[rows[0]])
    width = max(_WIDTH_STEP, -(-longest // _WIDTH_STEP) * _WIDTH_STEP)
    yield PaddedBatch(token_ids[rows, :width], rows)


def batches_of_one_shape(
  token_ids: np.ndarray, batch_size: int
) -> Iterator[PaddedBatch]:
  """Yields rows in order, in batches of [batch_size, length].

  Args:
    token_ids: <int32>[n, length], padded with 0 at the end.
    batch_size: Rows of each batch; those that the last one lacks are padding.
  """
  for start in range(0, len(token_ids), batch_size):
    part = token_ids[start : start + batch_size]
    rows = np.arange(start, start + len(part))
    missing = batch_size - len(part)
    yield PaddedBatch(np.pad(part, [[0, missing], [0, 0]]), rows)


def shard_inputs(corpus: corpora.Corpus, shard: int, length: int) -> np.ndarray:
  """Returns the embedder's inputs for a corpus shard.

  Args:
    corpus: The corpus.
    shard: Which of its shards.
    length: Wordpieces of a passage at most.

  Returns:
    <int32>[n, length], padded with 0.
  """
  table = corpus.load_shard(shard)
  with tf.device("/cpu:0"):
    return packing.passage_inputs(
      tf.cast(table.title_ids.to_ragged(), tf.int32),
      tf.cast(table.body_ids.to_ragged(), tf.int32),
      length,
      corpus.tokenizer,
    ).numpy()
