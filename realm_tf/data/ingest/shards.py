"""The steps of the corpus pipeline: read, make passages, write a shard."""

import collections
import dataclasses
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

import apache_beam as beam
import tensorflow as tf

from realm_tf import files
from realm_tf.data.corpus import corpus_manifest
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import shard_files
from realm_tf.data.ingest import passage_maker
from realm_tf.data.ingest import sources
from realm_tf.text import wordpiece

_SUMMARIES = "summaries"


@dataclasses.dataclass(frozen=True)
class Batch:
  """Documents, and what was left out beside them.

  Attributes:
    documents: The documents.
    left_out: Files that were left out: the reason, and a line on it.
  """

  documents: list[sources.Document] = dataclasses.field(default_factory=list)
  left_out: list[tuple[str, str]] = dataclasses.field(default_factory=list)


class MakePassages(beam.DoFn):
  """Turns a batch of documents into (shard, ShardPart) pairs."""

  def __init__(
    self,
    vocabulary: Sequence[str],
    lower_case: bool,
    max_passage_tokens: int,
    num_shards: int,
    metadata_choice: Sequence[str] | None,
    list_pages: bool,
  ):
    """Takes the settings of the workers; see BuildOptions."""
    self._vocabulary = vocabulary
    self._lower_case = lower_case
    self._max_passage_tokens = max_passage_tokens
    self._num_shards = num_shards
    self._metadata_choice = metadata_choice
    self._list_pages = list_pages
    self._token_dtype = corpus_manifest.token_dtype(len(vocabulary))

  def setup(self) -> None:
    """Builds the tokenizer, once a worker."""
    self._tokenizer = wordpiece.Tokenizer(
      self._vocabulary, lower_case=self._lower_case
    )
    self._progress = shard_files.Progress()

  def process(
    self, batch: Batch
  ) -> Iterator[tuple[int, shard_files.ShardPart]]:
    """Yields the parts of all shards that the batch has passages for."""
    maker = passage_maker.PassageMaker(
      self._tokenizer,
      self._max_passage_tokens,
      self._metadata_choice,
      self._list_pages,
    )
    records: dict[int, list[shard_files.Record]] = collections.defaultdict(list)
    made_of: collections.Counter[int] = collections.Counter()
    for document, passages in maker.make(batch.documents):
      shard = shard_files.shard_of_title(passages[0].title, self._num_shards)
      made_of[shard] += 1
      records[shard].extend(
        shard_files.Record(
          (passage.title, *document.position, number),
          passage.id,
          passage_table.encode_passage(passage, self._token_dtype),
        )
        for number, passage in enumerate(passages)
      )
    maker.counts.update(reason for reason, _ in batch.left_out)
    yield (
      0,
      shard_files.ShardPart(
        counts=dict(maker.counts),
        left_out=[line for _, line in batch.left_out],
        metadata_fields=sorted(maker.metadata_fields),
      ),
    )
    for shard, shard_records in records.items():
      yield shard, shard_files.ShardPart(shard_records, made_of[shard])
    self._progress.add(
      len(batch.documents), sum(len(part) for part in records.values())
    )


class WriteShard(beam.DoFn):
  """Writes the file of a shard, and beside it a summary of its contents."""

  def __init__(self, folder: str, num_shards: int):
    """Takes the corpus's folder and the number of its shards."""
    self._folder = folder
    self._num_shards = num_shards

  def process(
    self, shard_and_parts: tuple[int, Iterable[shard_files.ShardPart]]
  ) -> None:
    """Writes the file of one shard, and then the summary of it."""
    shard, parts = shard_and_parts
    summary = shard_files.write_shard(
      self._folder, shard, self._num_shards, parts
    )
    write_summary(self._folder, shard, summary)


def write_summary(
  folder: str, shard: int, summary: shard_files.ShardSummary
) -> None:
  """Writes the summary of a shard's contents.

  Args:
    folder: The corpus's folder.
    shard: Its number.
    summary: Its contents.
  """
  folder = tf.io.gfile.join(folder, _SUMMARIES)
  tf.io.gfile.makedirs(folder)
  files.write_json(
    tf.io.gfile.join(folder, f"{shard:05d}.json"), dataclasses.asdict(summary)
  )


def read_batches(found: Sequence[sources.Source]) -> Iterator[Batch]:
  """Yields the documents of sources in batches of about half a megabyte."""
  left_out: list[tuple[str, str]] = []
  documents = sources.read_fit(
    found, lambda unfit: left_out.append((unfit.reason, str(unfit)))
  )
  for batch in sources.batches(documents):
    yield Batch(batch)
  if left_out:
    yield Batch(left_out=left_out)


def read_summaries(folder: str) -> shard_files.Summary:
  """Returns the summary of all shards of a corpus.

  Args:
    folder: The folder that `WriteShard` wrote to.
  """
  pattern = tf.io.gfile.join(folder, _SUMMARIES, "*.json")
  values = [files.read_json(path) for path in sorted(tf.io.gfile.glob(pattern))]
  return shard_files.summarize(
    [
      shard_files.ShardSummary(
        **{**value, "entry": corpus_manifest.ShardEntry(**value["entry"])}
      )
      for value in values
    ]
  )


def remove_summaries(folder: str) -> None:
  """Removes the summaries, which the manifest now contains."""
  files.remove_tree(tf.io.gfile.join(folder, _SUMMARIES))
