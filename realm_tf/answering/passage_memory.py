"""A corpus in memory as TensorFlow tensors, as answering reads it."""

import json
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.answering import replies
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_metadata
from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import packing

# How TensorFlow holds a string: the longer ones' bytes are apart.
_STRING_BYTES = 24
_LONGEST_INLINE = 22


class Passages(NamedTuple):
  """What is told of passages.

  Attributes:
    ids: <string>[...].
    titles: <string>[...], UTF-8.
    bodies: <string>[...], UTF-8.
    metadata: <string>[...], a JSON object each; "{}" for none.
  """

  ids: tf.Tensor
  titles: tf.Tensor
  bodies: tf.Tensor
  metadata: tf.Tensor

  def outputs(self) -> dict[str, tf.Tensor]:
    """Returns the outputs by their names in docs/serving.md."""
    return {
      "passage_id": self.ids,
      "title": self.titles,
      "passage": self.bodies,
      "metadata": self.metadata,
    }

  def replies(self) -> list[replies.Passage]:
    """Returns the passages as values, where the parts are arrays [n]."""
    return [
      replies.Passage(
        passage_id.decode(), title.decode(), body.decode(), json.loads(metadata)
      )
      for passage_id, title, body, metadata in zip(*self, strict=True)
    ]


class Texts(NamedTuple):
  """All passages of a corpus; the null passage is the last.

  Passages of one document mostly have the same metadata, which is held once.

  Attributes:
    ids: <string>[N + 1].
    titles: <string>[N + 1], UTF-8.
    bodies: <string>[N + 1], UTF-8.
    metadata: <string>[M]. All different metadata, the first for none.
    metadata_places: <int32>[N + 1]. Place in `metadata`; [0] if no passage has
      any.
  """

  ids: tf.Tensor
  titles: tf.Tensor
  bodies: tf.Tensor
  metadata: tf.Tensor
  metadata_places: tf.Tensor

  @classmethod
  def load(cls, corpus: corpora.Corpus) -> "Texts":
    """Reads the texts of a corpus into memory, and those of the null passage.

    Args:
      corpus: The corpus, whose files have been checked.
    """
    names = ["id", "title", "body"]
    if corpus.manifest.metadata_fields:
      names.append("metadata")
    shards: list[list[tf.Tensor]] = []
    known: dict[bytes, int] = {b"": 0}
    places = [np.zeros([0], np.int32)]
    with tf.device("/cpu:0"):
      for path in corpus.shard_paths:
        # A shard's Python strings are let go of before the next one is read.
        columns = passage_table.read_shard_columns(path, names)
        for column in columns[3:]:
          found = [known.setdefault(one, len(known)) for one in column]
          places.append(np.array(found, np.int32))
        shards.append([tf.constant(column) for column in columns[:3]])
      null = tf.constant([b""])
      ids, titles, bodies = (
        tf.concat([*column, null], axis=0)
        for column in zip(*shards, strict=True)
      )
      if corpus.manifest.metadata_fields:
        places.append(np.zeros([1], np.int32))  # of the null passage
      metadata = [passage_metadata.NONE.encode(), *list(known)[1:]]
      return cls(
        ids,
        titles,
        bodies,
        tf.constant(metadata),
        tf.constant(np.concatenate(places)),
      )

  @property
  def nbytes(self) -> int:
    """Memory of the texts: 13.35 million passages of the paper take 9 GB."""
    total = 4 * int(tf.size(self.metadata_places))
    for column in self[:-1]:
      lengths = tf.strings.length(column)
      apart = tf.where(lengths > _LONGEST_INLINE, lengths + 1, 0)
      total += _STRING_BYTES * int(tf.size(column))
      total += int(tf.reduce_sum(tf.cast(apart, tf.int64)))
    return total

  def gather(self, rows: tf.Tensor) -> Passages:
    """Returns passages.

    Args:
      rows: <int32>[...].
    """
    if self.metadata_places.shape[0]:
      places = tf.gather(self.metadata_places, rows)
    else:
      places = tf.zeros_like(rows)
    return Passages(
      tf.gather(self.ids, rows),
      tf.gather(self.titles, rows),
      tf.gather(self.bodies, rows),
      tf.gather(self.metadata, places),
    )


class PassageMemory(tf.Module):
  """The wordpieces, texts and embeddings of a corpus, by row.

  The row after the corpus's last is the null passage, which is empty.

  Attributes:
    packed: Wordpieces, as retriever and reader take them.
    embeddings: <floating>[N, D]. Of the index; None without one.
    texts: As they were written.
  """

  def __init__(
    self,
    packed: packing.PackedPassages,
    embeddings: tf.Tensor | None,
    texts: Texts,
  ):
    """Takes the parts; see `of`."""
    super().__init__(name="passage_memory")
    self.packed = packed
    self.embeddings = embeddings
    self.texts = texts

  @classmethod
  def of(
    cls,
    packed: packing.PackedPassages,
    embeddings: np.ndarray | None,
    texts: Texts,
  ) -> "PassageMemory":
    """Takes the parts.

    Args:
      packed: Wordpieces of the corpus.
      embeddings: <floating>[N, D]. Of the index; copied. None for none.
      texts: Of the corpus.
    """
    with tf.device("/cpu:0"):
      held = None if embeddings is None else tf.constant(embeddings)
      return cls(packed, held, texts)

  def in_variables(self) -> "PassageMemory":
    """Returns the same memory, held by variables.

    A SavedModel keeps variables beside its graph, which has room for 2 GB.
    """
    return PassageMemory(
      self.packed.in_variables(),
      None
      if self.embeddings is None
      else tf.Variable(self.embeddings, trainable=False, name="embeddings"),
      Texts(
        *(
          tf.Variable(column, trainable=False, name=name)
          for name, column in self.texts._asdict().items()
        )
      ),
    )

  def read_texts(self, rows: tf.Tensor) -> Passages:
    """Returns the texts of passages; those of the null passage for row -1.

    Args:
      rows: <int32>[...]. Rows of the corpus; -1 for none.
    """
    rows = tf.where(rows < 0, self.packed.null_row, rows)
    return self.texts.gather(rows)

  def look_up(self, rows: np.ndarray) -> Passages:
    """Returns the texts of passages now, as NumPy arrays of bytes.

    Args:
      rows: <int>[...]. As for `read_texts`.
    """
    with tf.device("/cpu:0"):
      found = self.read_texts(tf.constant(rows, tf.int32))
    return Passages(*(part.numpy() for part in found))
