"""How tf.data pipelines run: with fixed parallelism, without autotuning.

The thread that tunes a pipeline may miss its end. Whoever releases the pipeline
then waits until the thread wakes by itself: up to a minute, at the end of every
other training (TensorFlow 2.15, `Model::OptimizeLoop`).
"""

import os

import tensorflow as tf

# Beyond that, batches that are made ahead only take memory.
_MOST_CALLS = 16
PARALLEL_CALLS = min(os.cpu_count() or 1, _MOST_CALLS)
PREFETCHED = 2


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
  """Returns a dataset that is not tuned or rewritten when it is iterated.

  Its maps name their parallelism themselves, as `tf.data.AUTOTUNE` stands for
  a tuned one. To be rewritten, a dataset is written out as a graph, with a copy
  of every tensor that its functions read: the whole corpus, in our pipelines.
  """
  options = tf.data.Options()
  options.autotune.enabled = False
  options.experimental_optimization.apply_default_optimizations = False
  return dataset.with_options(options)
