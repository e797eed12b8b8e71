"""Passage records: writes them, parses them, holds them in memory."""

import contextlib
import dataclasses
import functools
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import dataset_options
from realm_tf import errors
from realm_tf.data import mapped_arrays
from realm_tf.data.corpus import passage_record

COMPRESSION = "GZIP"

_UID_BUCKETS = 2**63 - 1
_BATCH = 2048
_FEATURES = {
  name: tf.io.FixedLenFeature([], tf.string)
  for name in ("id", "title", "body", "title_token_ids", "body_token_ids")
}
# Records without metadata do not have it.
_OPTIONAL_FEATURES = {"metadata": tf.io.FixedLenFeature([], tf.string, "")}


@dataclasses.dataclass(frozen=True)
class TokenRows:
  """Many rows of token ids in one array.

  Attributes:
    values: <uint16 or int32>[tokens]. The rows, one after the other.
    row_splits: <int64>[N + 1]. Row i is `values[row_splits[i]:
      row_splits[i + 1]]`.
  """

  values: np.ndarray
  row_splits: np.ndarray

  def __len__(self) -> int:
    """Returns the number of rows."""
    return len(self.row_splits) - 1

  @property
  def lengths(self) -> np.ndarray:
    """<int64>[N]. Tokens of each row."""
    return np.diff(self.row_splits)

  def row(self, i: int) -> np.ndarray:
    """Returns the token ids of row i, a view."""
    return self.values[self.row_splits[i] : self.row_splits[i + 1]]

  def to_ragged(self) -> tf.RaggedTensor:
    """Returns the rows as a <uint16 or int32>[N, (tokens)] tensor."""
    return tf.RaggedTensor.from_row_splits(
      mapped_arrays.as_tensor(self.values),
      mapped_arrays.as_tensor(self.row_splits),
      validate=False,
    )

  @classmethod
  def concatenate(cls, parts: Sequence["TokenRows"]) -> "TokenRows":
    """Returns the rows of all parts, in order."""
    lengths = np.concatenate([part.lengths for part in parts])
    return cls(
      np.concatenate([part.values for part in parts]),
      _splits(lengths),
    )


@dataclasses.dataclass(frozen=True)
class PassageTable:
  """Passages in memory, compactly; row i is passage i of the corpus or shard.

  Attributes:
    ids: <S16>[N]. The content-based ids, as bytes.
    uids: <int64>[N]. `passage_uid` of each, to recognise a passage in a graph.
    title_ids: Token ids of the titles.
    body_ids: Token ids of the bodies.
    folder: Where these arrays are on disk; "" for in memory alone.
  """

  ids: np.ndarray
  uids: np.ndarray
  title_ids: TokenRows
  body_ids: TokenRows
  folder: str = ""

  def __len__(self) -> int:
    """Returns the number of passages."""
    return len(self.ids)

  @property
  def nbytes(self) -> int:
    """Bytes of memory that the arrays take, mapped or not."""
    arrays = [self.ids, self.uids]
    for rows in (self.title_ids, self.body_ids):
      arrays += [rows.values, rows.row_splits]
    return sum(array.nbytes for array in arrays)

  def append_to(self, arrays: mapped_arrays.Collector) -> None:
    """Appends the passages to arrays, for `of_arrays`."""
    arrays.append("ids", self.ids)
    arrays.append("uids", self.uids)
    for name, rows in (("titles", self.title_ids), ("bodies", self.body_ids)):
      arrays.append(name, rows.values)
      arrays.append(f"{name}_lengths", rows.lengths)

  @classmethod
  def of_arrays(
    cls, arrays: Mapping[str, np.ndarray], folder: str = ""
  ) -> "PassageTable":
    """Returns the passages that were appended to arrays, in order.

    Args:
      arrays: See `append_to`.
      folder: Where they are on disk; "" for in memory alone.
    """
    titles, bodies = (
      TokenRows(arrays[name], _splits(arrays[f"{name}_lengths"]))
      for name in ("titles", "bodies")
    )
    return cls(arrays["ids"], arrays["uids"], titles, bodies, folder)

  @classmethod
  def concatenate(cls, parts: Sequence["PassageTable"]) -> "PassageTable":
    """Returns the passages of all parts, in order."""
    return cls(
      np.concatenate([part.ids for part in parts]),
      np.concatenate([part.uids for part in parts]),
      TokenRows.concatenate([part.title_ids for part in parts]),
      TokenRows.concatenate([part.body_ids for part in parts]),
    )


def _splits(lengths: np.ndarray) -> np.ndarray:
  return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def passage_uid(titles: tf.Tensor, texts: tf.Tensor) -> tf.Tensor:
  """Returns a hash of a passage's title and text.

  Args:
    titles: <string>[n].
    texts: <string>[n]. The bodies.

  Returns:
    <int64>[n], not negative: FarmHash64 of title, zero byte and text.
  """
  return tf.strings.to_hash_bucket_fast(
    tf.strings.join([titles, texts], separator="\0"), _UID_BUCKETS
  )


def encode_passage(passage: passage_record.Passage, token_dtype: str) -> bytes:
  """Returns a passage as a serialized tf.train.Example.

  Args:
    passage: The passage.
    token_dtype: "uint16" or "int32".
  """
  dtype = np.dtype(token_dtype).newbyteorder("<")
  features = {
    "id": passage.id.encode(),
    "title": passage.title.encode(),
    "body": passage.body.encode(),
    "title_token_ids": passage.title_token_ids.astype(dtype).tobytes(),
    "body_token_ids": passage.body_token_ids.astype(dtype).tobytes(),
  }
  if passage.metadata:
    features["metadata"] = passage.metadata.encode()
  return tf.train.Example(
    features=tf.train.Features(
      feature={
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in features.items()
      }
    )
  ).SerializeToString(deterministic=True)


