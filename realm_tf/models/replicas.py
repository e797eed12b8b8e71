"""Exchanges tensors between the replicas of a step."""

from collections.abc import Sequence

import tensorflow as tf


def gather(local: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Concatenates a tensor over the replicas.

  A sum of zero-padded parts, since its gradient is a sum too, and its shape
  is static on a TPU.

  Args:
    local: <float32>[B, D] of this replica.

  Returns:
    <float32>[replicas * B, D], and the row at which this replica's own begin.
  """
  context = tf.distribute.get_replica_context()
  if context is None or context.num_replicas_in_sync == 1:
    return local, tf.constant(0)
  replicas = context.num_replicas_in_sync
  replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
  batch = tf.shape(local)[0]
  own = tf.one_hot(replica, replicas, dtype=local.dtype)  # [replicas]
  padded = own[:, None, None] * local[None]  # [replicas, B, D]
  gathered = context.all_reduce(tf.distribute.ReduceOp.SUM, padded)
  return tf.reshape(gathered, [-1, local.shape[-1]]), replica * batch


def stack(local: tf.Tensor) -> tf.Tensor:
  """Stacks a tensor of each replica, for what needs no gradient.

  A sum of zero-padded parts, as in `gather`; infinite values stay what they
  are.

  Args:
    local: <float or int32>[...] of this replica.

  Returns:
    <same>[replicas, ...], the same on all replicas.
  """
  context = tf.distribute.get_replica_context()
  if context is None or context.num_replicas_in_sync == 1:
    return local[tf.newaxis]
  replicas = context.num_replicas_in_sync
  replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
  is_own = tf.reshape(
    tf.range(replicas) == replica, [replicas] + [1] * local.shape.rank
  )
  padded = tf.where(is_own, local[tf.newaxis], tf.zeros([], local.dtype))
  return context.all_reduce(tf.distribute.ReduceOp.SUM, padded)


def replica_number() -> tf.Tensor:
  """Returns the number of this replica, <int32>[]; 0 outside of any."""
  context = tf.distribute.get_replica_context()
  if context is None:
    return tf.constant(0)
  return tf.cast(context.replica_id_in_sync_group, tf.int32)


def variable(shape: Sequence[int], dtype: tf.DType, name: str) -> tf.Variable:
  """Returns a variable of zeros, of which each replica has a value of its own.

  Args:
    shape: Of each value.
    dtype: Of the values.
    name: Of the variable.
  """
  return tf.Variable(
    lambda: tf.zeros(shape, dtype),
    trainable=False,
    dtype=dtype,
    name=name,
    synchronization=tf.VariableSynchronization.ON_READ,
    aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
  )
