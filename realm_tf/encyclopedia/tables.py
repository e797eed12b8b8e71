"""Reading the tables of facts that are shipped with the package."""

import csv
import dataclasses
import functools
from importlib import resources

from realm_tf.encyclopedia.phrasing import title_of
from realm_tf.encyclopedia.schema import Kind
from realm_tf.encyclopedia.schema import Relation
from realm_tf.errors import UserError

_NAME = "name"
_SEPARATOR = "|"
# A sentence splitter or a template would stumble over these.
_FORBIDDEN = frozenset('.!?;:{}"\t')


@dataclasses.dataclass(frozen=True)
class Fact:
  """A relation of an entity, with all its values.

  Attributes:
    relation: The column that states it.
    values: One value or several, as they stand in mid-sentence.
  """

  relation: Relation
  values: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Entity:
  """One row of a table.

  Attributes:
    kind: The kind whose table it is a row of.
    name: As it stands in mid-sentence: "the Netherlands".
    facts: At least one, in the order of the kind's relations.
  """

  kind: Kind
  name: str
  facts: tuple[Fact, ...]


@functools.cache
def entities(kind: Kind) -> tuple[Entity, ...]:
  """Reads the table of a kind from the package's data.

  Args:
    kind: The kind.

  Returns:
    Its entities in the table's order.

  Raises:
    UserError: The table is missing or malformed.
  """
  resource = resources.files(__package__) / "tables" / kind.table
  try:
    text = resource.read_text(encoding="utf-8")
  except (FileNotFoundError, UnicodeDecodeError) as error:
    raise UserError(
      f"tables/{kind.table}: cannot be read ({error}); kind {kind.name} needs"
      " it as a UTF-8 file"
    ) from error
  return parse_table(kind, text)


def parse_table(kind: Kind, text: str) -> tuple[Entity, ...]:
  """Parses the text of a table.

  Args:
    kind: The kind it belongs to.
    text: Tab-separated lines, the first of them the header.

  Returns:
    The entities in the text's order.

  Raises:
    UserError: An unknown, missing or repeated column, a ragged row, a name
      that is empty or occurs twice, a row without facts, or a cell that is
      badly written; the message names the table, the line and the column.
  """
  rows = csv.reader(
    text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE, strict=True
  )
  header = next(rows, [])
  _check_header(kind, header)
  found: dict[str, Entity] = {}
  for line, row in enumerate(rows, start=2):
    where = f"tables/{kind.table}:{line}"
    if len(row) != len(header):
      raise UserError(
        f"{where}: {len(row)} cells, but the header has {len(header)}; write"
        " one tab between two cells"
      )
    entity = _entity(kind, dict(zip(header, row, strict=True)), where)
    if title_of(entity.name) in found:
      raise UserError(
        f"{where}: the name {entity.name!r} occurs twice; join the rows"
      )
    found[title_of(entity.name)] = entity
  return tuple(found.values())


def _check_header(kind: Kind, header: list[str]) -> None:
  where = f"tables/{kind.table}:1"
  expected = [_NAME, *(relation.name for relation in kind.relations)]
  if header[:1] != [_NAME]:
    raise UserError(f"{where}: the first column must be {_NAME!r}")
  for column in header:
    if column not in expected:
      raise UserError(
        f"{where}: unknown column {column!r}; kind {kind.name} states"
        f" {', '.join(expected[1:])}"
      )
    if header.count(column) > 1:
      raise UserError(f"{where}: column {column!r} occurs twice")
  for column in expected:
    if column not in header:
      raise UserError(f"{where}: column {column!r} of {kind.name} is missing")


def _entity(kind: Kind, cells: dict[str, str], where: str) -> Entity:
  name = cells[_NAME]
  _check_name(name, f"{where}: column {_NAME!r}")
  facts = []
  for relation in kind.relations:
    if cells[relation.name]:
      values = tuple(cells[relation.name].split(_SEPARATOR))
      column = f"{where}: column {relation.name!r}"
      for value in values:
        _check_name(value, column)
      if len(set(values)) != len(values):
        raise UserError(f"{column}: a value occurs twice; remove one")
      facts.append(Fact(relation, values))
  if not facts:
    raise UserError(f"{where}: {name!r} has no facts; fill a cell or remove it")
  return Entity(kind, name, tuple(facts))


def _check_name(name: str, where: str) -> None:
  if not name or name != " ".join(name.split()):
    raise UserError(
      f"{where}: {name!r} is empty or has superfluous blanks; rewrite it"
    )
  bad = _FORBIDDEN.intersection(name)
  if bad:
    raise UserError(
      f"{where}: {name!r} contains {''.join(sorted(bad))!r}; write it without"
    )
