"""Steps of two replicas in bfloat16: run by test_mixed_precision.

Logical devices must be there before TensorFlow starts. Prints a JSON object:
the losses of two steps in float32 on one replica, and in `mixed_bfloat16` on
two, as GPUs and TPUs compute them.
"""

import dataclasses
import json
import sys

from realm_tf import environment

environment.configure()
environment.collect_garbage_rarely()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from realm_tf import devices  # noqa: E402
from realm_tf.training import optimizers  # noqa: E402
from realm_tf.training import steps  # noqa: E402
from tests.training import replicas  # noqa: E402

REPLICAS = 2
STEPS = 2


def losses(strategy, name, start):
  """Returns the losses of the steps, and the first weights by part."""
  make, config, features = replicas.case(name)
  # Without warm-up, whose first rate is 0.
  config = dataclasses.replace(config, warmup_steps=0, learning_rate=1e-4)
  batch = next(
    iter(
      devices.distribute(
        strategy,
        tf.data.Dataset.from_tensors(features).unbatch().batch(replicas.BATCH),
      )
    )
  )
  with strategy.scope():
    task = make(config)
    for role, weights in (start or {}).items():
      task.parts[role].set_weights(weights)
    optimizer = optimizers.make_optimizer(config, task.parts)
    first = {role: part.get_weights() for role, part in task.parts.items()}
    train = steps.make_train_step(task, optimizer, strategy, clip_norm=1.0)
  found = [float(train(task.prepare(batch))["loss"]) for _ in range(STEPS)]
  for variable in task.variables:
    assert variable.dtype == tf.float32, variable.name
    assert np.isfinite(variable.numpy()).all(), variable.name
  return found, first


def main() -> None:
  """Compares the precisions on the cases that the command line names."""
  cpu = tf.config.list_physical_devices("CPU")[0]
  tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * REPLICAS
  )
  tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
  results = {}
  for name in sys.argv[1:]:
    tf.keras.utils.set_random_seed(0)
    devices.set_precision("float32", on_cpu=False)
    one = tf.distribute.OneDeviceStrategy("/cpu:0")
    exact, start = losses(one, name, None)
    devices.set_precision("bfloat16", on_cpu=False)
    mirrored = tf.distribute.MirroredStrategy(
      [f"/cpu:{i}" for i in range(REPLICAS)],
      cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    rounded, _ = losses(mirrored, name, start)
    results[name] = {"float32": exact, "bfloat16": rounded}
  print(json.dumps(results))


if __name__ == "__main__":
  main()
