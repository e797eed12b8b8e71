"""Records of passages with their sentences and salient spans.

The format of Google's released pre-training corpus: gzip TFRecords of
tf.train.Example. A record's text is the passage's body, byte for byte: title
and text together tell which passage of the knowledge corpus it is.
"""

from collections.abc import Iterable
from collections.abc import Sequence

import tensorflow as tf

COMPRESSION = "GZIP"

_INT64_LISTS = (
  "sentence_byte_start",
  "sentence_byte_limit",
  "span_byte_start",
  "span_byte_limit",
)
_FEATURES = {
  name: tf.io.FixedLenFeature([], tf.string) for name in ("title", "text")
} | {
  name: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)
  for name in _INT64_LISTS
}


def encode(
  title: bytes,
  text: bytes,
  sentences: Sequence[tuple[int, int]],
  spans: Sequence[tuple[int, int]],
) -> bytes:
  """Returns a passage as a serialized tf.train.Example.

  Args:
    title: Title, UTF-8.
    text: Body of the passage, UTF-8.
    sentences: Bytes [start, limit) of each sentence of the text, in order.
    spans: Bytes [start, limit) of each salient span of the text, in order.
  """
  offsets = {
    "sentence_byte_start": [start for start, _ in sentences],
    "sentence_byte_limit": [limit for _, limit in sentences],
    "span_byte_start": [start for start, _ in spans],
    "span_byte_limit": [limit for _, limit in spans],
  }
  features = {
    name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    for name, value in (("title", title), ("text", text))
  } | {
    name: tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    for name, values in offsets.items()
  }
  return tf.train.Example(
    features=tf.train.Features(feature=features)
  ).SerializeToString(deterministic=True)


def parse(serialized: tf.Tensor) -> dict[str, tf.Tensor | tf.RaggedTensor]:
  """Parses a batch of records.

  Args:
    serialized: <string>[n]. tf.train.Example each.

  Returns:
    <string>[n] "title", "text"; ragged <int64>[n, (sentences)]
    "sentence_byte_start", "sentence_byte_limit"; ragged <int64>[n, (spans)]
    "span_byte_start", "span_byte_limit".
  """
  return tf.io.parse_example(serialized, _FEATURES)


def write(path: str, records: Iterable[bytes]) -> None:
  """Writes a file of records, under the very name given.

  Args:
    path: The file.
    records: tf.train.Example each, as `encode` makes them.
  """
  with tf.io.TFRecordWriter(path, COMPRESSION) as writer:
    for record in records:
      writer.write(record)
