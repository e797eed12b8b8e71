"""Tests of reading and checking tables of facts."""

import collections

import pytest

from realm_tf.encyclopedia.kinds import KINDS
from realm_tf.encyclopedia.phrasing import title_of
from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation
from realm_tf.encyclopedia.tables import entities
from realm_tf.encyclopedia.tables import parse_table
from realm_tf.errors import UserError

_CAPITAL = Relation(
  name="capital",
  statements=("{value} rules {subject}.",) * 4,
  questions=("What rules {subject}?",) * 2,
)
_KIND = Kind("lands", "lands.tsv", ("{subject} is a land.",) * 4, (_CAPITAL,))


def test_reads_names_and_several_values():
  france, chad = parse_table(
    _KIND, "name\tcapital\nFrance\tParis\nChad\tA|the B\n"
  )
  assert france.name == "France"
  assert france.facts[0].values == ("Paris",)
  assert chad.facts[0].values == ("A", "the B")


@pytest.mark.parametrize(
  ("text", "complaint"),
  [
    ("", "first column"),
    ("land\tcapital\nFrance\tParis\n", "first column"),
    ("name\tcapital\tking\nFrance\tParis\tLouis\n", "unknown column 'king'"),
    ("name\tcapital\tcapital\nFrance\tParis\tParis\n", "occurs twice"),
    ("name\nFrance\n", "'capital' of lands is missing"),
    ("name\tcapital\nFrance\n", "lands.tsv:2: 1 cells"),
    ("name\tcapital\nFrance\tParis\t\n", "lands.tsv:2: 3 cells"),
    ("name\tcapital\nFrance\tP\nFrance\tQ\n", "lands.tsv:3: the name 'France'"),
    ("name\tcapital\nHague\tP\nthe Hague\tQ\n", "name 'the Hague' occurs"),
    ("name\tcapital\nFrance\t\n", "'France' has no facts"),
    ("name\tcapital\nFrance\tParis|\n", "is empty"),
    ("name\tcapital\nFrance\tParis|Paris\n", "a value occurs twice"),
    ("name\tcapital\nFrance\tParis \n", "superfluous blanks"),
    ("name\tcapital\nFrance\tSt. Denis\n", "contains '.'"),
    ("name\tcapital\nFr{}ance\tParis\n", "contains '{}'"),
  ],
)
def test_malformed_table_is_a_user_error_of_one_line(text, complaint):
  with pytest.raises(UserError) as error:
    parse_table(_KIND, text)
  assert complaint in str(error.value)
  assert "\n" not in str(error.value)


def test_missing_table_is_named():
  kind = Kind("lands", "no_such_table.tsv", (), (_CAPITAL,))
  with pytest.raises(UserError, match="tables/no_such_table.tsv"):
    entities(kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_kind_has_enough_wordings(kind):
  assert len(set(kind.introductions)) >= 4
  for relation in kind.relations:
    assert len(set(relation.statements)) >= 4, relation.name
    assert len(set(relation.questions)) >= 2, relation.name
    assert not relation.mirrors or len(set(relation.mirrors)) >= 3
    for template in relation.statements + relation.mirrors:
      assert "{subject}" in template and "{value}" in template, template
      assert template.endswith("."), template
    for template in relation.questions:
      assert "{subject}" in template and "{value}" not in template, template
      assert template.endswith((".", "?")), template
    for template in relation.inverse_questions:
      assert "{value}" in template and "{subject}" not in template, template
    assert len({*relation.statements, *relation.mirrors}) == len(
      relation.statements
    ) + len(relation.mirrors), relation.name


def test_names_of_kinds_and_tables_differ():
  assert len({kind.name for kind in KINDS}) == len(KINDS) >= 8
  assert len({kind.table for kind in KINDS}) == len(KINDS)


def test_a_name_is_written_alike_everywhere():
  """ "Nile" in one table and "the Nile" in another is a slip."""
  spellings = collections.defaultdict(set)
  for kind in KINDS:
    for entity in entities(kind):
      values = [value for fact in entity.facts for value in fact.values]
      for name in (entity.name, *values):
        spellings[title_of(name)].add(name.removeprefix("the ") != name)
  assert [title for title, ways in spellings.items() if len(ways) > 1] == []
