"""Titles and bodies of a corpus's passages, read when they are asked for."""

import functools

import numpy as np

from realm_tf.data import corpus as corpus_lib
from realm_tf.data import passages


class PassageTexts:
  """The texts as they were written, by row.

  A shard is read when one of its passages is asked for first, and kept.
  """

  def __init__(self, corpus: corpus_lib.Corpus):
    """Names the corpus; nothing is read yet."""
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
  ) -> tuple[passages.TokenRows, passages.TokenRows, int]:
    shard = int(np.searchsorted(self._offsets, row, side="right")) - 1
    titles, bodies = self._shard(shard)
    return titles, bodies, row - int(self._offsets[shard])

  def _read_shard(
    self, shard: int
  ) -> tuple[passages.TokenRows, passages.TokenRows]:
    titles, bodies = passages.read_shard_texts(self._corpus.checked_path(shard))
    return _compact(titles), _compact(bodies)


def _compact(texts: np.ndarray) -> passages.TokenRows:
  """Returns strings as rows of bytes: one array instead of many objects."""
  lengths = [len(text) for text in texts]
  return passages.TokenRows(
    np.frombuffer(b"".join(texts), np.uint8),
    np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
  )
