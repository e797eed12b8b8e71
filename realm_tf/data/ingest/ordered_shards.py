"""A corpus of records that are passages already, in their own order.

Nothing is cut, joined, sorted or left out: the n-th record is the n-th passage,
as the rows of vectors that came with the records need. Wordpieces that come
with the records are taken as they are.
"""

import dataclasses
import itertools
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

import apache_beam as beam
import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.data import block_records
from realm_tf.data import tfrecords
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_record
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import shard_files
from realm_tf.data.ingest import shards
from realm_tf.text import wordpiece

_BATCH = 512


@dataclasses.dataclass(frozen=True)
class Part:
  """The passages of one shard.

  Attributes:
    shard: Its number.
    first: The number of its first passage.
    bodies: Where their texts are.
    titles: Where their titles are; None if there are none.
  """

  shard: int
  first: int
  bodies: block_records.Records
  titles: block_records.Records | None


@dataclasses.dataclass(frozen=True)
class _Row:
  """A passage, and its wordpieces where they are known."""

  title: str
  body: str
  title_ids: np.ndarray | None = None
  body_ids: np.ndarray | None = None


def edges(num_passages: int, num_shards: int) -> list[int]:
  """Returns the first passage of each shard, and how many there are.

  Shards have about as many passages each.
  """
  return np.linspace(0, num_passages, num_shards + 1).astype(int).tolist()


def split(
  bodies: block_records.Records,
  titles: block_records.Records | None,
  num_shards: int,
) -> list[Part]:
  """Returns neighbouring passages for each shard."""
  limits = edges(len(bodies), num_shards)
  return [
    Part(
      shard,
      first,
      bodies.part(first, limit),
      titles.part(first, limit) if titles else None,
    )
    for shard, (first, limit) in enumerate(itertools.pairwise(limits))
  ]


def shared_titles(titles: block_records.Records, num_shards: int) -> int:
  """Returns how many titles two neighbouring shards share."""
  inner = edges(len(titles), num_shards)[1:-1]
  pairs = (list(titles.part(max(e - 1, 0), e + 1).read()) for e in inner)
  return sum(len(pair) == 2 and pair[0] == pair[1] for pair in pairs)


