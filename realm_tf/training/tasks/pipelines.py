"""Builds tf.data pipelines from functions of a step's number."""

from collections.abc import Callable

import tensorflow as tf

from realm_tf import dataset_options
from realm_tf import devices


def by_step(
  function: Callable[[tf.Tensor], object],
  first_step: int,
  last_step: int,
  host: devices.Host | None = None,
) -> tf.data.Dataset:
  """Returns the features of steps [first_step, last_step), in order.

  Args:
    function: From a step <int64>[] to its features; pure TensorFlow.
    first_step: The first step.
    last_step: The step after the last.
    host: Whose rows are kept of what `function` returns; None to keep all.
  """
  dataset = tf.data.Dataset.range(first_step, last_step)
  dataset = dataset.map(
    tf.autograph.experimental.do_not_convert(
      function if host is None else lambda step: host.rows(function(step))
    ),
    num_parallel_calls=dataset_options.PARALLEL_CALLS,
    deterministic=True,
  )
  return dataset_options.untuned(dataset.prefetch(dataset_options.PREFETCHED))
