"""Kinds of entity: a table of facts, and the sentences that state them.

A fact is a (subject, relation, values) triple: (France, capital, [Paris]).
Every fact is stated in several passages in different words, so that a passage
that is hidden from the model leaves another to retrieve (README of this
package).
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Relation:
  """One column of a table, and the ways to state and to ask for it.

  Templates may name `{subject}` and `{value}`. A subject or value is written
  as it stands in the middle of a sentence ("the Netherlands"); the code that
  fills a template capitalises the first letter of the sentence.

  Attributes:
    name: The column's name in the table.
    statements: Sentences about the subject, in words as different from one
      another as English allows. At least four.
    mirrors: Sentences that stand in the value's own article ("{value} is the
      seat of government of {subject}."). `{subject}` may be filled with
      several names ("France, Spain and Italy"). Empty if the value has no
      article of its own; else at least three.
    questions: Questions for the value. At least two, worded unlike the
      statements.
    inverse_questions: Questions for the subject, asked only where the value
      belongs to one subject alone. May be empty.
  """

  name: str
  statements: tuple[str, ...]
  questions: tuple[str, ...]
  mirrors: tuple[str, ...] = ()
  inverse_questions: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Kind:
  """A kind of entity: countries, chemical elements, novels, ...

  Attributes:
    name: Plural and snake case: "chemical_elements".
    table: File name in `tables/`: tab-separated, a header row, the first
      column `name`; a cell with several values separates them by "|"; an
      empty cell states nothing.
    introductions: Sentences that say what the entity is without stating a
      fact of the table ("{subject} is a chemical element."). At least four.
    relations: One for each further column of the table that is stated.
  """

  name: str
  table: str
  introductions: tuple[str, ...]
  relations: tuple[Relation, ...]
