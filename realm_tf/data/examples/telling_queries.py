"""Chooses the queries whose candidates tell something about the answer.

What a step learns of retrieval, it learns from how much likelier some
candidates make what is masked. Where none of them holds it, that is mostly
noise. Where passages about anything hold it, as they do a year, those that do
are hardly nearer to the query than the others (docs/results.md).
"""

from collections.abc import Mapping

import tensorflow as tf


def choose(
  features: Mapping[str, tf.Tensor], group: int
) -> dict[str, tf.Tensor]:
  """Keeps one query of each group: one that its own candidates alone hold.

  A candidate holds a query if its body has all the masked wordpieces, in a row.
  Of the queries that one of their candidates holds, the one is kept that the
  fewest candidates of the group's other queries hold; the first of several,
  and the first of the group if there is none.

  Args:
    features: Of `group * B` queries, as `RealmModel` takes them; of a query,
      all masks stand in a row.
    group: Queries of a group, which follow one another.

  Returns:
    The features of B queries.
  """
  targets = features["targets"]
  held = _held(
    *(
      tf.reshape(value, [-1, group, *value.shape[1:]])
      for value in (
        features["joint_token_ids"],
        features["joint_segment_ids"],
        features["candidate_mask"],
        targets,
        features["target_weights"],
      )
    )
  )  # [B, group, group, K]
  by_query = tf.math.count_nonzero(held, axis=3, dtype=tf.int32)
  own = tf.linalg.diag_part(by_query)  # [B, group]
  of_others = tf.reduce_sum(by_query, axis=2) - own
  best = tf.argmin(
    tf.where(own > 0, of_others, tf.int32.max), axis=1, output_type=tf.int32
  )  # [B]
  chosen = group * tf.range(tf.size(best)) + best
  chosen = tf.ensure_shape(
    chosen, [targets.shape[0] and targets.shape[0] // group]
  )
  return {name: tf.gather(value, chosen) for name, value in features.items()}


def _held(
  token_ids: tf.Tensor,
  segment_ids: tf.Tensor,
  is_candidate: tf.Tensor,
  targets: tf.Tensor,
  weights: tf.Tensor,
) -> tf.Tensor:
  """Returns which candidates of a group hold which of its queries.

  Args:
    token_ids: <int32>[B, group, K, L].
    segment_ids: <int32>[B, group, K, L]: 1 for a passage's body.
    is_candidate: <bool>[B, group, K].
    targets: <int32>[B, group, M].
    weights: <float32>[B, group, M].

  Returns:
    <bool>[B, group, group, K]: by query, each query's candidates.
  """
  is_body = (segment_ids == 1) & is_candidate[..., None]
  bodies = tf.where(is_body, token_ids, -1)[:, None]  # [B, 1, group, K, L]
  begins = tf.reduce_any(weights > 0, axis=2)[..., None, None, None]
  for place in range(targets.shape[2]):
    wanted = targets[:, :, place, None, None, None]
    is_padding = weights[:, :, place, None, None, None] == 0
    begins &= is_padding | (bodies == wanted)  # [B, group, group, K, L]
    bodies = tf.pad(
      bodies[..., 1:], [[0, 0]] * 4 + [[0, 1]], constant_values=-1
    )
  return tf.reduce_any(begins, axis=4)
