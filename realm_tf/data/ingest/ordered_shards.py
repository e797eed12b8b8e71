"""A corpus of records that are passages already, in their own order.

Nothing is cut, joined, sorted or left out: the n-th record is the n-th passage,
as the rows of vectors that came with the records need.
"""

import dataclasses
from collections.abc import Iterator
from collections.abc import Sequence

import apache_beam as beam
import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.data import block_records
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_record
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import shard_files
from realm_tf.data.ingest import shards
from realm_tf.text import wordpiece

_BATCH = 512


@dataclasses.dataclass(frozen=True)
class Part:
  """The records of one shard.

  Attributes:
    shard: Its number.
    first: The number of its first record.
    records: Where they are.
  """

  shard: int
  first: int
  records: block_records.Records


def is_ordered(inputs: Sequence[str]) -> bool:
  """Returns whether an input of `build_corpus` is such a file of records.

  Raises:
    errors.UserError: If there are other inputs beside it.
  """
  found = [path for path in inputs if path.endswith(block_records.SUFFIX)]
  if found and len(list(filter(None, inputs))) > 1:
    raise errors.UserError(
      f"input={found[0]} holds all passages of a corpus, in an order that must "
      "stay: give it alone. edit_corpus adds others afterwards."
    )
  return bool(found)


def split(records: block_records.Records, num_shards: int) -> list[Part]:
  """Returns neighbouring records for each shard, about as many each."""
  edges = np.linspace(0, len(records), num_shards + 1).astype(int).tolist()
  return [
    Part(shard, first, records.part(first, limit))
    for shard, (first, limit) in enumerate(
      zip(edges[:-1], edges[1:], strict=True)
    )
  ]


class WriteOrderedShard(beam.DoFn):
  """Writes the file of a shard, and beside it a summary of its contents."""

  def __init__(
    self,
    folder: str,
    num_shards: int,
    vocabulary: Sequence[str],
    lower_case: bool,
  ):
    """Takes the corpus's folder, its shards, and what the tokenizer is of."""
    self._folder = folder
    self._num_shards = num_shards
    self._vocabulary = vocabulary
    self._lower_case = lower_case
    self._token_dtype = corpus_manifest.token_dtype(len(vocabulary))

  def setup(self) -> None:
    """Builds the tokenizer, once a worker."""
    self._tokenizer = wordpiece.Tokenizer(
      self._vocabulary, lower_case=self._lower_case
    )
    self._progress = shard_files.Progress()

  def process(self, part: Part) -> None:
    """Writes the file of one shard, and then the summary of it."""
    records = []
    for number, text, ids in self._texts(part):
      passage = passage_record.Passage("", text, ids[:0], ids)
      records.append(
        shard_files.Record(
          ("", number, 0, 0),
          passage.id,
          passage_table.encode_passage(passage, self._token_dtype),
        )
      )
    shards.write_summary(
      self._folder,
      part.shard,
      shard_files.write_shard(
        self._folder,
        part.shard,
        self._num_shards,
        [shard_files.ShardPart(records, len(records))],
        in_order=True,
      ),
    )
    self._progress.add(len(records), len(records))

  def _texts(self, part: Part) -> Iterator[tuple[int, str, np.ndarray]]:
    """Yields number, text and wordpieces of each record."""
    batch: list[str] = []
    first = part.first
    for number, record in enumerate(part.records.read(), part.first):
      try:
        batch.append(record.decode())
      except UnicodeDecodeError as e:
        raise errors.UserError(
          f"{part.records.path}: record {number} is not UTF-8."
        ) from e
      if len(batch) == _BATCH:
        yield from self._tokenized(first, batch)
        first, batch = number + 1, []
    if batch:
      yield from self._tokenized(first, batch)

  def _tokenized(
    self, first: int, texts: Sequence[str]
  ) -> Iterator[tuple[int, str, np.ndarray]]:
    rows = self._tokenizer.tokenize(tf.constant(texts))
    values, splits = rows.values.numpy(), rows.row_splits.numpy()
    for place, text in enumerate(texts):
      yield first + place, text, values[splits[place] : splits[place + 1]]
