import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.data.examples import order


def epochs(batch_size, num_examples, seed, count):
  """The examples of the first epochs, one list each."""
  steps = -(-count * num_examples // batch_size)
  drawn = np.concatenate(
    [
      order.shuffled_examples(
        tf.constant(step, tf.int64), batch_size, num_examples, seed
      ).numpy()
      for step in range(steps)
    ]
  )
  return [
    list(drawn[i * num_examples : (i + 1) * num_examples]) for i in range(count)
  ]


@hypothesis.settings(max_examples=20)
@hypothesis.given(
  st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**31 - 1)
)
def test_each_epoch_is_a_permutation(batch_size, num_examples, seed):
  for epoch in epochs(batch_size, num_examples, seed, 3):
    assert sorted(epoch) == list(range(num_examples))


def test_epochs_and_seeds_have_orders_of_their_own():
  first, second = epochs(7, 50, 1, 2)
  assert first != second
  assert first != list(range(50))
  assert epochs(7, 50, 2, 1)[0] != first
  assert epochs(7, 50, 1, 1)[0] == first


def test_permute_gives_each_seed_its_own_permutation():
  index = np.tile(np.arange(30), 2)
  seeds = np.array([[1, 2, 3]] * 30 + [[1, 2, 4]] * 30, np.int32)
  out = order.permute(tf.constant(index, tf.int64), 30, seeds).numpy()
  assert sorted(out[:30]) == sorted(out[30:]) == list(range(30))
  assert list(out[:30]) != list(out[30:])


def test_seeds_differ_by_run_step_and_purpose():
  seeds = {
    tuple(order.step_seed(run, tf.constant(step, tf.int64), purpose).numpy())
    for run in range(5)
    for step in range(20)
    for purpose in range(5)
  }
  assert len(seeds) == 500


def test_permuted_neighbours_fall_apart():
  # What is drawn for one index says nothing about the next.
  size, rate = 1 << 30, 0.3
  seeds = tf.stack(
    [tf.range(4000), tf.fill([4000], 12), tf.fill([4000], 34)], axis=1
  )
  first, second = (
    order.permute(tf.fill([4000], tf.constant(i, tf.int64)), size, seeds)
    < int(rate * size)
    for i in (7, 8)
  )
  assert abs(np.mean(first) - rate) < 0.05
  assert abs(np.mean(second) - rate) < 0.05
  assert abs(np.mean(first & second) - rate**2) < 0.03
