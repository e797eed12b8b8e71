"""Questions about the facts of the encyclopedia, with answers and a split."""

import collections
import dataclasses
from collections.abc import Iterator

from realm_tf.encyclopedia.kinds import KINDS
from realm_tf.encyclopedia.phrasing import bare_name
from realm_tf.encyclopedia.phrasing import sentence
from realm_tf.encyclopedia.phrasing import stable_hash
from realm_tf.encyclopedia.phrasing import stable_order
from realm_tf.encyclopedia.phrasing import title_of
from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.tables import Entity
from realm_tf.encyclopedia.tables import Fact
from realm_tf.encyclopedia.tables import entities

SPLITS = ("train", "dev", "test")
_QUESTIONS_PER_FACT = 2
# Of a hundred facts, those below the first bound are train, those below the
# second dev, the others test.
_BOUNDS = (70, 80)


@dataclasses.dataclass(frozen=True)
class Question:
  """A question for the value, or the subject, of one fact.

  Attributes:
    id: "kind/subject/relation/number": unique.
    question: The question, with its question mark.
    answers: Any of them is right. Without a leading "the".
    subject: The name that is asked about, without a leading "the": the
      fact's subject, or its value where the question asks for the subject.
    relation: Name of the fact's relation.
    kind: Name of the kind of the fact's subject.
    split: "train", "dev" or "test". All questions of a fact share it.
  """

  id: str
  question: str
  answers: tuple[str, ...]
  subject: str
  relation: str
  kind: str
  split: str

  @property
  def fact(self) -> str:
    """The id of the fact that is asked for: "kind/subject/relation"."""
    return self.id.rsplit("/", 1)[0]


def questions(kinds: tuple[Kind, ...] = KINDS) -> Iterator[Question]:
  """Yields the questions of all facts, always in the same order.

  Args:
    kinds: The kinds of entity to ask about.

  Yields:
    Two questions for the values of each fact, and one for its subject where
    the relation has such and the value belongs to this subject alone.
  """
  for kind in kinds:
    owners = collections.Counter(
      (fact.relation.name, value)
      for entity in entities(kind)
      for fact in entity.facts
      for value in fact.values
    )
    for entity in entities(kind):
      for fact in entity.facts:
        unique = owners[fact.relation.name, fact.values[0]] == 1
        yield from _questions_of(entity, fact, unique)


def split_of(kind: str, subject: str, relation: str) -> str:
  """Assigns a fact to a split, by a hash of its subject.

  Args:
    kind: Name of the kind.
    subject: Name of the entity.
    relation: Name of the relation.

  Returns:
    "train" (about 70%), "dev" (10%) or "test" (20%).
  """
  percentile = stable_hash("split", kind, subject, relation) % 100
  return SPLITS[sum(percentile >= bound for bound in _BOUNDS)]


def _questions_of(
  entity: Entity, fact: Fact, unique: bool
) -> Iterator[Question]:
  relation = fact.relation
  key = (entity.kind.name, entity.name, relation.name)
  forward = (
    tuple(bare_name(value) for value in fact.values),
    bare_name(entity.name),
  )
  backward = ((bare_name(entity.name),), bare_name(fact.values[0]))
  chosen = [
    (template, *forward)
    for template in stable_order(relation.questions, *key)[:_QUESTIONS_PER_FACT]
  ]
  # With several values, one of them alone need not lead to the subject.
  if unique and len(fact.values) == 1:
    chosen += [
      (template, *backward)
      for template in stable_order(relation.inverse_questions, *key)[:1]
    ]
  for number, (template, answers, subject) in enumerate(chosen):
    yield Question(
      id="/".join((key[0], title_of(entity.name), key[2], str(number))),
      question=sentence(template, (entity.name,), fact.values),
      answers=answers,
      subject=subject,
      relation=relation.name,
      kind=entity.kind.name,
      split=split_of(*key),
    )
