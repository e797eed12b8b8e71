"""What PathRetriever learns from: paths to answers, by distant supervision.

The seed that holds the answer and that TF-IDF ranks first is a path by itself.
Where no seed holds the answer, one that links to a passage with it begins the
path; with `augmented` such a path is a second example where there is the first
(Asai et al., 2020, section 3.1).
"""

import itertools
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.baselines import links
from realm_tf.baselines import path_options
from realm_tf.baselines import tf_idf
from realm_tf.data.questions import token_answers

_DISTORTED = 3  # paths of an example whose last passage is another
_AT_ONCE = 64  # questions


class Examples(NamedTuple):
  """Examples as parallel arrays.

  Attributes:
    questions: <int64>[n]. Numbers of questions.
    pools: <int32>[n, C]. Rows, the path's first.
    paths: <int32>[n, E, T]. Places in the pool, -1 for none: the right path,
      and others with another passage at the end.
    negatives: <bool>[n, C]. Which passages hold no answer and are not on the
      path.
  """

  questions: np.ndarray
  pools: np.ndarray
  paths: np.ndarray
  negatives: np.ndarray


class _Example(NamedTuple):
  """The right path for a question, and other passages."""

  question: int
  path: list[int]
  others: list[int]


class Surroundings:
  """The passages that TF-IDF and links offer for a question."""

  def __init__(
    self,
    search: tf_idf.TfIdf,
    graph: links.Links,
    options: path_options.Options,
  ):
    """Takes what is searched.

    Args:
      search: The corpus by words.
      graph: Its links.
      options: How many passages are wanted.
    """
    self._search = search
    self._graph = graph
    self._options = options

  def of(self, texts: Sequence[str]) -> "Iterator[Nearby]":
    """Yields the passages of each question."""
    for scores in self._search.scores(texts):
      seeds = tf_idf.best_rows(scores, self._options.seeds)
      yield Nearby(seeds.tolist(), scores, self._graph, self._options.links)


class Nearby:
  """The passages for one question.

  Attributes:
    seeds: Rows that TF-IDF finds, best first.
  """

  def __init__(
    self, seeds: list[int], scores: np.ndarray, graph: links.Links, count: int
  ):
    """Takes a question's scores.

    Args:
      seeds: See above.
      scores: <float32>[passages]. Of TF-IDF.
      graph: The links.
      count: Of each passage's links, how many are looked at.
    """
    self.seeds = seeds
    self._scores = scores
    self._graph = graph
    self._count = count
    self._known: dict[int, list[int]] = {}

  def linked(self, row: int) -> list[int]:
    """Returns the best rows that a passage is linked to, best first."""
    if row not in self._known:
      self._known[row] = self._best_linked(row)
    return self._known[row]

  def _best_linked(self, row: int) -> list[int]:
    rows = self._graph.linked(row)
    return tf_idf.rank_rows(self._scores, rows, self._count).tolist()


def supervise(
  texts: Sequence[str],
  surroundings: Surroundings,
  answers: token_answers.Answers,
  options: path_options.Options,
  null_row: int,
) -> Examples:
  """Makes the examples of questions; of some none, of some two.

  Args:
    texts: The questions.
    surroundings: Finds their passages.
    answers: Of the questions.
    options: Lengths of paths and pools.
    null_row: The row that stands for no passage.
  """
  made: list[_Example] = []
  for first in range(0, len(texts), _AT_ONCE):
    nearby = list(surroundings.of(texts[first : first + _AT_ONCE]))
    seen = [
      list(dict.fromkeys(itertools.chain(n.seeds, *map(n.linked, n.seeds))))
      for n in nearby
    ]
    rows = np.full([len(seen), max(map(len, seen))], null_row, np.int32)
    for i, some in enumerate(seen):
      rows[i, : len(some)] = some
    numbers = tf.range(first, first + len(seen), dtype=tf.int64)
    held = answers.held(numbers, tf.constant(rows)).numpy()
    for i, near in enumerate(nearby):
      answering = {*rows[i, held[i]].tolist()}
      for path in right_paths(near, answering, options):
        others = _others(near, {*path} | answering, path[0])
        others = others[: options.pool - len(path)]
        made.append(_Example(first + i, path, others))
  return _arrays(made, options, null_row)


def right_paths(
  near: Nearby, answering: set[int], options: path_options.Options
) -> list[list[int]]:
  """Returns paths to an answer.

  Args:
    near: The passages for a question.
    answering: Those that hold an answer.
    options: Says which paths there may be.
  """
  ends = [row for row in near.seeds if row in answering][:1]
  paths = [ends] if ends else []
  if options.path_length > 1 and (options.augmented or not ends):
    bridges = (
      [seed, row]
      for seed in near.seeds
      if seed not in answering
      for row in near.linked(seed)
      if row in (ends or answering)
    )
    paths += [path for path in [next(bridges, None)] if path]
  return paths


def _others(near: Nearby, excluded: set[int], row: int) -> list[int]:
  """Returns other passages: seeds and those linked to a row, in turn."""
  mixed = itertools.zip_longest(near.seeds, near.linked(row))
  rows = dict.fromkeys(itertools.chain.from_iterable(mixed))
  return [r for r in rows if r is not None and r not in excluded]


def _arrays(
  made: Sequence[_Example], options: path_options.Options, null_row: int
) -> Examples:
  pools = np.full([len(made), options.pool], null_row, np.int32)
  shape = [len(made), 1 + _DISTORTED, options.path_length]
  paths = np.full(shape, -1, np.int32)
  negatives = np.zeros(pools.shape, bool)
  for i, (_, path, others) in enumerate(made):
    length, limit = len(path), len(path) + len(others)
    pools[i, :limit] = [*path, *others]
    negatives[i, length:limit] = True
    for e in range(1 + min(len(others), _DISTORTED)):
      paths[i, e, :length] = range(length)
      # At the end of the first the right passage, of the others another.
      paths[i, e, length - 1] = length - 1 + e
  numbers = np.array([example.question for example in made], np.int64)
  return Examples(numbers, pools, paths, negatives)
