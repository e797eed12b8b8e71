"""Retrieves candidates, excluding the query's source passage."""

from collections.abc import Callable

import tensorflow as tf

# From <int32>[batch, length] token ids to <float32>[batch, D].
EmbedFunction = Callable[[tf.Tensor], tf.Tensor]
# From embeddings and k to scores <float32>, rows <int32>, valid <bool>, each
# [batch, k], best first.
SearchFunction = Callable[
  [tf.Tensor, int], tuple[tf.Tensor, tf.Tensor, tf.Tensor]
]
# From wordpieces of questions <int32>[batch, L] and k to the same.
TokenSearch = SearchFunction
# From wordpieces of questions, their embeddings, and k to the same.
QuestionSearch = Callable[
  [tf.Tensor, tf.Tensor, int], tuple[tf.Tensor, tf.Tensor, tf.Tensor]
]

_WIDTH_STEP = 8


def exclude_source(
  rows: tf.Tensor,
  valid: tf.Tensor,
  uids: tf.Tensor,
  source_uids: tf.Tensor,
  count: int,
  null_row: int,
) -> tuple[tf.Tensor, tf.Tensor]:
  """Puts the null passage first, then the best passages but the source.

  Missing candidates are masked; the source never fills an empty place.

  Args:
    rows: <int32>[batch, k]. Rows of the corpus, best first.
    valid: <bool>[batch, k]. Whether a place holds a result.
    uids: <int64>[batch, k]. Fingerprints of the rows' passages.
    source_uids: <int64>[batch]. Fingerprint of the passage each query came
      from.
    count: Candidates wanted, the null passage included.
    null_row: Row of the null passage.

  Returns:
    Rows <int32>[batch, count] and mask <bool>[batch, count].
  """
  k = rows.shape[1]
  keep = valid & (uids != source_uids[:, None])
  rank = tf.where(keep, tf.range(k)[None, :], k)  # [batch, k]
  best = -tf.math.top_k(-rank, k=count - 1).values  # ascending
  found = best < k
  chosen = tf.gather(rows, tf.where(found, best, 0), batch_dims=1)
  chosen = tf.where(found, chosen, null_row)
  return (
    tf.pad(chosen, [[0, 0], [1, 0]], constant_values=null_row),
    tf.pad(found, [[0, 0], [1, 0]], constant_values=True),
  )


class CandidateRetriever:
  """Embeds queries with the exported embedder and searches one index version.

  Off-policy by design: query and passages are embedded by the same weights,
  those of the index; the training step scores the candidates with its own.
  """

  def __init__(
    self,
    embed: EmbedFunction,
    search: SearchFunction,
    uids: tf.Tensor,
    count: int,
  ):
    """Takes the embedder and the searcher.

    Args:
      embed: The exported query embedder.
      search: The index.
      uids: <int64>[passages]. Fingerprint of each passage of the corpus.
      count: Candidates wanted, the null passage included.
    """
    self._embed = embed
    self._search = search
    self._count = count
    self._null_row = len(uids)
    with tf.device("/cpu:0"):
      self._uids = tf.concat([uids, [0]], axis=0)  # the null passage's last

  def __call__(
    self, query_token_ids: tf.Tensor, source_uids: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the candidates.

    Args:
      query_token_ids: <int32>[batch, query_length], masked.
      source_uids: <int64>[batch].

    Returns:
      Rows <int32>[batch, count], the null passage first, and their mask
      <bool>[batch, count].
    """
    queries = self._embed(without_padding(query_token_ids))
    # One more than wanted: the source may be among the best.
    _, rows, valid = self._search(queries, self._count)
    rows = tf.where(valid, rows, self._null_row)
    return exclude_source(
      rows,
      valid,
      tf.gather(self._uids, rows),
      source_uids,
      self._count,
      self._null_row,
    )


def without_padding(token_ids: tf.Tensor) -> tf.Tensor:
  """Cuts off positions where all rows hold [PAD], which is 0.

  The host embeds queries at any length, and most are far below the longest.

  Args:
    token_ids: <int32>[batch, length], padded at the end.

  Returns:
    <int32>[batch, at most length]. A multiple of a few positions, as the
    runtime prepares itself for each length anew.
  """
  longest = tf.reduce_max(tf.math.count_nonzero(token_ids, axis=1))
  return token_ids[:, : -(-longest // _WIDTH_STEP) * _WIDTH_STEP]
