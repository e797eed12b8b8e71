"""A corpus in memory as TensorFlow tensors, as answering reads it."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import packing

# How TensorFlow holds a string: the longer ones' bytes are apart.
_STRING_BYTES = 24
_LONGEST_INLINE = 22


class Texts(NamedTuple):
  """Titles and bodies of passages.

  Attributes:
    ids: <string>[...].
    titles: <string>[...], UTF-8.
    bodies: <string>[...], UTF-8.
  """

  ids: tf.Tensor
  titles: tf.Tensor
  bodies: tf.Tensor

  @classmethod
  def load(cls, corpus: corpora.Corpus) -> "Texts":
    """Reads the texts of a corpus into memory, and those of the null passage.

    Returns:
      <string>[N + 1] each.
    """
    with tf.device("/cpu:0"):
      # A shard's Python strings are let go of before the next one is read.
      shards = [
        [
          tf.constant(column)
          for column in (
            passage_table.read_shard_ids(path),
            *passage_table.read_shard_texts(path),
          )
        ]
        for path in corpus.shard_paths
      ]
      null = tf.constant([b""])
      return cls(
        *(
          tf.concat([*column, null], axis=0)
          for column in zip(*shards, strict=True)
        )
      )

  @property
  def nbytes(self) -> int:
    """Memory of the texts: 13.35 million passages of the paper take 9 GB."""
    total = 0
    for column in self:
      lengths = tf.strings.length(column)
      apart = tf.where(lengths > _LONGEST_INLINE, lengths + 1, 0)
      total += _STRING_BYTES * int(tf.size(column))
      total += int(tf.reduce_sum(tf.cast(apart, tf.int64)))
    return total

  def outputs(self) -> dict[str, tf.Tensor]:
    """Returns the outputs by their names in docs/serving.md."""
    return {
      "passage_id": self.ids,
      "title": self.titles,
      "passage": self.bodies,
    }


class PassageMemory(tf.Module):
  """The wordpieces, texts and embeddings of a corpus, by row.

  The row after the corpus's last is the null passage, which is empty.

  Attributes:
    packed: Wordpieces, as retriever and reader take them.
    embeddings: <floating>[N, D]. Of the index.
    texts: <string>[N + 1] each. As they were written.
  """

  def __init__(
    self,
    packed: packing.PackedPassages,
    embeddings: tf.Tensor,
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
    embeddings: np.ndarray,
    texts: Texts,
  ) -> "PassageMemory":
    """Takes the parts.

    Args:
      packed: Wordpieces of the corpus.
      embeddings: <floating>[N, D]. Of the index; copied.
      texts: Of the corpus.
    """
    with tf.device("/cpu:0"):
      return cls(packed, tf.constant(embeddings), texts)

  def in_variables(self) -> "PassageMemory":
    """Returns the same memory, held by variables.

    A SavedModel keeps variables beside its graph, which has room for 2 GB.
    """
    return PassageMemory(
      self.packed.in_variables(),
      tf.Variable(self.embeddings, trainable=False, name="embeddings"),
      Texts(
        *(
          tf.Variable(column, trainable=False, name=name)
          for name, column in self.texts._asdict().items()
        )
      ),
    )

  def read_texts(self, rows: tf.Tensor) -> Texts:
    """Returns the texts of passages; those of the null passage for row -1.

    Args:
      rows: <int32>[...]. Rows of the corpus; -1 for none.
    """
    rows = tf.where(rows < 0, self.packed.null_row, rows)
    return Texts(*(tf.gather(column, rows) for column in self.texts))

  def look_up(self, rows: np.ndarray) -> Texts:
    """Returns the texts of passages now, as NumPy arrays of bytes.

    Args:
      rows: <int>[...]. As for `read_texts`.
    """
    with tf.device("/cpu:0"):
      found = self.read_texts(tf.constant(rows, tf.int32))
    return Texts(*(part.numpy() for part in found))
