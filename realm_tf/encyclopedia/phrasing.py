"""Filling sentence templates, naming things and choosing among wordings."""

import functools
import hashlib
import re
from collections.abc import Iterable
from collections.abc import Sequence
from typing import TypeVar

# Bounds of a section, so that it becomes one passage.
MIN_WORDS, MAX_WORDS = 20, 50
MIN_SENTENCES, MAX_SENTENCES = 2, 4

_T = TypeVar("_T")

_ARTICLE = "the "

# Splitters take "art." for "article" and "sun." for "Sunday".
_MISLEADING = re.compile(r"\b(?:[Aa]rt|[Ss]un|[IVX]+)\.?$")


def stable_hash(*parts: object) -> int:
  """Hashes parts to the same 64-bit integer in every process and release.

  Args:
    *parts: Hashed as their strings.

  Returns:
    An integer in [0, 2**64).
  """
  data = "\x1f".join(str(part) for part in parts).encode("utf-8")
  return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def stable_order(items: Iterable[_T], *salt: object) -> list[_T]:
  """Shuffles items, the same way in every process.

  Args:
    items: Items whose strings differ from one another, and say all that the
      order should depend on.
    *salt: Parts that select the shuffle.

  Returns:
    The items in another order, which does not depend on the given one.
  """
  return sorted(items, key=lambda item: (stable_hash(*salt, item), str(item)))


def bare_name(name: str) -> str:
  """Strips the leading article: "the Netherlands" gives "Netherlands"."""
  return name.removeprefix(_ARTICLE)


def capitalized(text: str) -> str:
  """Makes the first letter a capital and leaves the others alone."""
  return text[:1].upper() + text[1:]


def title_of(name: str) -> str:
  """The title of a name's article: "the euro" gives "Euro"."""
  return capitalized(bare_name(name))


def enumerated(names: Sequence[str]) -> str:
  """Joins names as English does: "France, Spain and Italy"."""
  if len(names) == 1:
    return names[0]
  return ", ".join(names[:-1]) + " and " + names[-1]


def sentence(
  template: str, subjects: Sequence[str], values: Sequence[str] = ()
) -> str:
  """Fills a template and capitalises it.

  Args:
    template: Text with `{subject}` and perhaps `{value}`.
    subjects: What `{subject}` stands for.
    values: What `{value}` stands for; may be empty where it is not named.

  Returns:
    The sentence.
  """
  if template.endswith("{subject}."):
    # "Louis XIV and Hugh Capet.": the safer name comes last.
    subjects = sorted(subjects, key=misleads, reverse=True)
  value = enumerated(values) if values else ""
  return capitalized(template.format(subject=enumerated(subjects), value=value))


def splittable(
  templates: Sequence[str], subjects: Sequence[str], values: Sequence[str] = ()
) -> list[str]:
  """Selects the templates whose sentences cannot mislead a splitter.

  The others would start with a number, or seem to end in an abbreviation
  ("Louis XIV.").

  Args:
    templates: Templates of sentences.
    subjects: Names of which any may stand first or last in `{subject}`.
    values: Names of which any may stand first or last in `{value}`.

  Returns:
    The safe templates, in order; all of them if fewer than two are safe.
  """
  fillings = {"{subject}": subjects, "{value}": values}
  unsafe_starts = tuple(
    blank
    for blank, names in fillings.items()
    if any(name[:1].isdigit() for name in names)
  )
  unsafe_ends = tuple(
    f"{blank}."
    for blank, names in fillings.items()
    if any(misleads(name) for name in names)
  )
  safe = [
    template
    for template in templates
    if not template.startswith(unsafe_starts)
    and not template.endswith(unsafe_ends)
    and not misleads(template)
  ]
  return safe if len(safe) > 1 else list(templates)


@functools.lru_cache(maxsize=16384)
def misleads(text: str) -> bool:
  """Whether a full stop after a text may not look like a sentence's end.

  Args:
    text: A name, or a sentence with its full stop.

  Returns:
    Whether it ends like an abbreviation.
  """
  return _MISLEADING.search(text) is not None


def word_count(sentences: Iterable[str]) -> int:
  """Counts the words, separated by blanks, of several sentences."""
  return sum(len(text.split()) for text in sentences)
