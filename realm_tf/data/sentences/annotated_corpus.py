"""The pre-training corpus X in memory: wordpieces, sentences, salient spans.

All three tasks draw their examples from this one structure, by arithmetic on
flat arrays: REALM masks a span of a sentence, ICT takes a sentence out of its
passage, the language model pairs two passages of an article.
"""

import collections
import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import dataset_options
from realm_tf import errors
from realm_tf.data import mapped_arrays
from realm_tf.data.corpus import passage_table
from realm_tf.data.corpus import sentence_folder
from realm_tf.data.sentences import record_checks
from realm_tf.data.sentences import sentence_records
from realm_tf.text import wordpiece

_log = logging.getLogger(__name__)

# Parsed at once.
BATCH_RECORDS = 1024
_HELDOUT_BUCKETS = 10_000
# Arrays of splits, and the lengths that they are of.
_SPLITS = {
  "passage_splits": "passage_lengths",
  "title_splits": "title_lengths",
  "span_splits": "span_counts",
}


@dataclasses.dataclass(frozen=True)
class AnnotatedCorpus:
  """Passages with their sentences and spans, as places in `tokens`.

  Attributes:
    tokens: <uint16 or int32>[wordpieces]. The bodies of all passages.
    passage_splits: <int64>[P + 1]. Where each passage begins in `tokens`.
    title_tokens: <uint16 or int32>[title wordpieces].
    title_splits: <int64>[P + 1]. Where each title begins in `title_tokens`.
    uids: <int64>[P]. Fingerprint of each passage.
    articles: <int64>[P]. Fingerprint of each passage's title.
    sentence_starts: <int64>[S]. Places in `tokens`.
    sentence_limits: <int64>[S].
    sentence_passages: <int32>[S]. The passage of each sentence.
    span_splits: <int64>[S + 1]. Where each sentence's spans begin.
    span_starts: <int64>[spans]. Places in `tokens`.
    span_limits: <int64>[spans].
    dropped: How many spans and sentences were left out, by reason.
  """

  tokens: np.ndarray
  passage_splits: np.ndarray
  title_tokens: np.ndarray
  title_splits: np.ndarray
  uids: np.ndarray
  articles: np.ndarray
  sentence_starts: np.ndarray
  sentence_limits: np.ndarray
  sentence_passages: np.ndarray
  span_splits: np.ndarray
  span_starts: np.ndarray
  span_limits: np.ndarray
  dropped: collections.Counter

  @property
  def num_passages(self) -> int:
    """Number of passages."""
    return len(self.uids)

  @property
  def num_sentences(self) -> int:
    """Number of sentences."""
    return len(self.sentence_starts)

  @property
  def whole_passages(self) -> np.ndarray:
    """<bool>[S]. Which sentences have all the wordpieces of their passage."""
    lengths = np.diff(self.passage_splits)[self.sentence_passages]
    return self.sentence_limits - self.sentence_starts == lengths

  def heldout(self, fraction: float) -> np.ndarray:
    """Returns which passages are held out: by fingerprint, not by file order.

    Args:
      fraction: Share of the passages, in [0, 1).

    Returns:
      <bool>[P].
    """
    buckets = self.uids % _HELDOUT_BUCKETS
    return buckets < round(fraction * _HELDOUT_BUCKETS)


def load(corpus_dir: str, tokenizer: wordpiece.Tokenizer) -> AnnotatedCorpus:
  """Reads `<corpus_dir>/sentences`, which `annotate_spans` writes.

  The first process that reads a large corpus writes the arrays beside it; see
  `mapped_arrays`.

  Args:
    corpus_dir: Folder of the corpus.
    tokenizer: Of the knowledge corpus, whose vocabulary the model has.

  Raises:
    errors.UserError: If the corpus has not been annotated, or not to the end,
      has no sentence, or a file of it is damaged or holds a record whose
      sentences cannot be those of its text.
  """
  files = sentence_folder.record_files(corpus_dir)
  folder = _folder(corpus_dir, files, tokenizer)
  found = mapped_arrays.read(folder)
  if found is None:
    if folder:
      _log.info(f"Tokenizing {corpus_dir} once, for {folder}.")
    with mapped_arrays.collect(folder) as found:
      _tokenize(corpus_dir, files, tokenizer, found)
  dropped = collections.Counter(found.facts["dropped"])
  return AnnotatedCorpus(dropped=dropped, **found.arrays)


