"""What the schema's docstrings say of each field of a config."""

import dataclasses
import inspect
import re

from realm_tf.configs import schema

_SECTION = re.compile(r"^Attributes:\n((?:  .*\n|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^  (\w+): (.*(?:\n    .*)*)", re.MULTILINE)


def describe(kind: type[schema.TaskConfig]) -> dict[str, str]:
  """Returns a line on each field: its meaning and, if it has one, its default.

  Args:
    kind: The config's class. Where a class and its base describe a field, the
      class's words count.
  """
  words: dict[str, str] = {}
  for base in reversed(kind.__mro__):
    section = _SECTION.search(f"{inspect.cleandoc(base.__doc__ or '')}\n")
    if section:
      for name, text in _ENTRY.findall(section[1]):
        words[name] = " ".join(text.split())
  return {
    field.name: f"{words.get(field.name, '')}{_default(field)}"
    for field in dataclasses.fields(kind)
  }


def _default(field: dataclasses.Field) -> str:
  if field.default is dataclasses.MISSING:
    return ""
  is_bool = isinstance(field.default, bool)
  shown = str(field.default).lower() if is_bool else field.default
  return f" (default: {shown})"
