"""Computes rows of unequal length in groups, to avoid padding."""

import contextlib
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

_GROUPS = 3
_MIN_POSITIONS = 1400  # of a group: fewer are not worth its operations
# Lengths are rounded up, so that few different shapes occur: each new one costs
# oneDNN a new plan.
_MULTIPLE = 4
# Computed at a time where the number of rows is not known: what more rows write
# between two layers does not fit the caches of a CPU.
_CHUNK_POSITIONS = 1024

_static = False


@contextlib.contextmanager
def static_shapes() -> Iterator[None]:
  """Has graphs that are traced within the context compute all rows at once.

  As under TPUStrategy: for graphs that are compiled for TPUs elsewhere.
  """
  global _static
  before, _static = _static, True
  try:
    yield
  finally:
    _static = before


def apply(
  function: Callable[..., tf.Tensor],
  sequences: Sequence[tf.Tensor],
  others: Sequence[tf.Tensor] = (),
  *,
  training: bool,
  per_position: bool = False,
) -> tf.Tensor:
  """Applies a function to rows in groups of similar length, without padding.

  The function must ignore padding; results and gradients are then those of
  `function(*sequences, *others)`.

  All rows are computed at once where groups would not help or not work: run
  eagerly, on TPUs, which need static shapes, and with few rows. Where the
  number of rows is not known when the graph is traced, a loop computes them,
  the longest first, a thousand positions at a time; but in training and where
  there are GPUs all at once, as the gradient of a loop takes long to trace, and
  GPUs are fast with many rows.

  Args:
    function: From <int32>[rows, l] for each of `sequences`, with any l up to L,
      and [rows, ...] for each of `others`, to [rows, ...].
    sequences: <int32>[rows, L] each. The first one holds token ids, padded with
      0 at the end.
    others: [rows, ...] each.
    training: Whether gradients are taken.
    per_position: Whether the second axis of the results is that of positions.

  Returns:
    [rows, ...]; with `per_position` [rows, L, ...], 0 at padding that was left
    out.
  """
  if not _shapes_may_vary():
    return function(*sequences, *others)
  rows, length = sequences[0].shape
  if (
    rows is None and not training and not tf.config.list_physical_devices("GPU")
  ):
    return _in_chunks(function, sequences, others, per_position)
  if rows is None or length is None:
    return function(*sequences, *others)
  groups = min(_GROUPS, rows, rows * length // _MIN_POSITIONS)
  if groups < 2:
    return function(*sequences, *others)
  traced = _trace(function, sequences, others)
  lengths = _lengths(sequences)
  order = tf.argsort(lengths, stable=True)
  results = []
  for group in range(groups):
    members = order[rows * group // groups : rows * (group + 1) // groups]
    longest = tf.gather(lengths, members[-1])
    results.append(
      _compute(traced, sequences, others, members, longest, per_position)
    )
  joined = tf.concat(results, axis=0)
  return tf.gather(joined, tf.math.invert_permutation(order))


def _in_chunks(
  function: Callable[..., tf.Tensor],
  sequences: Sequence[tf.Tensor],
  others: Sequence[tf.Tensor],
  per_position: bool,
) -> tf.Tensor:
  """Computes any number of rows in a loop; see `apply`."""
  traced = _trace(function, sequences, others)
  lengths = _lengths(sequences)
  order = tf.argsort(lengths, direction="DESCENDING", stable=True)

  def more(done: tf.Tensor, results: tf.TensorArray) -> tf.Tensor:
    # No row at all is one empty chunk, which has the shape of the results.
    return (done < tf.size(order)) | (results.size() == 0)

  def compute(
    done: tf.Tensor, results: tf.TensorArray
  ) -> tuple[tf.Tensor, tf.TensorArray]:
    longest = tf.reduce_max(tf.gather(lengths, order[done : done + 1]))
    count = tf.maximum(_CHUNK_POSITIONS // tf.maximum(longest, 1), 1)
    members = order[done : done + count]
    result = _compute(traced, sequences, others, members, longest, per_position)
    return done + tf.size(members), results.write(results.size(), result)

  results = tf.TensorArray(
    traced.output_dtypes, size=0, dynamic_size=True, infer_shape=False
  )
  _, results = tf.while_loop(more, compute, [0, results], parallel_iterations=1)
  joined = results.concat()
  joined = tf.ensure_shape(joined, traced.output_shapes)
  return tf.gather(joined, tf.math.invert_permutation(order))


def _trace(
  function: Callable[..., tf.Tensor],
  sequences: Sequence[tf.Tensor],
  others: Sequence[tf.Tensor],
) -> Any:
  """Returns a function of its own, which is traced once for all groups."""
  return tf.function(function, autograph=False).get_concrete_function(
    *(tf.TensorSpec([None, None], x.dtype) for x in sequences),
    *(tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in others),
  )


def _lengths(sequences: Sequence[tf.Tensor]) -> tf.Tensor:
  """Returns the tokens of each row, <int32>[rows]."""
  return tf.math.count_nonzero(sequences[0], axis=1, dtype=tf.int32)


def _compute(
  traced: Callable[..., tf.Tensor],
  sequences: Sequence[tf.Tensor],
  others: Sequence[tf.Tensor],
  members: tf.Tensor,
  longest: tf.Tensor,
  per_position: bool,
) -> tf.Tensor:
  """Computes some rows, cut to the longest of them.

  Args:
    traced: From `_trace`.
    sequences: See `apply`.
    others: See `apply`.
    members: <int32>[n]. The rows.
    longest: <int32>[]. Tokens of the longest of them.
    per_position: See `apply`.
  """
  length = tf.shape(sequences[0])[1]
  width = -(-tf.maximum(longest, 1) // _MULTIPLE) * _MULTIPLE
  width = tf.minimum(width, length)
  result = traced(
    *(tf.gather(x, members)[:, :width] for x in sequences),
    *(tf.gather(x, members) for x in others),
  )
  if not per_position:
    return result
  rest = [[0, 0]] * (result.shape.rank - 2)
  return tf.pad(result, [[0, 0], [0, length - width], *rest])


def _shapes_may_vary() -> bool:
  strategy = tf.distribute.get_strategy()
  if _static:
    return False
  return not tf.executing_eagerly() and not isinstance(
    strategy, tf.distribute.TPUStrategy
  )
