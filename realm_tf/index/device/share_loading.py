"""Reads the shares of an index version from the files of its embeddings."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.index.device import share_layout


def read_shares(
  parts: Sequence[np.ndarray],
  layout: share_layout.ShareLayout,
  dtype: tf.DType,
) -> list[np.ndarray]:
  """Returns each replica's vectors, as its device holds them.

  Of files that are mapped into memory, each row is read once; the whole index
  is in the host's memory once, in `dtype`, until the devices have it.

  Args:
    parts: <floating>[n, D] each; together the index, in order.
    layout: Which rows are where.
    dtype: Of the result.

  Returns:
    <dtype>[rows, D] for each replica.
  """
  offsets = np.cumsum([0, *(len(part) for part in parts)])
  shares = []
  for replica in range(layout.replicas):
    first, limit = layout.rows_of(replica)
    share = np.empty([limit - first, parts[0].shape[1]], dtype.as_numpy_dtype)
    for part, offset in zip(parts, offsets, strict=False):
      start, stop = max(first, offset), min(limit, offset + len(part))
      if start < stop:
        share[start - first : stop - first] = part[
          start - offset : stop - offset
        ]
    shares.append(share)
  return shares
