"""Checks the types of what was read from JSON into dataclasses."""

import dataclasses
import types
import typing
from typing import Any


def check(value: Any) -> None:
  """Raises if a field of a dataclass does not have the type it declares.

  Dataclasses below it are checked, too, and the members of tuples and dicts.
  An int may stand where a float is declared; a bool is no int.

  Args:
    value: An instance. Fields may be declared as scalars, other dataclasses,
      `tuple[X, ...]`, `dict[str, X]`, unions of these, or `Any`.

  Raises:
    TypeError: Names the field, from the instance on: "`shards[3].file` must
      be str, not 5".
  """
  for name, declared in _fields(type(value)).items():
    _check(getattr(value, name), declared, name)


def _fields(kind: type) -> dict[str, Any]:
  hints = typing.get_type_hints(kind)
  return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _check(value: Any, declared: Any, place: str) -> None:
  if declared is Any:
    return
  origin = typing.get_origin(declared)
  arguments = typing.get_args(declared)
  if origin in (typing.Union, types.UnionType):
    fitting = [a for a in arguments if _fits(value, typing.get_origin(a) or a)]
    if not fitting:
      raise _error(value, declared, place)
    _check(value, fitting[0], place)
    return
  if not _fits(value, origin or declared):
    raise _error(value, declared, place)
  if origin is tuple:
    for number, member in enumerate(value):
      _check(member, arguments[0], f"{place}[{number}]")
  elif origin is dict:
    for key, member in value.items():
      _check(key, arguments[0], f"a key of {place}")
      _check(member, arguments[1], f"{place}[{key!r}]")
  elif dataclasses.is_dataclass(value):
    for name, inner in _fields(type(value)).items():
      _check(getattr(value, name), inner, f"{place}.{name}")


def _fits(value: Any, kind: Any) -> bool:
  if kind is float:
    return type(value) in (float, int)
  if kind is int:
    return type(value) is int
  return isinstance(value, kind)


def _error(value: Any, declared: Any, place: str) -> TypeError:
  name = declared.__name__ if isinstance(declared, type) else str(declared)
  return TypeError(f"`{place}` must be {name}, not {value!r}")
