"""The order of examples, by arithmetic: no iterator's state is ever saved."""

import tensorflow as tf

# With the op's usual four rounds, neighbours stay neighbours.
_ROUNDS = 8


def shuffled_examples(
  step: tf.Tensor, batch_size: int, num_examples: int, seed: int
) -> tf.Tensor:
  """Returns the examples of a step: each comes once an epoch, in a new order.

  Args:
    step: <int64>[]. The step, from 0.
    batch_size: Examples a step.
    num_examples: Examples in all.
    seed: Of the order.

  Returns:
    <int64>[batch_size], each in [0, num_examples).
  """
  place = step * batch_size + tf.range(batch_size, dtype=tf.int64)
  epoch = tf.cast(place // num_examples, tf.int32)
  constant = tf.fill([batch_size], tf.constant(seed, tf.int32))
  return permute(
    place % num_examples,
    num_examples,
    tf.stack([constant, epoch, tf.zeros_like(epoch)], axis=1),
  )


def permute(
  index: tf.Tensor, size: int | tf.Tensor, seeds: tf.Tensor
) -> tf.Tensor:
  """Returns each index's place in a permutation of its own seed.

  The raw op: `tf.random.experimental.index_shuffle` takes one seed only, as
  it pads a vector of seeds along the wrong axis.

  Args:
    index: <int64>[n], each in [0, size).
    size: Length of the permutations.
    seeds: <int32>[n, 3].

  Returns:
    <int64>[n], each in [0, size).
  """
  return tf.raw_ops.RandomIndexShuffle(
    index=index,
    seed=seeds,
    max_index=tf.cast(size - 1, tf.int64),
    rounds=_ROUNDS,
  )


def permute_rows(index: tf.Tensor, size: int, seed: tf.Tensor) -> tf.Tensor:
  """Permutes [0, size) for each row with its own seed.

  Args:
    index: <int64>[batch, length], each in [0, size).
    size: Length of the permutations.
    seed: <int32>[2].

  Returns:
    <int64>[batch, length]: equal indices of a row stay equal.
  """
  batch, length = index.shape
  # Seeds that differ in one word alone give permutations much alike.
  seeds = tf.random.stateless_uniform(
    [batch, 3], seed, minval=None, maxval=None, dtype=tf.int32
  )
  seeds = tf.repeat(seeds, length, axis=0)
  permuted = permute(tf.reshape(index, [-1]), size, seeds)
  return tf.reshape(permuted, [batch, length])


def step_seed(seed: int, step: tf.Tensor, purpose: int) -> tf.Tensor:
  """Returns the seed of a step's random draws of one purpose.

  Args:
    seed: Of the run.
    step: <int64>[].
    purpose: Distinguishes the draws of one step.

  Returns:
    <int32>[2].
  """
  run = tf.constant([seed, purpose], tf.int32)
  return tf.random.experimental.stateless_fold_in(run, tf.cast(step, tf.int32))
