"""Fine-tunes on two replicas, dies, and goes on: run by test_loop.

A process of its own, as logical devices must be there before TensorFlow
starts. Prints a JSON object.
"""

import json
import pathlib
import sys

from realm_tf import environment

environment.configure()
environment.collect_garbage_rarely()

import tensorflow as tf  # noqa: E402

from realm_tf import devices  # noqa: E402
from realm_tf.training.recipes import finetune_hook  # noqa: E402
from tests import people  # noqa: E402
from tests.end_to_end import tiny_runs  # noqa: E402

_KILLED_BEFORE = 4  # counted from 0; the last checkpoint is of 3 steps


def _two_replicas(
  tpu: str, *, join_cluster: bool = False
) -> tf.distribute.Strategy:
  del tpu, join_cluster
  return tf.distribute.MirroredStrategy(
    ["/cpu:0", "/cpu:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
  )


def _die(self, step, feed):
  if step == _KILLED_BEFORE:
    raise KeyboardInterrupt


def main() -> None:
  """Trains from a world's runs, dies, and goes on."""
  cpu = tf.config.list_physical_devices("CPU")[0]
  tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
  )
  tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
  devices.make_strategy = _two_replicas
  world, run = map(pathlib.Path, sys.argv[1:])
  config = people.config_of(train_steps=5, evaluate_every_steps=5)
  before_step = finetune_hook.FinetuneHook.before_step
  finetune_hook.FinetuneHook.before_step = _die
  try:
    people.run(world, run, config)
  except KeyboardInterrupt:
    died = tiny_runs.scalars(run, "train")
  finetune_hook.FinetuneHook.before_step = before_step
  done = people.run(world, run, config)
  again = tiny_runs.scalars(run, "train")
  print(
    json.dumps(
      {
        "replicas": [
          v.distribute_strategy.num_replicas_in_sync
          for v in done.task.variables
        ],
        "step": done.result.step,
        "died": died["loss"],
        "again": again["loss"],
        "exact_match": done.result.evaluations[5]["exact_match"],
      }
    )
  )


if __name__ == "__main__":
  main()
