"""Queries are chosen by what their candidates hold."""

import numpy as np
import tensorflow as tf

from realm_tf.data.examples import telling_queries
from tests import synthetic


def features_of(batch, vocab, seed):
  """Random features, of so few wordpieces that some are held."""
  config = synthetic.realm_config(max_masks=3)
  features = synthetic.realm_features(config, batch, seed)
  rng = np.random.default_rng(seed)
  counts = rng.integers(1, 4, batch)
  weights = np.arange(3) < counts[:, None]
  shape = features["joint_token_ids"].shape
  return features | {
    "joint_token_ids": tf.constant(rng.integers(1, vocab, shape), tf.int32),
    "targets": tf.constant(
      np.where(weights, rng.integers(1, vocab, (batch, 3)), 0), tf.int32
    ),
    "target_weights": tf.constant(weights, tf.float32),
    "place": tf.range(batch),
  }


def count_holding(features, query, of):
  """Looks for a query's masked wordpieces in the candidates of another."""
  part = {name: value.numpy() for name, value in features.items()}
  wanted = list(part["targets"][query][part["target_weights"][query] == 1])
  found = 0
  for candidate in np.flatnonzero(part["candidate_mask"][of]):
    tokens = part["joint_token_ids"][of, candidate]
    inside = part["joint_segment_ids"][of, candidate] == 1
    found += any(
      inside[start : start + len(wanted)].all()
      and list(tokens[start : start + len(wanted)]) == wanted
      for start in range(len(tokens) - len(wanted) + 1)
    )
  return found


def test_one_that_its_own_candidates_alone_hold_is_kept():
  groups, group = 40, 3
  features = features_of(groups * group, vocab=14, seed=5)
  kept = telling_queries.choose(features, group)
  wanted, others = [], []
  for begin in range(0, groups * group, group):
    members = range(begin, begin + group)
    held = {
      i: sum(count_holding(features, i, of) for of in members if of != i)
      for i in members
      if count_holding(features, i, i)
    }
    wanted.append(min(held, key=held.get, default=begin))
    others.append(list(held.values()))
  assert kept["place"].numpy().tolist() == wanted
  for name, value in features.items():
    np.testing.assert_array_equal(kept[name], value.numpy()[wanted], name)
  # All cases occur: none of a group is held; each place is kept, and a later
  # one, though an earlier one is held, too; two are held as often.
  assert [] in others
  held_groups = [i for i, found in enumerate(others) if found]
  assert {wanted[i] % group for i in held_groups} == set(range(group))
  all_held = [i for i, found in enumerate(others) if len(found) == group]
  assert any(wanted[i] % group for i in all_held)
  assert any(len(set(found)) < len(found) for found in others)


def test_the_query_itself_and_absent_candidates_hold_nothing():
  features = features_of(2, vocab=40, seed=0)
  targets, weights = [[7, 8, 0], [9, 0, 0]], [[1.0, 1, 0], [1, 0, 0]]
  tokens = np.full(features["joint_token_ids"].shape, 1)
  tokens[0, 0, :2] = 7, 8  # in the query
  tokens[0, 1, 30] = 7  # only a part
  tokens[1, 2, 30] = 9
  features |= {
    "targets": tf.constant(targets, tf.int32),
    "target_weights": tf.constant(weights),
    "joint_token_ids": tf.constant(tokens, tf.int32),
    "joint_segment_ids": tf.constant(
      np.broadcast_to(np.arange(tokens.shape[-1]) >= 20, tokens.shape), tf.int32
    ),
  }
  present = np.ones(features["candidate_mask"].shape, bool)
  kept = telling_queries.choose(
    features | {"candidate_mask": tf.constant(present)}, 2
  )
  assert kept["place"].numpy() == [1]
  present[1, 2] = False
  kept = telling_queries.choose(
    features | {"candidate_mask": tf.constant(present)}, 2
  )
  assert kept["place"].numpy() == [0]


def test_shapes_are_static():
  features = features_of(6, vocab=9, seed=1)
  graph = tf.function(lambda f: telling_queries.choose(f, 3))
  shapes = graph.get_concrete_function(features).structured_outputs
  assert {value.shape[0] for value in shapes.values()} == {2}
