"""Flags made of a dataclass of options, which declares them once."""

import dataclasses
import typing
from typing import Any

from absl import flags

from realm_tf.configs import field_docs
from realm_tf.launch import console


def define(kind: type) -> None:
  """Defines a flag for each field that the command has none for yet.

  Args:
    kind: The dataclass. A field's `metadata` may give `choices`, its values, or
      `least` and `most`, the bounds of a number.
  """
  described = field_docs.words(kind)
  names = [field.name for field in dataclasses.fields(kind)]
  for field in dataclasses.fields(kind):
    if field.name in flags.FLAGS:
      continue
    is_required = field.default is dataclasses.MISSING
    default = None if is_required or field.default == () else field.default
    about = console.in_flags(described[field.name], names)
    of_type = {typing.get_origin(field.type) or field.type}
    of_type |= {*typing.get_args(field.type)}
    define_flag: Any = flags.DEFINE_string
    more = {}
    if choices := field.metadata.get("choices"):
      flags.DEFINE_enum(field.name, default, choices, about)
      continue
    if bool in of_type:
      define_flag = flags.DEFINE_bool
    elif float in of_type:
      define_flag = flags.DEFINE_float
      more["lower_bound"] = field.metadata.get("least")
      more["upper_bound"] = field.metadata.get("most")
    elif int in of_type:
      define_flag = flags.DEFINE_integer
      more["lower_bound"] = field.metadata.get("least")
    elif field.default == ():
      define_flag = flags.DEFINE_list
    define_flag(field.name, default, about, required=is_required, **more)


def read(kind: type) -> dict[str, Any]:
  """Returns the values of the flags, by field."""
  values = {
    field.name: flags.FLAGS[field.name].value
    for field in dataclasses.fields(kind)
  }
  return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
