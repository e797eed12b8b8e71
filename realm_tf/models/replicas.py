"""Exchanges tensors between the replicas of a step."""

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
