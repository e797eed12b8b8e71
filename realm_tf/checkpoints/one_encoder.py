"""Finds the one BERT of a file, and refuses a file that holds two."""

import collections
from collections.abc import Iterable

from realm_tf import errors
from realm_tf.checkpoints import names

REMEDY = "write the one you want to a folder of its own, and name that"


def select(
  path: str, variables: Iterable[tuple[str, str, str]]
) -> tuple[dict[str, str], list[str]]:
  """Returns the variables of the one BERT that a file holds.

  The scope with the layers is the encoder's. What else a BERT has may stand
  in other scopes, such as the MLM head's.

  Args:
    path: As the user named it.
    variables: Of each variable of a BERT its own name in the file, the scope
      that this begins with, and its name of `names`.

  Returns:
    Own names by the names of `names`, and the own names of what the encoder's
    scope has, too.

  Raises:
    errors.UserError: If two scopes hold layers, or the same variable, which
      the encoder's scope lacks; names both scopes.
  """
  scopes: dict[str, dict[str, str]] = collections.defaultdict(dict)
  for own_name, scope, name in variables:
    scopes[scope][name] = own_name
  encoders = [scope for scope, found in scopes.items() if _has_layers(found)]
  if len(encoders) > 1:
    raise _two(path, f"{len(encoders)} encoders", encoders)
  chosen: dict[str, tuple[str, str]] = {}
  unused = []
  for scope in [*encoders, *(s for s in scopes if s not in encoders)]:
    for name, own_name in scopes[scope].items():
      first, _ = chosen.setdefault(name, (scope, own_name))
      if first != scope and first not in encoders:
        raise _two(path, f"{name} twice", [first, scope])
      if first != scope:
        unused.append(own_name)
  return {name: own_name for name, (_, own_name) in chosen.items()}, unused


def _has_layers(found: Iterable[str]) -> bool:
  return any(names.role(name) == names.LAYERS for name in found)


def _two(path: str, what: str, scopes: list[str]) -> errors.UserError:
  listed = " and ".join(f'"{scope}"' for scope in sorted(scopes))
  return errors.UserError(f"{path} holds {what}, under {listed}: {REMEDY}.")
