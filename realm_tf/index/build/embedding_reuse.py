"""Reuses the embeddings of an older corpus's index version."""

import numpy as np

from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_table
from realm_tf.index.versions import index_version

_NO_ROW = -1


class Reuse:
  """The embeddings of an edited corpus that an older version already has.

  A passage is the same if its id and its wordpieces, all that an embedder
  reads, are. The two corpora have the same number of shards, and a passage
  that both have is in the same one, as `edit_corpus` leaves it.

  Attributes:
    num_known: Passages of the new corpus whose embeddings exist.
    num_missing: Those to embed.
  """

  def __init__(
    self,
    version: index_version.IndexVersion,
    old: corpora.Corpus,
    new: corpora.Corpus,
  ):
    """Compares the shards that an edit has changed.

    Args:
      version: The index of the old corpus, of the embedder that is to embed
        the new one.
      old: The corpus that was edited.
      new: The edited corpus.
    """
    self._embeddings = version.load_embeddings()
    # By shard, the old row of each new one; shards that are the same are not
    # among them.
    self._old_rows: dict[int, np.ndarray] = {}
    entries = zip(old.manifest.shards, new.manifest.shards, strict=True)
    for shard, (before, after) in enumerate(entries):
      if not after.sha256 or before.sha256 != after.sha256:
        self._old_rows[shard] = _match(
          old.load_shard(shard), new.load_shard(shard)
        )
    self.num_missing = sum(
      int(np.sum(rows == _NO_ROW)) for rows in self._old_rows.values()
    )
    self.num_known = new.num_passages - self.num_missing

  def take(self, shard: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the known embeddings of a shard, and their rows.

    Args:
      shard: Of the new corpus.

    Returns:
      Embeddings <float32>[n, dim], zero where they are missing, and the rows
      <int64>[missing] of those.
    """
    old = self._embeddings[shard]
    rows = self._old_rows.get(shard)
    if rows is None:
      return np.asarray(old, np.float32), np.empty([0], np.int64)
    known = rows != _NO_ROW
    taken = np.zeros([len(rows), old.shape[1]], np.float32)
    taken[known] = old[rows[known]]
    return taken, np.flatnonzero(~known)


def _match(
  old: passage_table.PassageTable, new: passage_table.PassageTable
) -> np.ndarray:
  """Returns the old row of each new passage, <int64>[n]; -1 for none."""
  row_of = {passage_id: row for row, passage_id in enumerate(old.ids)}
  rows = np.array([row_of.get(i, _NO_ROW) for i in new.ids], np.int64)
  for place in np.flatnonzero(rows != _NO_ROW):
    row = rows[place]
    if not (
      np.array_equal(old.title_ids.row(row), new.title_ids.row(place))
      and np.array_equal(old.body_ids.row(row), new.body_ids.row(place))
    ):
      rows[place] = _NO_ROW
  return rows
