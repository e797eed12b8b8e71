"""Embeds on two replicas: run by test_embedding_engine.

A process of its own, as logical devices must be there before TensorFlow
starts: python -m tests.index.build.two_replicas EXPORT BATCHES.npz OUTPUT.npz
"""

import sys

from realm_tf import environment

environment.configure()
environment.collect_garbage_rarely()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from realm_tf.index.build import embed_distributed  # noqa: E402


def main(export: str, batches_path: str, output: str) -> None:
  """Writes the embeddings of each batch, in order."""
  tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
  )
  strategy = tf.distribute.MirroredStrategy(
    ["/cpu:0", "/cpu:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
  )
  engine = embed_distributed.EmbedDistributed(export, strategy=strategy)
  with np.load(batches_path, allow_pickle=False) as batches:
    embeddings = list(engine.predict(batches.values()))
  np.savez(output, *embeddings)


if __name__ == "__main__":
  main(*sys.argv[1:])
