"""The settings of a searcher: chosen by size, unless the config sets them."""

import dataclasses
import math

from realm_tf import errors
from realm_tf import stack
from realm_tf.configs import schema
from realm_tf.index.search import partition_table

SCANN, TENSORFLOW = "scann", "tensorflow"

# ScaNN's hashing learns 16 centres a block and needs as many vectors.
_SMALLEST_TREE = 32
_REORDER_FACTOR = 10
_SMALLEST_REORDER = 100
_INT32_MAX = 2**31 - 1
# The largest index that TensorFlow's partitions were measured with, in
# benchmarks/README.md: four milliseconds a query.
_MOST_WITHOUT_SCANN = 4_000_000


@dataclasses.dataclass(frozen=True)
class SearcherSettings:
  """How to search one index version.

  Attributes:
    exact: Whether every passage is scored; if not, the other fields hold.
    num_leaves: Partitions of the tree.
    leaves_to_search: Partitions that a query visits.
    reordering_candidates: Candidates that are scored again exactly.
    library: `SCANN`, or `TENSORFLOW` where ScaNN was missing.
  """

  exact: bool
  num_leaves: int = 0
  leaves_to_search: int = 0
  reordering_candidates: int = 0
  library: str = SCANN

  def describe(self) -> str:
    """Returns the settings in a few words."""
    by = "" if self.library == SCANN else ", by TensorFlow"
    if self.exact:
      return f"exact{by}"
    return (
      f"tree of {self.num_leaves} leaves, {self.leaves_to_search} searched, "
      f"{self.reordering_candidates} scored again{by}"
    )


def library_here(num_rows: int) -> str:
  """Returns what searches an index on this machine.

  Args:
    num_rows: Passages of the corpus.

  Raises:
    errors.UserError: If ScaNN is missing, and there are too many without it.
  """
  why = stack.why_no_scann()
  if not why:
    return SCANN
  if num_rows > _MOST_WITHOUT_SCANN:
    raise errors.UserError(
      f"The index has {num_rows} passages. More than {_MOST_WITHOUT_SCANN} are "
      f"searched by ScaNN alone, which cannot be loaded here: {why}. It needs "
      "Linux, and on x86 a CPU with AVX2; docs/install.md installs it."
    )
  return TENSORFLOW


def choose_settings(
  num_rows: int, config: schema.IndexConfig, k: int
) -> SearcherSettings:
  """Chooses: exact for few passages, a tree with reordering for many.

  Args:
    num_rows: Passages of the corpus.
    config: Limits and overrides.
    k: Most results that are asked of the searcher.

  Raises:
    errors.UserError: If the corpus or an override is out of range, or the
      corpus is too large to be searched without ScaNN.
  """
  if num_rows > _INT32_MAX:
    raise errors.UserError(
      f"The corpus has {num_rows} passages; an index holds {_INT32_MAX}."
    )
  library = library_here(num_rows)
  if num_rows < max(config.exact_search_below, _SMALLEST_TREE):
    return SearcherSettings(exact=True, library=library)
  if library == SCANN:
    usual_leaves, visited = round(math.sqrt(num_rows)), 0.1
  else:
    usual = partition_table.choose_settings(num_rows)
    usual_leaves = usual.num_partitions
    visited = min(1.0, usual.rows_scored / num_rows)
  num_leaves = config.num_leaves or usual_leaves
  _check("num_leaves", num_leaves, num_rows, "passages")
  leaves_to_search = config.leaves_to_search or math.ceil(num_leaves * visited)
  _check("leaves_to_search", leaves_to_search, num_leaves, "leaves")
  candidates = config.reordering_candidates or max(
    _SMALLEST_REORDER, _REORDER_FACTOR * k
  )
  if candidates < k:
    raise errors.UserError(
      f"reordering_candidates={candidates} is below the {k} passages that are "
      "asked for. Give ten times as many, or 0."
    )
  return SearcherSettings(
    exact=False,
    num_leaves=num_leaves,
    leaves_to_search=leaves_to_search,
    reordering_candidates=min(candidates, num_rows),
    library=library,
  )


def _check(name: str, value: int, limit: int, noun: str) -> None:
  if value > limit:
    raise errors.UserError(
      f"{name}={value} is more than there are {noun}: {limit}."
    )
