"""The articles of the encyclopedia: a few sentences each, a passage each."""

import dataclasses
from collections.abc import Iterator

from realm_tf.encyclopedia import mirrors
from realm_tf.encyclopedia.kinds import KINDS
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
from realm_tf.encyclopedia.tables import Entity
from realm_tf.encyclopedia.tables import Fact
from realm_tf.encyclopedia.tables import entities

# Wordings tried for an entity until all its sections have a fitting length.
_ATTEMPTS = 24


@dataclasses.dataclass(frozen=True)
class Article:
  """One section of an entity's article; several share the title.

  Attributes:
    title: Its subject.
    text: Two to four sentences, each of which names the subject.
  """

  title: str
  text: str


def articles(kinds: tuple[Kind, ...] = KINDS) -> Iterator[Article]:
  """Yields all sections of all articles, always in the same order.

  Args:
    kinds: The kinds of entity to write about.

  Yields:
    The sections of each entity, in which each of its facts stands twice, and
    then those of the values that their relations give an article, in which
    the fact stands from the other side.
  """
  for kind in kinds:
    for entity in entities(kind):
      for sentences in _entity_sections(entity):
        yield Article(title_of(entity.name), " ".join(sentences))
  for title, sentences in mirrors.sections(kinds):
    yield Article(title, " ".join(sentences))


def _placement(facts: list[Fact]) -> list[list[tuple[Fact, int]]]:
  """Deals each fact to two sections, as (fact, 0) and as (fact, 1).

  Args:
    facts: The facts of an entity.

  Returns:
    Two to five sections, no two of which hold the same facts, unless there is
    only one fact.
  """
  count = 2 if len(facts) == 1 else min(max(len(facts), 3), 5)
  sections: list[list[tuple[Fact, int]]] = [[] for _ in range(count)]
  for number, fact in enumerate(facts):
    shift = 1 + number // count % max(count - 1, 1)
    sections[number % count].append((fact, 0))
    sections[(number + shift) % count].append((fact, 1))
  return sections


def _entity_sections(entity: Entity) -> list[list[str]]:
  """Writes the sections of an entity, each a list of sentences."""
  key = (entity.kind.name, entity.name)
  by_relation = {fact.relation.name: fact for fact in entity.facts}
  sections = _placement(
    [by_relation[name] for name in stable_order(by_relation, *key)]
  )
  best, best_misfit = [], None
  for attempt in range(_ATTEMPTS):
    written = [
      _section(entity, section, number, attempt)
      for number, section in enumerate(sections)
    ]
    misfit = sum(_misfit(sentences) for sentences in written)
    if best_misfit is None or misfit < best_misfit:
      best, best_misfit = written, misfit
    if not misfit:
      break
  return best


def _section(
  entity: Entity, facts: list[tuple[Fact, int]], number: int, attempt: int
) -> list[str]:
  key = (entity.kind.name, entity.name, attempt)
  statements = []
  for fact, occurrence in facts:
    # The two occurrences take the first two of the same shuffle: the words
    # differ.
    templates = stable_order(
      splittable(fact.relation.statements, (entity.name,), fact.values),
      *key,
      fact.relation.name,
    )
    statements.append(
      sentence(templates[occurrence], (entity.name,), fact.values)
    )
  statements = sorted(stable_order(statements, *key, number), key=misleads)
  introductions = stable_order(
    splittable(entity.kind.introductions, (entity.name,)), *key
  )
  # Sections of an entity begin with different introductions.
  start = number % max(len(introductions), 1)
  opening: list[str] = []
  for template in introductions[start:] + introductions[:start]:
    sentences = opening + statements
    wanted = (
      len(sentences) < MIN_SENTENCES
      or word_count(sentences) < MIN_WORDS
      or (not opening and stable_hash(*key, number) % 3 == 0)
    )
    introduction = sentence(template, (entity.name,))
    fits = (
      len(sentences) < MAX_SENTENCES
      and word_count([*sentences, introduction]) <= MAX_WORDS
    )
    if not (wanted and fits):
      break
    opening.append(introduction)
  return opening + statements


def _misfit(sentences: list[str]) -> int:
  """The distance of a section from the wanted length."""
  words = word_count(sentences)
  return (
    max(MIN_WORDS - words, 0)
    + max(words - MAX_WORDS, 0)
    + 10 * max(MIN_SENTENCES - len(sentences), 0)
    + 10 * max(len(sentences) - MAX_SENTENCES, 0)
  )
