"""One replica of many, for programs that are traced without the others."""

from typing import Any

import tensorflow as tf


class SliceReplica(tf.distribute.ReplicaContext):
  """The context of one replica of a slice, whose sums are XLA's all-reduce.

  Under TPUStrategy each replica's step is traced in such a context; here no TPU
  is needed. What is traced must be compiled for as many replicas.

  Example:
    with SliceReplica(64, number):
      total = tf.distribute.get_replica_context().all_reduce("SUM", part)
  """

  def __init__(self, replicas: int, number: tf.Tensor):
    """Takes a place in the slice.

    Args:
      replicas: How many there are.
      number: <int32>[]. Which of them this is; every one has the same program.
    """
    super().__init__(tf.distribute.get_strategy(), number)
    self._replicas = replicas
    self._reductions = 0

  @property
  def num_replicas_in_sync(self) -> int:
    """How many replicas there are."""
    return self._replicas

  def all_reduce(
    self,
    reduce_op: tf.distribute.ReduceOp | str,
    value: Any,
    options: tf.distribute.experimental.CommunicationOptions | None = None,
  ) -> Any:
    """Adds up a nest of tensors; its gradient is a sum, too.

    Args:
      reduce_op: SUM.
      value: A nest of tensors.
      options: Of no effect.

    Raises:
      NotImplementedError: If it is another operation.
    """
    del options
    if reduce_op not in (tf.distribute.ReduceOp.SUM, "SUM"):
      raise NotImplementedError(f"all_reduce of {reduce_op}")
    return tf.nest.map_structure(self._sum, value)

  def _sum(self, value: tf.Tensor) -> tf.Tensor:
    if self._replicas == 1:
      return value

    @tf.custom_gradient
    def add_up(part: tf.Tensor) -> tuple[tf.Tensor, Any]:
      self._reductions += 1
      total = tf.raw_ops.CollectiveReduceV2(
        input=part,
        group_size=self._replicas,
        group_key=1,
        instance_key=self._reductions,
        ordering_token=[],
        merge_op="Add",
        final_op="Id",
      )
      return total, self._sum

    return add_up(value)
