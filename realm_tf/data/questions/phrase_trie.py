"""Phrases found in many texts at once, by a trie of their wordpieces."""

from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from realm_tf.data.corpus import passage_table

# Wordpieces that are matched at once, so that large corpora fit in memory.
CHUNK_WORDPIECES = 4_000_000


class Occurrences(NamedTuple):
  """Where phrases stand, as parallel arrays, in no order.

  Attributes:
    phrases: <int64>[n]. Their numbers.
    rows: <int64>[n]. Of the texts.
    starts: <int64>[n]. First wordpiece, counted through all texts.
  """

  phrases: np.ndarray
  rows: np.ndarray
  starts: np.ndarray


def occurrences(
  wanted: Sequence[tuple[int, ...]],
  texts: passage_table.TokenRows,
  starts_word: np.ndarray,
) -> Iterator[Occurrences]:
  """Yields all occurrences of phrases that end where a word ends.

  Args:
    wanted: Different phrases, none of them empty.
    texts: What is searched.
    starts_word: <bool>[vocabulary]. Whether a wordpiece begins a word.

  Yields:
    Those of some texts; each text comes once.
  """
  trie = _Trie.of(wanted, len(starts_word))
  first = 0
  while first < len(texts):
    limit = _chunk_limit(texts.row_splits, first)
    splits = texts.row_splits[first : limit + 1]
    tokens = texts.values[splits[0] : splits[-1]]
    phrases, places = _walk(trie, tokens, splits - splits[0], starts_word)
    starts = places + splits[0]
    rows = np.searchsorted(splits, starts, side="right") - 1 + first
    yield Occurrences(phrases, rows, starts)
    first = limit


def _chunk_limit(splits: np.ndarray, first: int) -> int:
  """Returns the text after the last one of a chunk, one text at least."""
  most = splits[first] + CHUNK_WORDPIECES
  last = int(np.searchsorted(splits, most, side="right")) - 1
  return min(max(last, first + 1), len(splits) - 1)


def _walk(
  trie: "_Trie", tokens: np.ndarray, splits: np.ndarray, starts_word: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Walks down the trie from all places of some texts at once.

  Args:
    trie: The phrases.
    tokens: <integer>[tokens] of the texts, one after the other.
    splits: <int64>[texts + 1]. Where they begin and end.
    starts_word: <bool>[vocabulary]. Whether a wordpiece begins a word.

  Returns:
    The matched phrases and the places of their first wordpieces, <int64>[n].
  """
  # From the root, only where a phrase may begin.
  places = np.flatnonzero(trie.roots[tokens])
  nodes = trie.roots[tokens[places]]
  limits = splits[np.searchsorted(splits, places, side="right")]
  none = np.empty(0, np.int64)
  found, depth = [(none, none)], 1
  while len(places):
    after = places + depth
    inside = after < limits
    # A word goes on where the next wordpiece begins none.
    whole = ~inside | starts_word[tokens[np.where(inside, after, 0)]]
    done = whole & (trie.ends[nodes] >= 0)
    found.append((trie.ends[nodes[done]], places[done]))
    places, limits, after = places[inside], limits[inside], after[inside]
    alive, nodes = trie.follow(nodes[inside], tokens[after])
    places, limits = places[alive], limits[alive]
    depth += 1
  phrases, at = (np.concatenate(part) for part in zip(*found, strict=True))
  return phrases, at


class _Trie(NamedTuple):
  """Phrases as a trie whose root is node 0.

  Attributes:
    size: Of the vocabulary.
    keys: <int64>[edges], ascending: node * size + wordpiece.
    nodes: <int64>[edges]. Where each edge leads.
    ends: <int64>[nodes]. The phrase that ends there; -1 for none.
    roots: <int64>[size]. Where the root's edge of a wordpiece leads; 0 for
      nowhere.
  """

  size: int
  keys: np.ndarray
  nodes: np.ndarray
  ends: np.ndarray
  roots: np.ndarray

  @classmethod
  def of(cls, wanted: Sequence[tuple[int, ...]], size: int) -> "_Trie":
    """Builds the trie of different phrases, none of them empty."""
    edges: dict[int, int] = {}
    ends = [-1]
    for number, phrase in enumerate(wanted):
      node = 0
      for token in phrase:
        following = edges.setdefault(node * size + token, len(ends))
        if following == len(ends):
          ends.append(-1)
        node = following
      ends[node] = number
    keys = np.array(sorted(edges), np.int64)
    nodes = np.array([edges[key] for key in keys.tolist()], np.int64)
    roots = np.zeros(size, np.int64)
    from_root = keys < size
    roots[keys[from_root]] = nodes[from_root]
    return cls(size, keys, nodes, np.array(ends, np.int64), roots)

  def follow(
    self, nodes: np.ndarray, tokens: np.ndarray
  ) -> tuple[np.ndarray, np.ndarray]:
    """Follows the edge of a wordpiece from each node.

    Returns:
      Which nodes have the edge <bool>[n], and where these lead to.
    """
    keys = nodes * self.size + tokens
    edges = np.searchsorted(self.keys, keys)
    alive = np.append(self.keys, -1)[edges] == keys
    return alive, self.nodes[edges[alive]]
