"""Finds given names in a text, in upper or lower case."""

import re
from collections.abc import Iterable

from realm_tf.text import word_lists

_WORD = re.compile(r"\w+")
# "Mercury (planet)": what tells articles apart is no part of the name.
_DISAMBIGUATION = re.compile(r"\s*\([^()]*\)$")


class Gazetteer:
  """A set of names, found by longest match over words.

  Punctuation and case are passed over, so that "noble gases" finds "Noble
  gases" and "saint-louis" "Saint Louis". Names that are one very common
  English word or have no letter are left out.
  """

  def __init__(self, names: Iterable[str]):
    self._by_first_word: dict[str, list[tuple[str, ...]]] = {}
    entries: set[tuple[str, ...]] = set()
    for name in names:
      words = _WORD.findall(_DISAMBIGUATION.sub("", name).lower())
      if words and not _is_common(words):
        entries.add(tuple(words))
    for entry in sorted(entries, key=lambda e: (-len(e), e)):
      self._by_first_word.setdefault(entry[0], []).append(entry)

  def find(self, text: str) -> list[tuple[int, int]]:
    """Returns the characters [start, limit) of each name, in order."""
    if not self._by_first_word:
      return []
    places = [(m.start(), m.end()) for m in _WORD.finditer(text)]
    words = [text[start:limit].lower() for start, limit in places]
    found = []
    i = 0
    while i < len(words):
      length = self._match(words, i)
      if length:
        found.append((places[i][0], places[i + length - 1][1]))
      i += length or 1
    return found

  def _match(self, words: list[str], i: int) -> int:
    """Returns how many words the longest name at word i has, or 0."""
    for name in self._by_first_word.get(words[i], ()):
      if tuple(words[i : i + len(name)]) == name:
        return len(name)
    return 0


def _is_common(words: list[str]) -> bool:
  if not any(c.isalpha() for word in words for c in word):
    return True
  common = word_lists.FUNCTION_WORDS | word_lists.OPENING_WORDS
  return len(words) == 1 and (words[0] in common or len(words[0]) < 2)
