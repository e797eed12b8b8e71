"""Shapes of tensors: numbers where they are known, tensors elsewhere."""

import tensorflow as tf


def sizes(tensor: tf.Tensor) -> list[int | tf.Tensor]:
  """Returns the size of each axis.

  Args:
    tensor: Of known rank.

  Returns:
    An int where the size is static, as TPUs need it; else <int32>[].
  """
  dynamic = tf.shape(tensor)
  return [
    dynamic[axis] if size is None else size
    for axis, size in enumerate(tensor.shape)
  ]
