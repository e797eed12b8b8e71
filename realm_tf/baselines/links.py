"""Links between passages: the titles that a passage names.

A passage is linked to those whose title stands in its body, word by word; the
name of "Mercury (planet)" is "Mercury". Where a longer title stands, a shorter
one inside it does not count, and titles that very many passages name, which are
common words, count nowhere.
"""

import numpy as np

from realm_tf.data.corpus import passage_table
from realm_tf.data.questions import phrase_trie
from realm_tf.text import wordpiece

# A name is a common word if more passages than either name it.
_COMMON_SHARE = 0.01
_COMMON_PASSAGES = 200


class Links:
  """The links of a corpus, by row.

  Attributes:
    name_of: <int64>[passages]. Number of the name that a passage's title is;
      titles of one name have one number. -1 for what cannot be named.
  """

  def __init__(
    self, table: passage_table.PassageTable, tokenizer: wordpiece.Tokenizer
  ):
    """Looks for all titles in all bodies, in one pass.

    Args:
      table: The corpus.
      tokenizer: Of the corpus.
    """
    self._starts_word = np.array(tokenizer.starts_word())
    opening = tokenizer.tokenize(["("]).flat_values.numpy().tolist()
    numbers: dict[tuple[int, ...], int] = {}
    names = [
      _name(table.title_ids.row(row).tolist(), opening)
      for row in range(len(table))
    ]
    for name in names:
      if name and tokenizer.unk_id not in name:
        numbers.setdefault(name, len(numbers))
    self._names = list(numbers)
    self.name_of = np.array([numbers.get(name, -1) for name in names], np.int64)
    # Rows by name: those of -1 come first, and are of none.
    self._by_name = np.argsort(self.name_of, kind="stable")
    self._name_splits = np.searchsorted(
      self.name_of[self._by_name], np.arange(len(self._names) + 1)
    )
    rows, found = self._find(table.body_ids)
    count = np.bincount(found, minlength=len(self._names))
    most = max(_COMMON_PASSAGES, _COMMON_SHARE * len(table))
    kept = (count[found] <= most) & (found != self.name_of[rows])
    self._named = found[kept]
    self._named_splits = np.searchsorted(rows[kept], np.arange(len(table) + 1))

  def named(self, row: int) -> np.ndarray:
    """Returns the other names that a passage names, ascending, <int64>[n]."""
    return self._named[self._named_splits[row] : self._named_splits[row + 1]]

  def linked(self, row: int) -> np.ndarray:
    """Returns the rows that a passage is linked to, <int64>[n]."""
    return self.rows_of(self.named(row))

  def rows_of(self, names: np.ndarray) -> np.ndarray:
    """Returns the passages whose titles are some names, <int64>[n]."""
    splits = self._name_splits
    parts = [self._by_name[splits[n] : splits[n + 1]] for n in names]
    return np.concatenate([np.empty(0, np.int64), *parts])

  def names_in(self, texts: passage_table.TokenRows) -> list[np.ndarray]:
    """Returns the names that stand in each text, such as a question.

    Args:
      texts: Of the corpus's wordpieces.
    """
    rows, names = self._find(texts)
    splits = np.searchsorted(rows, np.arange(1, len(texts)))
    return np.split(names, splits)

  def _find(
    self, texts: passage_table.TokenRows
  ) -> tuple[np.ndarray, np.ndarray]:
    """Returns which text names what, each pair once, in order, <int64>[n]."""
    lengths = np.array([len(name) for name in self._names], np.int64)
    parts = [np.empty([0, 2], np.int64)]
    for found in phrase_trie.occurrences(self._names, texts, self._starts_word):
      # The longest of those that begin at a place comes first.
      order = np.lexsort([-lengths[found.phrases], found.starts])
      starts = found.starts[order]
      limits = starts + lengths[found.phrases[order]]
      reached = np.maximum.accumulate(np.append(0, limits))[:-1]
      order = order[limits > reached]
      pairs = np.stack([found.rows[order], found.phrases[order]], axis=1)
      parts.append(np.unique(pairs, axis=0))
    rows, names = np.concatenate(parts).T
    return rows, names


def _name(title: list[int], opening: list[int]) -> tuple[int, ...]:
  """Returns a title without what follows it in parentheses."""
  places = [i for i, piece in enumerate(title) if i and piece in opening]
  return tuple(title[: places[0]] if places else title)
