"""Computes rows of unequal length in groups, to leave padding out."""

from collections.abc import Callable
from collections.abc import Sequence

import tensorflow as tf

_GROUPS = 3
_MIN_POSITIONS = 1400  # of a group: fewer are not worth its operations
# Lengths are rounded up, so that few different shapes occur: each new one costs
# oneDNN a new plan.
_MULTIPLE = 4


def apply(
  function: Callable[..., tf.Tensor],
  sequences: Sequence[tf.Tensor],
  others: Sequence[tf.Tensor] = (),
  *,
  per_position: bool = False,
) -> tf.Tensor:
  """Applies a function to rows in groups of like length, each cut to its own.

  The function must ignore padding; results and gradients are then those of
  `function(*sequences, *others)`.

  All rows are computed at once where groups would not help or not work: run
  eagerly, on TPUs, which need static shapes, with few rows, and where their
  number is not known when the graph is traced.

  Args:
    function: From <int32>[rows, l] for each of `sequences`, with any l up to L,
      and [rows, ...] for each of `others`, to [rows, ...].
    sequences: <int32>[rows, L] each. The first one holds token ids, padded with
      0 at the end.
    others: [rows, ...] each.
    per_position: Whether the second axis of the results is that of positions.

  Returns:
    [rows, ...]; with `per_position` [rows, L, ...], 0 at padding that was left
    out.
  """
  rows, length = sequences[0].shape
  if rows is None or length is None or not _shapes_may_vary():
    return function(*sequences, *others)
  groups = min(_GROUPS, rows, rows * length // _MIN_POSITIONS)
  if groups < 2:
    return function(*sequences, *others)
  # A function of its own, so that it is traced once for all groups.
  traced = tf.function(function, autograph=False).get_concrete_function(
    *(tf.TensorSpec([None, None], x.dtype) for x in sequences),
    *(tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in others),
  )
  lengths = tf.math.count_nonzero(sequences[0], axis=1, dtype=tf.int32)
  order = tf.argsort(lengths, stable=True)
  results = []
  for group in range(groups):
    members = order[rows * group // groups : rows * (group + 1) // groups]
    longest = tf.maximum(tf.gather(lengths, members[-1]), 1)
    longest = tf.minimum(-(-longest // _MULTIPLE) * _MULTIPLE, length)
    result = traced(
      *(tf.gather(x, members)[:, :longest] for x in sequences),
      *(tf.gather(x, members) for x in others),
    )
    if per_position:
      rest = [[0, 0]] * (result.shape.rank - 2)
      result = tf.pad(result, [[0, 0], [0, length - longest], *rest])
    results.append(result)
  joined = tf.concat(results, axis=0)
  return tf.gather(joined, tf.math.invert_permutation(order))


def _shapes_may_vary() -> bool:
  strategy = tf.distribute.get_strategy()
  return not tf.executing_eagerly() and not isinstance(
    strategy, tf.distribute.TPUStrategy
  )
