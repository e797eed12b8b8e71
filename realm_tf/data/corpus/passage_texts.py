"""Titles and bodies of a corpus's passages, read on first use."""

import functools

import numpy as np

from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_table


class PassageTexts:
  """The texts as they were written, by row.

  A shard is read when one of its passages is asked for first, and kept.
  """

  def __init__(self, corpus: corpora.Corpus):
    """Keeps the corpus; reads nothing yet."""
    self._corpus = corpus
    self._offsets = corpus.shard_offsets
    self._shard = functools.cache(self._read_shard)

  def title(self, row: int) -> str:
    """Returns a passage's title."""
    titles, _, place = self._find(row)
    return titles.row(place).tobytes().decode()

  def body(self, row: int) -> bytes:
    """Returns a passage's body, UTF-8: offsets are of bytes."""
    _, bodies, place = self._find(row)
    return bodies.row(place).tobytes()

  def _find(
    self, row: int
  ) -> tuple[passage_table.TokenRows, passage_table.TokenRows, int]:
    shard = int(np.searchsorted(self._offsets, row, side="right")) - 1
    titles, bodies = self._shard(shard)
    return titles, bodies, row - int(self._offsets[shard])

  def _read_shard(
    self, shard: int
  ) -> tuple[passage_table.TokenRows, passage_table.TokenRows]:
    titles, bodies = passage_table.read_shard_texts(
      self._corpus.checked_path(shard)
    )
    return _compact(titles), _compact(bodies)


def _compact(texts: np.ndarray) -> passage_table.TokenRows:
  """Returns strings as rows of bytes: one array instead of many objects."""
  lengths = [len(text) for text in texts]
  return passage_table.TokenRows(
    np.frombuffer(b"".join(texts), np.uint8),
    np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
  )
