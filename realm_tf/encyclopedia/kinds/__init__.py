"""All kinds of entity that the encyclopedia has articles on."""

from realm_tf import errors
from realm_tf.encyclopedia.kinds import culture
from realm_tf.encyclopedia.kinds import geography
from realm_tf.encyclopedia.kinds import science
from realm_tf.encyclopedia.schema import Kind

KINDS: tuple[Kind, ...] = (*geography.KINDS, *culture.KINDS, *science.KINDS)


def select_kinds(names: str) -> tuple[Kind, ...]:
  """Returns some kinds.

  Args:
    names: Of kinds, separated by "+"; all if empty.

  Raises:
    errors.UserError: If there is no kind of a name.
  """
  by_name = {kind.name: kind for kind in KINDS}
  wanted = names.split("+") if names else list(by_name)
  for name in wanted:
    if name not in by_name:
      raise errors.UserError(
        f"The encyclopedia has no kind {name!r}; it has {', '.join(by_name)}."
      )
  return tuple(by_name[name] for name in wanted)
