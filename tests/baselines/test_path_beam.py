"""The beam over paths, against all paths and by hand."""

import itertools
import math

import numpy as np

from realm_tf.baselines import path_beam

LINKS = {0: [3, 4], 1: [0], 2: [], 3: [4], 4: [0, 1, 2]}
STOP = {0: 0.9, 1: 0.2, 2: 0.7, 3: 0.4, 4: 0.5}


class Table:
  """Steps whose probabilities are a table: of the passage before, and next.

  A state is the last passage, -1 for none.
  """

  def __init__(self, chances):
    self.first = np.array([-1.0], np.float32)
    self._chances = chances

  def log_probabilities(self, states, candidates):
    return [
      np.log([*(self._chances[int(s[0]), row] for row in some), self.stop(s)])
      for s, some in zip(states, candidates, strict=True)
    ]

  def stop(self, state):
    return STOP.get(int(state[0]), 1.0)

  def advance(self, states, rows):
    return np.array(rows, np.float32)[:, None]


def random_table(seed):
  rng = np.random.default_rng(seed)
  pairs = itertools.product(range(-1, 5), range(5))
  return {pair: float(rng.uniform(0.05, 0.95)) for pair in pairs}


def all_paths(chances, seeds, longest):
  """Scores of all paths along the links, by recursion."""
  found = {}

  def follow(path, chance):
    found[path] = math.log(chance * STOP[path[-1]])
    if len(path) < longest:
      for row in LINKS[path[-1]]:
        if row not in path:
          follow((*path, row), chance * chances[path[-1], row])

  for row in seeds:
    follow((row,), chances[-1, row])
  return found


def search(chances, **settings):
  known = {"beam": 100, "longest": 3, "kept": 0}
  return path_beam.search(
    Table(chances), [0, 1, 2], LINKS.get, **(known | settings)
  )


def test_a_wide_beam_finds_all_paths_best_first():
  for seed, longest in itertools.product(range(3), (1, 2, 3)):
    chances = random_table(seed)
    wanted = all_paths(chances, [0, 1, 2], longest)
    found = search(chances, longest=longest)
    assert {path.rows for path in found} == {*wanted}
    for path in found:
      np.testing.assert_allclose(path.score, wanted[path.rows], rtol=1e-5)
    assert [p.score for p in found] == sorted(p.score for p in found)[::-1]


def test_a_beam_of_two_by_hand():
  chances = dict.fromkeys(itertools.product(range(-1, 5), range(5)), 0.1)
  # First 0 (0.8) and 1 (0.6) are kept; 2 (0.5) is not, though 2 and [EOE]
  # (0.35) would be better than 1 and [EOE] (0.12). Then 0 and [EOE] has 0.72,
  # 0 and 3 have 0.16, 1 and 0 have 0.24, which ends with [EOE]: 0.216.
  chances |= {(-1, 0): 0.8, (-1, 1): 0.6, (-1, 2): 0.5}
  chances |= {(0, 3): 0.2, (1, 0): 0.4}
  first, second = search(chances, beam=2, longest=2)
  assert (first.rows, second.rows) == ((0,), (1, 0))
  np.testing.assert_allclose(
    [first.score, second.score], np.log([0.72, 0.216]), rtol=1e-5
  )


def test_the_best_that_were_not_taken_are_looked_at_again():
  chances = dict.fromkeys(itertools.product(range(-1, 5), range(5)), 0.5)
  chances |= {(-1, 0): 0.9, (-1, 1): 0.7, (-1, 2): 0.6}
  without = {p.rows for p in search(chances, longest=2)}
  found = {p.rows for p in search(chances, longest=2, kept=1)}
  # 1 is the best beside 0, and 0 the best beside 1 (a link, too) and 2.
  assert found - without == {(0, 1), (2, 0)}


def test_no_path_has_a_passage_twice():
  for path in search(random_table(5), longest=5, kept=2):
    assert len({*path.rows}) == len(path.rows)
