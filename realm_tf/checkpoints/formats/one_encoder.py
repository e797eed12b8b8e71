"""Selects the only BERT of a file, and refuses a file that holds two."""

import collections
from collections.abc import Iterable

from realm_tf import errors
from realm_tf.checkpoints import names

REMEDY = "write the one you want to a folder of its own, and name that"


def select(
  path: str, variables: Iterable[tuple[str, str, str]]
) -> tuple[dict[str, str], list[str]]:
  """Returns the variables of the one BERT that a file holds.

  The scope with the layers gives embeddings and pooler too. The MLM head may
  stand in another one: "cls/" is beside "bert/", not in it.

  Args:
    path: As the user named it.
    variables: Of each variable of a BERT its own name in the file, the scope
      that this begins with, and its name of `names`.

  Returns:
    Own names by the names of `names`, and the own names of what is left out.

  Raises:
    errors.UserError: If two scopes hold layers, or two others an MLM head;
      names both.
  """
  scopes: dict[str, dict[str, str]] = collections.defaultdict(dict)
  for own_name, scope, name in variables:
    scopes[scope][name] = own_name
  encoders = _scopes_with(names.LAYERS, scopes)
  _refuse_several(path, "encoders", encoders)
  chosen = scopes.pop(encoders[0]) if encoders else {}
  _refuse_several(path, "MLM heads", _scopes_with(names.MLM_HEAD, scopes))
  unused = []
  for found in scopes.values():
    for name, own_name in found.items():
      if names.role(name) == names.MLM_HEAD and name not in chosen:
        chosen[name] = own_name
      else:
        unused.append(own_name)
  return chosen, unused


def _scopes_with(role: str, scopes: dict[str, dict[str, str]]) -> list[str]:
  return sorted(
    scope
    for scope, found in scopes.items()
    if any(names.role(name) == role for name in found)
  )


def _refuse_several(path: str, what: str, scopes: list[str]) -> None:
  if len(scopes) > 1:
    listed = " and ".join(f'"{scope}"' for scope in scopes)
    raise errors.UserError(
      f"{path} holds {len(scopes)} {what}, under {listed}: {REMEDY}."
    )