def _folder(
  corpus_dir: str,
  files: list[sentence_folder.RecordFile],
  tokenizer: wordpiece.Tokenizer,
) -> str:
  """Returns where the arrays are on disk; "" if they stay in memory."""
  fingerprint = sentence_folder.fingerprint(corpus_dir)
  if not fingerprint:
    return ""
  name = f"sentences-{fingerprint[:16]}-{tokenizer.sha256[:16]}"
  name += "" if tokenizer.lower_case else "-cased"
  passages = sum(file.passages or 0 for file in files)
  return mapped_arrays.place(corpus_dir, name, passages)


def _tokenize(
  corpus_dir: str,
  files: list[sentence_folder.RecordFile],
  tokenizer: wordpiece.Tokenizer,
  arrays: mapped_arrays.Collector,
) -> None:
  """Reads the records and appends to the arrays; see `load`."""
  paths = [file.path for file in files]
  counts = np.zeros(len(files), np.int64)
  narrow = np.uint16 if tokenizer.vocab_size <= 1 << 16 else np.int32
  joined = _Joined(arrays, narrow)
  try:
    for batch in _tokenized_batches(paths, tokenizer):
      number = int(batch["file"])
      record_checks.check(batch, paths[number], int(counts[number]))
      counts[number] += joined.append(_place(batch))
  except tf.errors.InvalidArgumentError:
    record_checks.refuse_unreadable(paths)
    raise
  except (
    tf.errors.DataLossError,
    tf.errors.FailedPreconditionError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
  ) as e:
    raise errors.UserError(
      f"{corpus_dir}/sentences holds a damaged file or lacks one: make it anew "
      "with annotate_spans(overwrite=True), or copy it again."
    ) from e
  for file, count in zip(files, counts.tolist(), strict=True):
    file.check_count(count)
  if not joined.sentences:
    raise errors.UserError(f"{corpus_dir}/sentences holds no sentence.")
  arrays.facts["dropped"] = joined.dropped


def article_uid(titles: tf.Tensor) -> tf.Tensor:
  """Returns a hash of an article's title.

  Args:
    titles: <string>[n].

  Returns:
    <int64>[n], not negative.
  """
  return tf.strings.to_hash_bucket_fast(titles, (1 << 63) - 1)


