"""The largest of many numbers."""

import tensorflow as tf

_GROUPS = 16
# With fewer columns than so many for each wanted, groups save nothing.
_LEAST_COLUMNS_FACTOR = 4 * _GROUPS


def top_k(scores: tf.Tensor, k: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Returns the k largest scores of each row, as `tf.math.top_k` does.

  `tf.math.top_k` compares one number at a time. Where there are many, the
  maxima of strided groups come first, vectorised: the k best are in the k
  groups with the largest maxima. Of equal scores any may be chosen.

  Args:
    scores: <float32>[batch, columns].
    k: At most the columns there are.

  Returns:
    Scores <float32>[batch, k], largest first, and columns <int32>[batch, k].
  """

  def by_groups() -> tuple[tf.Tensor, tf.Tensor]:
    shape = tf.shape(scores)
    width = shape[1] // _GROUPS  # Group g: columns g, g + width, ...
    groups = tf.reshape(
      scores[:, : _GROUPS * width], [shape[0], _GROUPS, width]
    )
    _, best = tf.math.top_k(tf.reduce_max(groups, axis=1), k)
    strides = tf.range(_GROUPS)[:, tf.newaxis] * width
    columns = best[:, tf.newaxis, :] + strides
    rest = tf.range(_GROUPS * width, shape[1])
    columns = tf.concat(
      [
        tf.reshape(columns, [shape[0], _GROUPS * k]),
        tf.broadcast_to(rest, [shape[0], tf.size(rest)]),
      ],
      axis=1,
    )
    values, places = tf.math.top_k(tf.gather(scores, columns, batch_dims=1), k)
    return values, tf.gather(columns, places, batch_dims=1)

  def at_once() -> tuple[tf.Tensor, tf.Tensor]:
    values, columns = tf.math.top_k(scores, k)
    return values, columns

  columns = scores.shape[1]
  many = (
    tf.shape(scores)[1] if columns is None else columns
  ) >= _LEAST_COLUMNS_FACTOR * k
  if isinstance(many, bool):
    return by_groups() if many else at_once()
  return tf.cond(many, by_groups, at_once)
