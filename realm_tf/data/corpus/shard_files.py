"""The shards of a corpus: their contents, and how they are written."""

import collections
import dataclasses
import hashlib
import re
import sys
import time
import uuid
from collections.abc import Iterable
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_table

# Of a shard's file below the corpus, as a regular expression.
NAME = re.compile(
  rf"{corpus_manifest.PASSAGES_FOLDER}/passages-\d{{5}}-of-\d{{5}}\.tfrecord\.gz"
)

_PROGRESS_SECS = 5.0


@dataclasses.dataclass(frozen=True)
class Record:
  """One passage on its way to its shard.

  Attributes:
    order: Title, then where the passage stands in the input.
    id: Of the passage.
    serialized: Its tf.train.Example.
  """

  order: tuple[str, int, int, int]
  id: str
  serialized: bytes


@dataclasses.dataclass(frozen=True)
class ShardPart:
  """One batch's passages and counts for one shard.

  Attributes:
    records: Its passages.
    documents: From how many documents they come.
    counts: Dropped items by reason. Any one shard of the batch carries
      these counts: only their sum over all shards matters.
    left_out: A line on each file that was left out; as `counts`.
    metadata_fields: Names of the fields that passages have; as `counts`.
  """

  records: list[Record] = dataclasses.field(default_factory=list)
  documents: int = 0
  counts: dict[str, int] = dataclasses.field(default_factory=dict)
  left_out: list[str] = dataclasses.field(default_factory=list)
  metadata_fields: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class ShardSummary:
  """The summary of a shard's contents.

  Attributes:
    entry: Its file.
    articles: How many different titles.
    documents: From how many documents.
    counts: Dropped items by reason, and how many sentences were cut.
    id_digest: A checksum of its passage ids, in order.
    left_out: See `ShardPart`.
    metadata_fields: See `ShardPart`.
  """

  entry: corpus_manifest.ShardEntry
  articles: int
  documents: int
  counts: dict[str, int]
  id_digest: str
  left_out: list[str] = dataclasses.field(default_factory=list)
  metadata_fields: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Summary:
  """The summary of all shards.

  Attributes:
    passages: How many.
    articles: How many different titles.
    documents: From how many documents.
    counts: Dropped items by reason, and how many sentences were cut.
    shards: The files, in order.
    id_digests: A checksum of each shard's passage ids, in order.
    left_out: A line on each file that was left out, sorted.
    metadata_fields: Names of the fields that passages have, sorted.
  """

  passages: int
  articles: int
  documents: int
  counts: collections.Counter[str]
  shards: tuple[corpus_manifest.ShardEntry, ...]
  id_digests: tuple[str, ...]
  left_out: tuple[str, ...]
  metadata_fields: tuple[str, ...]


def shard_of_title(title: str, num_shards: int) -> int:
  """Returns the shard that holds all passages of a title."""
  digest = hashlib.sha1(title.encode()).digest()
  return int.from_bytes(digest[:8], "big") % num_shards


def write_shard(
  folder: str,
  shard: int,
  num_shards: int,
  parts: Iterable[ShardPart],
  *,
  in_order: bool = False,
) -> ShardSummary:
  """Sorts the passages of a shard, drops duplicates, and writes its file.

  Args:
    folder: The corpus's folder.
    shard: Its number.
    num_shards: How many there are in all.
    parts: Its contents, in any order.
    in_order: Whether its passages stay as they come, duplicates too.

  Raises:
    errors.UserError: If the file cannot be written.
  """
  parts = list(parts)
  counts: collections.Counter[str] = collections.Counter()
  for part in parts:
    counts.update(part.counts)
  kept = [record for part in parts for record in part.records]
  if not in_order:
    kept.sort(key=lambda record: record.order)
    # A title is in one shard only, so that this finds all exact duplicates.
    unique: dict[str, Record] = {}
    for record in kept:
      unique.setdefault(record.id, record)
    if len(unique) < len(kept):
      counts["duplicate_passage"] += len(kept) - len(unique)
    kept = list(unique.values())
  name = f"passages-{shard:05d}-of-{num_shards:05d}.tfrecord.gz"
  file = f"{corpus_manifest.PASSAGES_FOLDER}/{name}"
  path = tf.io.gfile.join(folder, file)
  _write_records(path, kept)
  return ShardSummary(
    entry=corpus_manifest.ShardEntry(file, len(kept), files.sha256(path)),
    articles=len({record.order[0] for record in kept}),
    documents=sum(part.documents for part in parts),
    counts=dict(counts),
    id_digest=id_digest(record.id for record in kept),
    left_out=[line for part in parts for line in part.left_out],
    metadata_fields=[n for part in parts for n in part.metadata_fields],
  )


def id_digest(ids: Iterable[str]) -> str:
  """Returns a checksum of a shard's passage ids, in order."""
  return hashlib.sha256("".join(ids).encode()).hexdigest()


def summarize(shards: Sequence[ShardSummary]) -> Summary:
  """Returns the summary of all shards, in order."""
  counts: collections.Counter[str] = collections.Counter()
  for shard in shards:
    counts.update(shard.counts)
  return Summary(
    passages=sum(shard.entry.passages for shard in shards),
    articles=sum(shard.articles for shard in shards),
    documents=sum(shard.documents for shard in shards),
    counts=counts,
    shards=tuple(shard.entry for shard in shards),
    id_digests=tuple(shard.id_digest for shard in shards),
    left_out=tuple(sorted(line for shard in shards for line in shard.left_out)),
    metadata_fields=tuple(
      sorted({name for shard in shards for name in shard.metadata_fields})
    ),
  )


def _write_records(path: str, records: Iterable[Record]) -> None:
  # A runner may try a step again while the first try still runs.
  temporary = f"{path}.{uuid.uuid4().hex[:8]}.tmp"
  try:
    with tf.io.TFRecordWriter(temporary, passage_table.COMPRESSION) as writer:
      for record in records:
        writer.write(record.serialized)
    tf.io.gfile.rename(temporary, path, overwrite=True)
  except tf.errors.OpError as e:
    raise errors.UserError(f"Cannot write below `output`: {e.message}") from e


class Progress:
  """Prints now and then how many passages a worker has made."""

  def __init__(self) -> None:
    self._started = self._printed = time.monotonic()
    self._documents = self._passages = 0

  def add(self, documents: int, passages: int) -> None:
    """Adds to the count of passages."""
    self._documents += documents
    self._passages += passages
    now = time.monotonic()
    if now - self._printed < _PROGRESS_SECS:
      return
    self._printed = now
    # In a worker of Beam's, whose log is not shown.
    print(
      f"  {self._documents:,} documents, {self._passages:,} passages "
      f"({self._passages / (now - self._started):,.0f} passages/s)",
      file=sys.stderr,
      flush=True,
    )