def _tokenized_batches(
  files: list[str], tokenizer: wordpiece.Tokenizer
) -> Iterator[dict[str, tf.Tensor]]:
  """Yields parsed records with the wordpieces of their texts and titles.

  A batch is of one file, whose number it has as `file`.
  """

  def read(file: tf.Tensor, path: tf.Tensor) -> tf.data.Dataset:
    records = tf.data.TFRecordDataset(path, compression_type="GZIP")
    batches = records.batch(BATCH_RECORDS)
    return batches.map(lambda serialized: (file, serialized))

  def tokenize(file: tf.Tensor, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    records = sentence_records.parse(serialized)
    ids, starts, limits = tokenizer.tokenize_with_offsets(records["text"])
    return records | {
      "file": file,
      "ids": ids,
      "starts": starts,
      "limits": limits,
      "title_ids": tokenizer.tokenize(records["title"]),
      "uids": passage_table.passage_uid(records["title"], records["text"]),
      "articles": article_uid(records["title"]),
      "text_bytes": tf.cast(tf.strings.length(records["text"]), tf.int64),
    }

  dataset = (
    tf.data.Dataset.from_tensor_slices(files)
    .enumerate()
    .flat_map(read)
    .map(
      tf.autograph.experimental.do_not_convert(tokenize),
      num_parallel_calls=dataset_options.PARALLEL_CALLS,
      deterministic=True,
    )
    .prefetch(dataset_options.PREFETCHED)
  )
  return iter(dataset_options.untuned(dataset))


def _place(batch: dict[str, tf.Tensor]) -> dict[str, np.ndarray]:
  """Turns the byte offsets of a batch into places among its wordpieces."""
  text_bytes = batch["text_bytes"].numpy()
  # Bytes are numbered through the batch: text i begins at bases[i]. One byte
  # between the texts keeps an offset at a text's end from being the next's.
  bases = np.concatenate([[0], np.cumsum(text_bytes[:-1] + 1)])

  def through(offsets: tf.RaggedTensor) -> tuple[np.ndarray, np.ndarray]:
    rows = offsets.value_rowids().numpy()
    return offsets.flat_values.numpy() + bases[rows], rows

  starts, _ = through(batch["starts"])
  limits, _ = through(batch["limits"])
  sentence_starts, passages = through(batch["sentence_byte_start"])
  sentence_limits, _ = through(batch["sentence_byte_limit"])
  span_starts, _ = through(batch["span_byte_start"])
  span_limits, _ = through(batch["span_byte_limit"])
  dropped: collections.Counter[str] = collections.Counter()

  first = np.searchsorted(limits, sentence_starts, side="right")
  last = np.searchsorted(starts, sentence_limits, side="left")
  filled = first < last
  dropped["sentence without wordpieces"] = int(np.sum(~filled))
  first, last, passages = first[filled], last[filled], passages[filled]

  span_first = np.searchsorted(limits, span_starts, side="right")
  span_last = np.searchsorted(starts, span_limits, side="left")
  sentence = np.searchsorted(first, span_first, side="right") - 1
  known = (span_first < span_last) & (sentence >= 0)
  inside = known & (span_last <= last[np.maximum(sentence, 0)])
  dropped["span across sentences"] = int(np.sum(~inside))
  order = np.argsort(span_first[inside], kind="stable")
  return {
    "tokens": batch["ids"].flat_values.numpy(),
    "passage_lengths": batch["ids"].row_lengths().numpy(),
    "title_tokens": batch["title_ids"].flat_values.numpy(),
    "title_lengths": batch["title_ids"].row_lengths().numpy(),
    "uids": batch["uids"].numpy(),
    "articles": batch["articles"].numpy(),
    "sentence_starts": first,
    "sentence_limits": last,
    "sentence_passages": passages,
    "span_counts": np.bincount(sentence[inside], minlength=len(first)),
    "span_starts": span_first[inside][order],
    "span_limits": span_last[inside][order],
    "dropped": dropped,
  }


class _Joined:
  """Appends batches to the arrays; places are shifted by what came before.

  Attributes:
    sentences: How many there are.
    dropped: What was left out, by reason.
  """

  def __init__(self, arrays: mapped_arrays.Collector, narrow: type):
    self._arrays = arrays
    self._narrow = narrow
    self._passages = 0
    # The last entry of each array of splits.
    self._ends: collections.Counter[str] = collections.Counter()
    self.sentences = 0
    self.dropped: collections.Counter[str] = collections.Counter()
    for name in _SPLITS:
      arrays.append(name, np.zeros([1], np.int64))

  def append(self, part: dict[str, Any]) -> int:
    """Appends a batch, as `_place` returns it; returns its passages."""
    tokens_before = self._ends["passage_splits"]
    for name in (
      "sentence_starts",
      "sentence_limits",
      "span_starts",
      "span_limits",
    ):
      self._arrays.append(name, part[name] + tokens_before)
    passages = part["sentence_passages"] + self._passages
    self._arrays.append("sentence_passages", passages.astype(np.int32))
    for name in ("tokens", "title_tokens"):
      self._arrays.append(name, part[name].astype(self._narrow))
    for name in ("uids", "articles"):
      self._arrays.append(name, part[name])
    for name, lengths in _SPLITS.items():
      splits = self._ends[name] + np.cumsum(part[lengths], dtype=np.int64)
      self._arrays.append(name, splits)
      if len(splits):
        self._ends[name] = int(splits[-1])
    self.dropped.update(part["dropped"])
    self.sentences += len(part["sentence_starts"])
    self._passages += len(part["uids"])
    return len(part["uids"])
