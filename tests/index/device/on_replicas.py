"""A device index on 1, 2 and 4 replicas: run by test_device_index.

A process of its own, as logical devices must be there before TensorFlow
starts. Prints a JSON object: what each case gave, by its name.
"""

import json

from realm_tf import environment

environment.configure()
environment.collect_garbage_rarely()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from realm_tf.index.device import device_index  # noqa: E402
from realm_tf.index.device import inline_refresh  # noqa: E402
from realm_tf.index.device import share_layout  # noqa: E402
from tests.training import logical_devices  # noqa: E402

DIM, WIDTH, QUERIES = 5, 3, 8


def make(num_rows, seed=0):
  """Returns vectors, records, keys and queries, all different."""
  rng = np.random.default_rng(seed)
  return (
    rng.normal(size=[num_rows, DIM]).astype(np.float32),
    rng.integers(0, 1 << 30, [num_rows, WIDTH]).astype(np.int32),
    rng.permutation(num_rows).astype(np.int32),
    rng.normal(size=[QUERIES, DIM]).astype(np.float32),
  )


def build(strategy, num_rows, blocks, *, exact=True):
  """Returns an index of `make`'s rows, in `blocks` blocks a share."""
  replicas = strategy.num_replicas_in_sync
  share = -(-num_rows // replicas)
  layout = share_layout.ShareLayout(
    num_rows, replicas, blocks, -(-share // blocks)
  )
  vectors, records, keys, _ = make(num_rows)
  with strategy.scope():
    index = device_index.DeviceIndex(
      layout,
      DIM,
      tf.float32,
      np.full([WIDTH], 7, np.int32),
      device_index.SearchSettings(exact),
    )
  parts = [slice(*layout.rows_of(i)) for i in range(replicas)]
  index.load_passages([records[p] for p in parts], [keys[p] for p in parts])
  index.load_vectors([vectors[p] for p in parts])
  return index, parts


def spread(strategy, array):
  """Gives each replica its part of a batch."""
  replicas = strategy.num_replicas_in_sync
  parts = np.split(array, replicas)
  return strategy.experimental_distribute_values_from_function(
    lambda context: tf.constant(parts[context.replica_id_in_sync_group])
  )


def candidates_function(strategy, index, count):
  """Returns a function of queries and source keys, of the global batch."""

  @tf.function(autograph=False)
  def step(queries, source_keys):
    return strategy.run(
      lambda q, s: index.candidates(q, s, count), args=(queries, source_keys)
    )

  def call(queries, source_keys):
    found = step(spread(strategy, queries), spread(strategy, source_keys))
    return [
      np.concatenate(
        [x.numpy() for x in strategy.experimental_local_results(t)]
      )
      for t in found
    ]

  return call, step


def embed(records):
  """Vectors that tell of which record they are."""
  values = tf.cast(records[:, :1] % 1000, tf.float32)
  return values + tf.range(DIM, dtype=tf.float32)


def refreshed(strategy):
  """Returns the vectors after a step, after a round, and of a step later on."""
  index, _ = build(strategy, 41, 1)
  with strategy.scope():
    refresh = inline_refresh.InlineRefresh(index, embed, 4)

  @tf.function(autograph=False)
  def advance():
    strategy.run(refresh.advance)

  def vectors():
    return np.concatenate(index.vectors()).tolist()

  advance()
  first = vectors()
  refresh.embed_all()
  every = vectors()
  index.load_vectors([np.zeros_like(share) for share in index.vectors()])
  refresh.go_to(refresh.round_steps + 2)
  advance()
  return {
    "first": first,
    "every": every,
    "later": vectors(),
    "rows": refresh.rows_a_step,
    "round": refresh.round_steps,
  }


def listed(arrays):
  return [array.tolist() for array in arrays]


def run(strategy):
  """Returns what the cases gave on a strategy."""
  results = {}
  for num_rows, blocks, count in ((40, 1, 4), (41, 3, 6), (5, 1, 6), (1, 1, 2)):
    *_, keys, queries = make(num_rows)
    index, _ = build(strategy, num_rows, blocks)
    call, _ = candidates_function(strategy, index, count)
    # Sources: the key of the best row of every other query, else none.
    best = (queries @ make(num_rows)[0].T).argmax(axis=1)
    sources = np.where(np.arange(QUERIES) % 2, keys[best], -1).astype(np.int32)
    results[f"{num_rows}/{blocks}/{count}"] = listed(call(queries, sources))
  # approx_max_k is exact on a CPU.
  index, parts = build(strategy, 41, 2, exact=False)
  call, step = candidates_function(strategy, index, 4)
  queries, none = make(41)[3], np.full([QUERIES], -1, np.int32)
  results["approximate"] = listed(call(queries, none))
  # A new version, without a new trace.
  traces = step.experimental_get_tracing_count()
  new = make(41, seed=1)[0]
  index.load_vectors([new[part] for part in parts])
  results["replaced"] = listed(call(queries, none))
  results["retraced"] = step.experimental_get_tracing_count() - traces
  results["vectors"] = bool((np.concatenate(index.vectors()) == new).all())
  results["inline"] = refreshed(strategy)
  return results


def main() -> None:
  """Runs the cases on each strategy."""
  strategies = logical_devices.strategies()
  print(json.dumps({str(n): run(s) for n, s in strategies.items()}))


if __name__ == "__main__":
  main()
