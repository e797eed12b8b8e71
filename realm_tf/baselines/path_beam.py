"""The beam search over paths of passages (Asai et al., 2020, section 3.1)."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple
from typing import Protocol

import numpy as np


class Path(NamedTuple):
  """A path that is finished.

  Attributes:
    rows: Of its passages, one at least.
    score: log of the product of its steps' probabilities, [EOE]'s too.
  """

  rows: tuple[int, ...]
  score: float


class StepModel(Protocol):
  """P(passage|passages before) for one question.

  Attributes:
    first: <float32>[width]. The state before the first passage.
  """

  first: np.ndarray

  def log_probabilities(
    self, states: np.ndarray, candidates: Sequence[Sequence[int]]
  ) -> list[np.ndarray]:
    """Scores the candidates of several paths.

    Args:
      states: <float32>[n, width].
      candidates: Rows, of each path its own.

    Returns:
      Of each path <float32>[its candidates + 1]; the last is that of [EOE].
    """

  def advance(self, states: np.ndarray, rows: Sequence[int]) -> np.ndarray:
    """Returns the states after another passage each, <float32>[n, width]."""


class _Live(NamedTuple):
  """A path that goes on, and the best candidates that it did not take."""

  rows: tuple[int, ...]
  score: float
  state: np.ndarray
  spare: tuple[int, ...]


def search(
  model: StepModel,
  seeds: Sequence[int],
  linked: Callable[[int], Sequence[int]],
  *,
  beam: int,
  longest: int,
  kept: int,
) -> list[Path]:
  """Returns the best paths, best first, `beam` at most.

  Args:
    model: Scores steps.
    seeds: Rows that a path may begin with.
    linked: Returns the rows that a passage is linked to.
    beam: Paths that are kept after each step, finished ones among them.
    longest: Most passages of a path.
    kept: How many of the best candidates that a step has not taken are those of
      the next step again.
  """
  live = [_Live((), 0.0, model.first, ())]
  finished: list[Path] = []
  for step in range(longest + 1):
    candidates = [
      _candidates(path, seeds, linked) if step < longest else []
      for path in live
    ]
    found = model.log_probabilities(
      np.stack([path.state for path in live]), candidates
    )
    # (score, path, candidate); a path that is finished has neither.
    steps: list[tuple[float, Path | None, int, int]] = [
      (path.score, path, 0, 0) for path in finished
    ]
    for i, (path, scores) in enumerate(zip(live, found, strict=True)):
      if path.rows:
        score = path.score + float(scores[-1])
        steps.append((score, Path(path.rows, score), i, 0))
      steps += [
        (path.score + float(score), None, i, place)
        for place, score in enumerate(scores[:-1])
      ]
    steps = sorted(steps, key=lambda one: -one[0])[:beam]
    finished = [path for _, path, _, _ in steps if path is not None]
    taken = [(s, i, place) for s, path, i, place in steps if path is None]
    if not taken:
      break
    states = model.advance(
      np.stack([live[i].state for _, i, _ in taken]),
      [candidates[i][place] for _, i, place in taken],
    )
    live = [
      _Live(
        (*live[i].rows, candidates[i][place]),
        score,
        state,
        _best(candidates[i], found[i][:-1], place, kept),
      )
      for (score, i, place), state in zip(taken, states, strict=True)
    ]
  return finished


def _candidates(
  path: _Live, seeds: Sequence[int], linked: Callable[[int], Sequence[int]]
) -> list[int]:
  """Returns the rows that may come next, each once."""
  rows = [*linked(path.rows[-1]), *path.spare] if path.rows else seeds
  return [row for row in dict.fromkeys(rows) if row not in path.rows]


def _best(
  rows: Sequence[int], scores: np.ndarray, taken: int, count: int
) -> tuple[int, ...]:
  order = [i for i in np.argsort(-scores, kind="stable") if i != taken]
  return tuple(rows[i] for i in order[:count])
