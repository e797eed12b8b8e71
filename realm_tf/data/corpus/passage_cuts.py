"""How much of a corpus's passages a model does not read."""

from typing import NamedTuple

import numpy as np


class Cuts(NamedTuple):
  """How much is lost when passages are cut to a length.

  Attributes:
    passages: Share of the passages that are cut.
    wordpieces: Share of the wordpieces that are never read.
  """

  passages: float
  wordpieces: float


def by_passage_length(
  title_lengths: np.ndarray, body_lengths: np.ndarray, length: int
) -> Cuts:
  """Measures what does not fit into `[CLS] title [SEP] body [SEP]`.

  Args:
    title_lengths: <int64>[passages], wordpieces, one passage at least.
    body_lengths: <int64>[passages].
    length: `passage_length`.
  """
  wanted = title_lengths + body_lengths
  lost = np.maximum(wanted - (length - 3), 0)
  return Cuts(float(np.mean(lost > 0)), _share(lost.sum(), wanted.sum()))


def by_reader_length(
  title_lengths: np.ndarray,
  body_lengths: np.ndarray,
  length: int,
  query_lengths: np.ndarray,
  reader_length: int,
) -> Cuts:
  """Measures what does not fit into `[CLS] query [SEP] body [SEP]` either.

  Args:
    title_lengths: <int64>[passages], wordpieces, one passage at least.
    body_lengths: <int64>[passages].
    length: `passage_length`; what it cuts off is not counted again.
    query_lengths: <int64>[queries], [CLS] and [SEP] included.
    reader_length: Most wordpieces that are read together.

  Returns:
    The mean over the queries.
  """
  room = np.maximum(length - 3 - title_lengths, 0)
  # Few different lengths: what follows costs nothing for any corpus.
  passages = np.bincount(np.minimum(body_lengths, room))
  lengths = np.arange(len(passages))
  queries = np.bincount(query_lengths)
  cut = unread = 0.0
  for query in np.flatnonzero(queries):
    lost = np.maximum(lengths - (reader_length - query - 1), 0)
    cut += queries[query] * np.sum(passages[lost > 0])
    unread += queries[query] * np.sum(passages * lost)
  count = queries.sum()
  return Cuts(
    _share(cut, count * passages.sum()),
    _share(unread, count * body_lengths.sum()),
  )


def _share(part: float, whole: float) -> float:
  return float(part) / max(float(whole), 1.0)
