"""The steps of the corpus pipeline: read, make passages, write a shard."""

import collections
import dataclasses
import hashlib
import sys
import time
import uuid
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

import apache_beam as beam
import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.data import blocks
from realm_tf.data import manifest as manifest_lib
from realm_tf.data import passages as passages_lib
from realm_tf.data import sources
from realm_tf.text import tokenizer as tokenizer_lib

_SUMMARIES = "summaries"
_BATCH_DOCUMENTS = 256
_BATCH_CHARS = 1 << 19
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
  """What one batch of documents contributes to one shard.

  Attributes:
    records: Its passages.
    documents: From how many documents they come.
    counts: What was left out, by reason. Any one shard of the batch carries
      these counts: only their sum over all shards matters.
  """

  records: list[Record] = dataclasses.field(default_factory=list)
  documents: int = 0
  counts: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Summary:
  """What all shards hold together.

  Attributes:
    passages: How many.
    articles: How many different titles.
    documents: From how many documents.
    counts: What was left out, by reason, and how many sentences were cut.
    shards: The files, in order.
    id_digests: A checksum of each shard's passage ids, in order.
  """

  passages: int
  articles: int
  documents: int
  counts: collections.Counter[str]
  shards: tuple[manifest_lib.ShardEntry, ...]
  id_digests: tuple[str, ...]


def read_batches(
  source: sources.Source,
) -> Iterator[list[sources.Document]]:
  """Yields a source's documents in batches of about half a megabyte."""
  batch, chars = [], 0
  for document in source.read():
    batch.append(document)
    chars += len(document.text)
    if len(batch) == _BATCH_DOCUMENTS or chars >= _BATCH_CHARS:
      yield batch
      batch, chars = [], 0
  if batch:
    yield batch


class MakePassages(beam.DoFn):
  """Turns a batch of documents into (shard, ShardPart) pairs."""

  def __init__(
    self,
    vocabulary: Sequence[str],
    lower_case: bool,
    max_passage_tokens: int,
    num_shards: int,
  ):
    """Holds what a worker needs to set itself up; see BuildOptions."""
    self._vocabulary = vocabulary
    self._lower_case = lower_case
    self._max_passage_tokens = max_passage_tokens
    self._num_shards = num_shards
    self._token_dtype = manifest_lib.token_dtype(len(vocabulary))

  def setup(self) -> None:
    """Builds the tokenizer, once a worker."""
    self._tokenizer = tokenizer_lib.Tokenizer(
      self._vocabulary, lower_case=self._lower_case
    )
    self._progress = _Progress()

  def process(
    self, documents: list[sources.Document]
  ) -> Iterator[tuple[int, ShardPart]]:
    """Yields the parts of all shards that the batch has passages for."""
    maker = blocks.PassageMaker(self._tokenizer, self._max_passage_tokens)
    records: dict[int, list[Record]] = collections.defaultdict(list)
    made_of: collections.Counter[int] = collections.Counter()
    for document, passages in maker.make(documents):
      shard = shard_of_title(passages[0].title, self._num_shards)
      made_of[shard] += 1
      records[shard].extend(
        Record(
          (passage.title, *document.position, number),
          passage.id,
          passages_lib.encode_passage(passage, self._token_dtype),
        )
        for number, passage in enumerate(passages)
      )
    yield 0, ShardPart(counts=dict(maker.counts))
    for shard, shard_records in records.items():
      yield shard, ShardPart(shard_records, made_of[shard])
    self._progress.add(
      len(documents), sum(len(part) for part in records.values())
    )


class WriteShard(beam.DoFn):
  """Sorts the passages of a shard, drops duplicates, and writes its file."""

  def __init__(self, folder: str, num_shards: int):
    """Args: the corpus's folder, and how many shards there are in all."""
    self._folder = folder
    self._num_shards = num_shards

  def process(self, shard_and_parts: tuple[int, Iterable[ShardPart]]) -> None:
    """Writes the file of one shard, and then the summary of it."""
    shard, parts = shard_and_parts
    parts = list(parts)
    counts: collections.Counter[str] = collections.Counter()
    for part in parts:
      counts.update(part.counts)
    ordered = sorted(
      (record for part in parts for record in part.records),
      key=lambda record: record.order,
    )
    # A title is in one shard only, so that this finds all exact duplicates.
    unique: dict[str, Record] = {}
    for record in ordered:
      unique.setdefault(record.id, record)
    if len(unique) < len(ordered):
      counts["duplicate_passage"] += len(ordered) - len(unique)
    name = f"passages-{shard:05d}-of-{self._num_shards:05d}.tfrecord.gz"
    file = f"{manifest_lib.PASSAGES_FOLDER}/{name}"
    path = tf.io.gfile.join(self._folder, file)
    _write_records(path, unique.values())
    summary = {
      "file": file,
      "sha256": sources.file_sha256(path),
      "passages": len(unique),
      "articles": len({record.order[0] for record in unique.values()}),
      "documents": sum(part.documents for part in parts),
      "counts": counts,
      "id_digest": hashlib.sha256("".join(unique).encode()).hexdigest(),
    }
    folder = tf.io.gfile.join(self._folder, _SUMMARIES)
    tf.io.gfile.makedirs(folder)
    files.write_json(tf.io.gfile.join(folder, f"{shard:05d}.json"), summary)


def shard_of_title(title: str, num_shards: int) -> int:
  """Returns the shard that holds all passages of a title."""
  digest = hashlib.sha1(title.encode()).digest()
  return int.from_bytes(digest[:8], "big") % num_shards


def read_summaries(folder: str) -> Summary:
  """Returns what the shards of a corpus hold together.

  Args:
    folder: The folder that `WriteShard` wrote to.
  """
  pattern = tf.io.gfile.join(folder, _SUMMARIES, "*.json")
  values = [files.read_json(path) for path in sorted(tf.io.gfile.glob(pattern))]
  counts: collections.Counter[str] = collections.Counter()
  for value in values:
    counts.update(value["counts"])
  return Summary(
    passages=sum(value["passages"] for value in values),
    articles=sum(value["articles"] for value in values),
    documents=sum(value["documents"] for value in values),
    counts=counts,
    shards=tuple(
      manifest_lib.ShardEntry(value["file"], value["passages"], value["sha256"])
      for value in values
    ),
    id_digests=tuple(value["id_digest"] for value in values),
  )


def remove_summaries(folder: str) -> None:
  """Removes the summaries: the manifest has taken them over."""
  tf.io.gfile.rmtree(tf.io.gfile.join(folder, _SUMMARIES))


def _write_records(path: str, records: Iterable[Record]) -> None:
  # A runner may try a step again while the first try still runs.
  temporary = f"{path}.{uuid.uuid4().hex[:8]}.tmp"
  try:
    with tf.io.TFRecordWriter(temporary, passages_lib.COMPRESSION) as writer:
      for record in records:
        writer.write(record.serialized)
    tf.io.gfile.rename(temporary, path, overwrite=True)
  except tf.errors.OpError as e:
    raise errors.UserError(f"Cannot write below --output: {e.message}") from e


class _Progress:
  """Prints now and then how far one worker is."""

  def __init__(self) -> None:
    self._started = self._printed = time.monotonic()
    self._documents = self._passages = 0

  def add(self, documents: int, passages: int) -> None:
    self._documents += documents
    self._passages += passages
    now = time.monotonic()
    if now - self._printed < _PROGRESS_SECS:
      return
    self._printed = now
    print(
      f"  {self._documents:,} documents, {self._passages:,} passages "
      f"({self._passages / (now - self._started):,.0f} passages/s)",
      file=sys.stderr,
      flush=True,
    )
