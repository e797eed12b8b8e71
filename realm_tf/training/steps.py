"""One training step and one evaluation step, over all replicas."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from realm_tf import devices
from realm_tf import stack
from realm_tf.models import gelu
from realm_tf.models import rematerialization
from realm_tf.training import base_task
from realm_tf.training import optimizers

StepFunction = Callable[[base_task.Features], dict[str, tf.Tensor]]


def make_train_step(
  task: base_task.Task,
  optimizer: optimizers.Optimizer,
  strategy: tf.distribute.Strategy,
  clip_norm: float,
  *,
  rematerializes: bool = False,
) -> StepFunction:
  """Returns the function that trains on one global batch.

  Args:
    task: Gives the loss and the variables.
    optimizer: Applies the gradients.
    strategy: Where the replicas are.
    clip_norm: Largest global norm of the gradient of the whole batch.
    rematerializes: See `schema.TrainingConfig`.

  Returns:
    From features to the mean of each of the task's sums, <float32>[] each,
    with the gradient's norm before it was clipped.
  """
  with strategy.scope():
    # Those that the first step makes would have it traced twice.
    optimizers.create_slots(optimizer, task.variables)

  on_cpu = devices.is_cpu(strategy)
  if on_cpu:
    stack.start_xla()  # For GELU.
  step = make_replica_step(
    task, optimizer, clip_norm, on_cpu=on_cpu, rematerializes=rematerializes
  )
  return _over_replicas(step, strategy)


def make_replica_step(
  task: base_task.Task,
  optimizer: optimizers.Optimizer,
  clip_norm: float,
  *,
  on_cpu: bool,
  rematerializes: bool = False,
) -> StepFunction:
  """Returns what each replica does in a training step.

  Args:
    task: Gives the loss and the variables.
    optimizer: Applies the gradients; its variables have been created.
    clip_norm: Largest global norm of the gradient of the whole batch.
    on_cpu: Whether GELU is compiled by itself.
    rematerializes: See `schema.TrainingConfig`.

  Returns:
    From a replica's features to what `make_train_step` returns; to be called
    in a replica's context.
  """

  def replica_step(features: base_task.Features) -> dict[str, tf.Tensor]:
    with gelu.compiled(on_cpu):
      features = task.complete(features, training=True)
      with (
        rematerialization.enabled(rematerializes),
        tf.GradientTape() as tape,
      ):
        sums = task.sums(features, training=True)
        loss, _ = sums["loss"]
      gradients = tape.gradient(loss, task.variables)
    context = tf.distribute.get_replica_context()
    totals, gradients = context.all_reduce(
      tf.distribute.ReduceOp.SUM,
      [dict(sums), [tf.convert_to_tensor(g) for g in gradients]],
    )
    weight = tf.maximum(totals["loss"][1], 1e-6)
    gradients, norm = tf.clip_by_global_norm(
      [g / weight for g in gradients], clip_norm
    )
    optimizer.apply_gradients(
      zip(gradients, task.variables, strict=True),
      experimental_aggregate_gradients=False,
    )
    return _means(totals) | {"gradient_norm": norm}

  return replica_step


def make_eval_step(
  task: base_task.Task, strategy: tf.distribute.Strategy
) -> Callable[[base_task.Features], dict[str, tuple[tf.Tensor, tf.Tensor]]]:
  """Returns the function that evaluates one global batch.

  Args:
    task: Gives the sums.
    strategy: Where the replicas are.

  Returns:
    From features to the task's sums over the batch.
  """

  def replica_step(features: base_task.Features) -> base_task.Sums:
    features = task.complete(features, training=False)
    sums = task.sums(features, training=False)
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, dict(sums))

  return _over_replicas(replica_step, strategy)


def _means(totals: base_task.Sums) -> dict[str, tf.Tensor]:
  return {
    name: tf.math.divide_no_nan(total, weight)
    for name, (total, weight) in totals.items()
  }


def _over_replicas(
  function: Callable[[base_task.Features], Any],
  strategy: tf.distribute.Strategy,
) -> Callable[[base_task.Features], Any]:
  """Runs a function on each replica and takes the first one's result.

  The function reduces over the replicas itself, so all results are equal.
  """

  @tf.function
  @tf.autograph.experimental.do_not_convert
  def step(features: base_task.Features) -> Any:
    per_replica = strategy.run(function, args=(features,))
    return tf.nest.map_structure(
      lambda value: strategy.experimental_local_results(value)[0],
      per_replica,
      expand_composites=False,
    )

  return step
