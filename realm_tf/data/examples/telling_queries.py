"""Chooses the queries whose candidates tell something about the answer.

What a step learns of retrieval, it learns from how much likelier some
candidates make what is masked. Where none of them holds it, that is mostly
noise (docs/results.md).
"""

from collections.abc import Mapping

import tensorflow as tf


def choose(
  features: Mapping[str, tf.Tensor], group: int
) -> dict[str, tf.Tensor]:
  """Keeps one query of each group: the first that is held, or else the first.

  A query is held where the body of one of its candidates has all its masked
  wordpieces, in a row.

  Args:
    features: Of `group * B` queries, as `RealmModel` takes them; of a query,
      all masks stand in a row.
    group: Queries of a group, which follow one another.

  Returns:
    The features of B queries.
  """
  targets = features["targets"]
  held = tf.reduce_any(
    _holds(
      features["joint_token_ids"],
      features["joint_segment_ids"],
      targets,
      features["target_weights"],
    )
    & features["candidate_mask"],
    axis=1,
  )  # [group * B]
  first = tf.argmax(
    tf.cast(tf.reshape(held, [-1, group]), tf.int32),
    axis=1,
    output_type=tf.int32,
  )  # [B]
  chosen = group * tf.range(tf.size(first)) + first
  chosen = tf.ensure_shape(
    chosen, [targets.shape[0] and targets.shape[0] // group]
  )
  return {name: tf.gather(value, chosen) for name, value in features.items()}


def _holds(
  token_ids: tf.Tensor,
  segment_ids: tf.Tensor,
  targets: tf.Tensor,
  weights: tf.Tensor,
) -> tf.Tensor:
  """Returns which candidates hold what is masked.

  Args:
    token_ids: <int32>[N, K, L].
    segment_ids: <int32>[N, K, L]: 1 for a passage's body.
    targets: <int32>[N, M].
    weights: <float32>[N, M].

  Returns:
    <bool>[N, K].
  """
  bodies = tf.where(segment_ids == 1, token_ids, -1)
  begins = tf.ones_like(bodies, tf.bool)  # [N, K, L]
  for place in range(targets.shape[1]):
    wanted = targets[:, place, None, None]
    is_padding = weights[:, place, None, None] == 0
    begins &= is_padding | (bodies == wanted)
    bodies = tf.pad(
      bodies[..., 1:], [[0, 0], [0, 0], [0, 1]], constant_values=-1
    )
  is_masked = tf.reduce_any(weights > 0, axis=1)  # [N]
  return tf.reduce_any(begins, axis=2) & is_masked[:, None]
