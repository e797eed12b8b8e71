"""Sections in a value's own article: the fact seen from its other side."""

import dataclasses
import math
from collections.abc import Iterator

from realm_tf.encyclopedia.phrasing import MAX_SENTENCES
from realm_tf.encyclopedia.phrasing import MAX_WORDS
from realm_tf.encyclopedia.phrasing import MIN_SENTENCES
from realm_tf.encyclopedia.phrasing import MIN_WORDS
from realm_tf.encyclopedia.phrasing import misleads
from realm_tf.encyclopedia.phrasing import sentence
from realm_tf.encyclopedia.phrasing import splittable
from realm_tf.encyclopedia.phrasing import stable_hash
from realm_tf.encyclopedia.phrasing import stable_order
from realm_tf.encyclopedia.phrasing import title_of
from realm_tf.encyclopedia.phrasing import word_count
from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation
from realm_tf.encyclopedia.tables import entities

_MAX_SUBJECTS = 4
# Sentences a section should have where there is a choice.
_USUAL_SENTENCES = 3


@dataclasses.dataclass
class _Mirror:
  """A value, a relation, and all the subjects that have the value.

  Attributes:
    key: What tells this mirror from all others, for hashing.
    relation: The relation, with at least three mirrors.
    value: In its form within a sentence.
    subjects: As they stand in mid-sentence, in the table's order.
  """

  key: tuple[str, ...]
  relation: Relation
  value: str
  subjects: list[str]

  def _templates(self) -> list[str]:
    return stable_order(
      splittable(self.relation.mirrors, self.subjects, (self.value,)),
      *self.key,
    )

  def sentences(self, round_number: int) -> list[str]:
    """Names every subject once, in other words in the next round."""
    templates = self._templates()
    # Each round has templates of its own: no subject meets one twice.
    templates = templates[round_number::2]
    count = len(self.subjects)
    size = min(_MAX_SUBJECTS, math.ceil(count / 2))
    groups = math.ceil(count / size)
    ordered = stable_order(self.subjects, *self.key, round_number)
    return [
      sentence(
        templates[group % len(templates)],
        ordered[group::groups],
        (self.value,),
      )
      for group in range(groups)
    ]

  def spare_sentences(self) -> list[str]:
    """More sentences on the first subjects, to fill up a short section."""
    templates = self._templates()
    return [
      sentence(template, self.subjects[:1], (self.value,))
      for template in templates[2:] + templates[:2]
    ]


def sections(kinds: tuple[Kind, ...]) -> Iterator[tuple[str, list[str]]]:
  """Yields the sections that relations give to their values' articles.

  Args:
    kinds: The kinds whose relations are mirrored.

  Yields:
    The title of the value's article and the sentences of a section. Each
    fact stands in two sections of its value in different words, or twice in
    one section where that is all there is to say of the value.
  """
  introductions = {
    title_of(entity.name): (entity.name, kind.introductions)
    for kind in reversed(kinds)
    for entity in entities(kind)
  }
  for title, mirrors in _mirrors(kinds).items():
    first, second = (
      stable_order(
        (text for mirror in mirrors for text in mirror.sentences(number)),
        title,
        number,
      )
      for number in range(2)
    )
    spare = [text for mirror in mirrors for text in mirror.spare_sentences()]
    if title in introductions:
      name, templates = introductions[title]
      spare = [
        sentence(template, (name,))
        for template in stable_order(splittable(templates, (name,)), title)
      ] + spare
    rounds = [first + second] if len(first) == 1 else [first, second]
    for number, sentences in enumerate(rounds):
      for chunk in _chunks(sentences):
        yield title, _filled(chunk, spare, (title, number))


def _mirrors(kinds: tuple[Kind, ...]) -> dict[str, list[_Mirror]]:
  """Gathers the mirrors by the titles of the values' articles."""
  found: dict[tuple[str, ...], _Mirror] = {}
  for kind in kinds:
    for entity in entities(kind):
      for fact in entity.facts:
        if not fact.relation.mirrors:
          continue
        for value in fact.values:
          key = (title_of(value), kind.name, fact.relation.name)
          mirror = found.setdefault(key, _Mirror(key, fact.relation, value, []))
          mirror.subjects.append(entity.name)
  by_title: dict[str, list[_Mirror]] = {}
  for mirror in found.values():
    by_title.setdefault(mirror.key[0], []).append(mirror)
  return by_title


def _chunks(sentences: list[str]) -> Iterator[list[str]]:
  """Cuts a list of sentences into sections of nearly equal length."""
  count = max(1, round(len(sentences) / _USUAL_SENTENCES))
  while True:
    chunks = [sentences[number::count] for number in range(count)]
    if count >= len(sentences) or all(
      len(chunk) <= MAX_SENTENCES and word_count(chunk) <= MAX_WORDS
      for chunk in chunks
    ):
      yield from chunks
      return
    count += 1


def _filled(
  chunk: list[str], spare: list[str], key: tuple[object, ...]
) -> list[str]:
  """Adds sentences to a section until it is long enough."""
  start = stable_hash(*key, *chunk) % max(len(spare), 1)
  for text in spare[start:] + spare[:start]:
    if len(chunk) >= MIN_SENTENCES and word_count(chunk) >= MIN_WORDS:
      break
    if (
      text not in chunk
      and len(chunk) < MAX_SENTENCES
      and word_count([*chunk, text]) <= MAX_WORDS
    ):
      chunk = [*chunk, text]
  return sorted(chunk, key=misleads)