class Writer:
  """Writes shards, and beside each a summary of its contents."""

  def __init__(
    self, folder: str, num_shards: int, tokenizer: wordpiece.Tokenizer
  ):
    """Takes the corpus's folder, its shards, and its tokenizer."""
    self._folder = folder
    self._num_shards = num_shards
    self._tokenizer = tokenizer
    self._token_dtype = corpus_manifest.token_dtype(tokenizer.vocab_size)
    self._progress = shard_files.Progress()

  def write_part(self, part: Part) -> None:
    """Writes a shard of texts, which become wordpieces here."""
    rows = self._rows(part)
    self._write(part.shard, part.first, rows)

  def write_examples(self, paths: Sequence[str], num_passages: int) -> int:
    """Writes all shards of files of Examples.

    Args:
      paths: The files.
      num_passages: In all of them.

    Returns:
      How many titles two neighbouring shards share.

    Raises:
      errors.UserError: If a file is damaged, or the wordpieces are of another
        vocabulary.
    """
    rows = self._example_rows(paths)
    shared, last = 0, None
    limits = edges(num_passages, self._num_shards)
    for shard, (first, limit) in enumerate(itertools.pairwise(limits)):
      part = list(itertools.islice(rows, limit - first))
      shared += bool(part) and part[0].title == last
      last = part[-1].title if part else last
      self._write(shard, first, part)
    return shared

  def _write(self, shard: int, first: int, rows: Iterable[_Row]) -> None:
    records: list[shard_files.Record] = []
    for batch in _batches(rows):
      titles = self._token_ids([(r.title, r.title_ids) for r in batch])
      bodies = self._token_ids([(r.body, r.body_ids) for r in batch])
      for row, title_ids, body_ids in zip(batch, titles, bodies, strict=True):
        passage = passage_record.Passage(
          row.title, row.body, title_ids, body_ids
        )
        records.append(
          shard_files.Record(
            (row.title, first + len(records), 0, 0),
            passage.id,
            passage_table.encode_passage(passage, self._token_dtype),
          )
        )
    shards.write_summary(
      self._folder,
      shard,
      shard_files.write_shard(
        self._folder,
        shard,
        self._num_shards,
        [shard_files.ShardPart(records, len(records))],
        in_order=True,
      ),
    )
    self._progress.add(len(records), len(records))

  def _token_ids(
    self, rows: Sequence[tuple[str, np.ndarray | None]]
  ) -> Iterator[np.ndarray]:
    """Yields the wordpieces of texts: those given, else the tokenizer's."""
    wanted = [text if ids is None else "" for text, ids in rows]
    found = self._tokenizer.tokenize(tf.constant(wanted, tf.string))
    values, splits = found.values.numpy(), found.row_splits.numpy()
    for place, (_, ids) in enumerate(rows):
      yield values[splits[place] : splits[place + 1]] if ids is None else ids

  def _rows(self, part: Part) -> Iterator[_Row]:
    titles = part.titles.read() if part.titles else itertools.repeat(b"")
    title_path = part.titles.path if part.titles else ""
    for title, body in zip(
      _texts(titles, part.first, title_path),
      _texts(part.bodies.read(), part.first, part.bodies.path),
      strict=part.titles is not None,
    ):
      yield _Row(title, body)

  def _example_rows(self, paths: Sequence[str]) -> Iterator[_Row]:
    place = ", ".join(paths)
    for number, batch in enumerate(tfrecords.read_examples(paths)):
      if number == 0:
        self._check_vocabulary(batch, place)
      for ids in (batch.title_ids.values, batch.body_ids.values):
        values = ids.numpy()
        if len(values) and not (
          values.min() >= 0 and values.max() < self._tokenizer.vocab_size
        ):
          raise _other_vocabulary(place)
      first = number * len(batch.bodies)  # All but the last are as long.
      columns = (
        _texts(batch.titles, first, place),
        _texts(batch.bodies, first, place),
        _split(batch.title_ids),
        _split(batch.body_ids),
      )
      for title, body, title_ids, body_ids in zip(*columns, strict=True):
        yield _Row(
          title,
          body,
          title_ids if len(title_ids) else None,
          body_ids if len(body_ids) else None,
        )

  def _check_vocabulary(self, batch: tfrecords.Batch, place: str) -> None:
    """Raises if most of the texts have other wordpieces by our tokenizer."""
    own = self._tokenizer.tokenize(tf.constant(batch.bodies)).to_list()
    pairs = [
      (ours, theirs)
      for ours, theirs in zip(own, batch.body_ids.to_list(), strict=True)
      if theirs
    ]
    if sum(ours == theirs for ours, theirs in pairs) * 2 < len(pairs):
      raise _other_vocabulary(place)


class WriteOrderedShard(beam.DoFn):
  """Writes the shard of a `Part`."""

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

  def setup(self) -> None:
    """Builds the tokenizer, once a worker."""
    tokenizer = wordpiece.Tokenizer(
      self._vocabulary, lower_case=self._lower_case
    )
    self._writer = Writer(self._folder, self._num_shards, tokenizer)

  def process(self, part: Part) -> None:
    """Writes the file of one shard, and then the summary of it."""
    self._writer.write_part(part)


def _batches(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
  """Yields rows by the batch."""
  remaining = iter(rows)
  while batch := list(itertools.islice(remaining, _BATCH)):
    yield batch


def _split(rows: tf.RaggedTensor) -> Iterator[np.ndarray]:
  """Yields the rows of a ragged tensor."""
  values, splits = rows.values.numpy(), rows.row_splits.numpy()
  for start, limit in itertools.pairwise(splits.tolist()):
    yield values[start:limit]


def _texts(records: Iterable[bytes], first: int, place: str) -> Iterator[str]:
  """Yields records as texts; the first is number `first` of `place`."""
  for number, record in enumerate(records, first):
    try:
      yield record.decode()
    except UnicodeDecodeError as e:
      raise errors.UserError(f"{place}: record {number} is not UTF-8.") from e


def _other_vocabulary(place: str) -> errors.UserError:
  return errors.UserError(
    f"input={place} has wordpieces of another vocabulary or casing than "
    "`vocab`: name the vocab.txt of the weights that it came with."
  )
