"""What the docstring of a dataclass says of each of its fields."""

import dataclasses
import inspect
import re

_SECTION = re.compile(r"^Attributes:\n((?:  .*\n|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^  (\w+): (.*(?:\n    .*)*)", re.MULTILINE)


def words(kind: type) -> dict[str, str]:
  """Returns what is said of each field, on one line.

  Args:
    kind: The dataclass, such as a task's config. Where a class and its base
      describe a field, the class's words count.
  """
  found: dict[str, str] = {}
  for base in reversed(kind.__mro__):
    section = _SECTION.search(f"{inspect.cleandoc(base.__doc__ or '')}\n")
    if section:
      for name, text in _ENTRY.findall(section[1]):
        found[name] = " ".join(text.split())
  return {
    field.name: found.get(field.name, "") for field in dataclasses.fields(kind)
  }


def describe(kind: type) -> dict[str, str]:
  """Returns a line on each field: its meaning and, if it has one, its default.

  Args:
    kind: See `words`.
  """
  said = words(kind)
  return {
    field.name: f"{said[field.name]}{_default(field)}"
    for field in dataclasses.fields(kind)
  }


def _default(field: dataclasses.Field) -> str:
  if field.default is dataclasses.MISSING:
    return ""
  is_bool = isinstance(field.default, bool)
  shown = str(field.default).lower() if is_bool else field.default
  return f" (default: {shown})"