def parse_passages(
  serialized: tf.Tensor, token_dtype: str
) -> dict[str, tf.Tensor | tf.RaggedTensor]:
  """Parses a batch of passage records.

  Args:
    serialized: <string>[n]. tf.train.Example each.
    token_dtype: "uint16" or "int32", as the manifest says.

  Returns:
    <string>[n] "id", "title", "body"; <token_dtype>[n, (tokens)]
    "title_token_ids", "body_token_ids".
  """
  parsed = tf.io.parse_example(serialized, _FEATURES)
  for name in ("title_token_ids", "body_token_ids"):
    parsed[name] = _decode_rows(parsed[name], token_dtype)
  return parsed


def read_shard(path: str, token_dtype: str) -> PassageTable:
  """Reads one file of passages into memory.

  Args:
    path: A gzip TFRecord file.
    token_dtype: "uint16" or "int32".

  Raises:
    errors.UserError: If the file is missing or damaged.
  """
  columns = functools.partial(_table_columns, token_dtype=token_dtype)
  dataset = _batches(path).map(
    tf.autograph.experimental.do_not_convert(columns),
    num_parallel_calls=dataset_options.PARALLEL_CALLS,
  )
  with _reported(path):
    batches = list(
      dataset.prefetch(dataset_options.PREFETCHED).as_numpy_iterator()
    )
  return PassageTable.concatenate(
    [
      PassageTable(
        ids.astype("S16"),
        uids,
        TokenRows(title_values, title_splits),
        TokenRows(body_values, body_splits),
      )
      for ids, uids, title_values, title_splits, body_values, body_splits in (
        batches or [_empty_columns(token_dtype)]
      )
    ]
  )


def read_shard_texts(path: str) -> tuple[np.ndarray, np.ndarray]:
  """Reads titles and bodies of one file of passages, as UTF-8 bytes.

  Returns:
    Two <object>[n] arrays of bytes.

  Raises:
    errors.UserError: If the file is missing or damaged.
  """
  titles, bodies = read_shard_columns(path, ("title", "body"))
  return titles, bodies


def read_shard_ids(path: str) -> np.ndarray:
  """Reads the ids of one file of passages.

  Returns:
    <S16>[n]. As in `PassageTable`.

  Raises:
    errors.UserError: If the file is missing or damaged.
  """
  (ids,) = read_shard_columns(path, ("id",))
  return ids.astype("S16")


def read_shard_keys(path: str) -> tuple[np.ndarray, np.ndarray]:
  """Reads ids and titles of one file of passages.

  Returns:
    <S16>[n], as in `PassageTable`, and <object>[n] of UTF-8 bytes.

  Raises:
    errors.UserError: If the file is missing or damaged.
  """
  ids, titles = read_shard_columns(path, ("id", "title"))
  return ids.astype("S16"), titles


def read_shard_columns(path: str, names: Sequence[str]) -> list[np.ndarray]:
  """Reads some strings of each passage of one file.

  Args:
    path: A gzip TFRecord file.
    names: Of "id", "title", "body" and "metadata", which is b"" for none.

  Returns:
    <object>[n] of bytes for each name.

  Raises:
    errors.UserError: If the file is missing or damaged.
  """
  known = _FEATURES | _OPTIONAL_FEATURES
  features = {name: known[name] for name in names}
  parse = functools.partial(tf.io.parse_example, features=features)
  with _reported(path):
    batches = list(_batches(path).map(parse).as_numpy_iterator())
  empty = np.empty([0], object)
  return [
    np.concatenate([empty, *(batch[name] for batch in batches)])
    for name in names
  ]


def read_shard_records(path: str) -> list[bytes]:
  """Reads the passages of one file, each a serialized tf.train.Example.

  Raises:
    errors.UserError: If the file is missing or damaged.
  """
  with _reported(path):
    return list(_records(path).as_numpy_iterator())


@contextlib.contextmanager
def _reported(path: str) -> Iterator[None]:
  """Reports a failure to read a file of passages in one line."""
  try:
    yield
  except tf.errors.OpError as e:
    raise errors.UserError(
      f"`corpus`: {path} cannot be read: it is missing or damaged. Build the "
      "corpus again with build_corpus(overwrite=True)."
    ) from e


def _batches(path: str) -> tf.data.Dataset:
  return _records(path).batch(_BATCH)


def _records(path: str) -> tf.data.Dataset:
  records = tf.data.TFRecordDataset(path, compression_type=COMPRESSION)
  return dataset_options.untuned(records)


def _table_columns(
  serialized: tf.Tensor, token_dtype: str
) -> tuple[tf.Tensor, ...]:
  parsed = parse_passages(serialized, token_dtype)
  titles, bodies = parsed["title_token_ids"], parsed["body_token_ids"]
  return (
    parsed["id"],
    passage_uid(parsed["title"], parsed["body"]),
    titles.values,
    titles.row_splits,
    bodies.values,
    bodies.row_splits,
  )


def _empty_columns(token_dtype: str) -> tuple[np.ndarray, ...]:
  tokens, splits = np.empty([0], token_dtype), np.zeros([1], np.int64)
  ids = np.empty([0], "S16")
  return ids, np.empty([0], np.int64), tokens, splits, tokens, splits


def _decode_rows(encoded: tf.Tensor, token_dtype: str) -> tf.RaggedTensor:
  """Decodes rows of unequal length in one go, joined into one string."""
  dtype = tf.dtypes.as_dtype(token_dtype)
  values = tf.io.decode_raw(tf.strings.reduce_join(encoded), dtype)
  lengths = tf.strings.length(encoded) // dtype.size
  return tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)
