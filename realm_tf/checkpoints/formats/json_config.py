"""Reads the config of a source."""

from collections.abc import Mapping
from typing import Any

from realm_tf import errors
from realm_tf import files

GELU = "gelu"
GELU_TANH = "gelu_tanh"
_SIZES = {
  "num_layers": "num_hidden_layers",
  "hidden_size": "hidden_size",
  "num_heads": "num_attention_heads",
  "intermediate_size": "intermediate_size",
  "max_positions": "max_position_embeddings",
}
# transformers' names of the one function.
_TANH_NAMES = ("gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_tanh")


def read(path: str) -> dict[str, Any]:
  """Reads a JSON object.

  Raises:
    errors.UserError: If it is none.
  """
  try:
    value = files.read_json(path)
  except errors.UserError:
    raise
  except ValueError as e:
    raise errors.UserError(f"{path} is not JSON: {e}.") from e
  if not isinstance(value, dict):
    raise errors.UserError(f"{path} holds no JSON object.")
  return value


def sizes(config: Mapping[str, Any], path: str) -> dict[str, int]:
  """Returns the sizes that a BERT's config states, by our names.

  Args:
    config: The config, with the names of Google's `bert_config.json`.
    path: Its file.

  Raises:
    errors.UserError: If a size is missing or no number.
  """
  for field in _SIZES.values():
    if type(config.get(field)) is not int:
      raise errors.UserError(
        f"{path} is no config of a BERT: its {field} is "
        f"{config.get(field)!r:.80}."
      )
  return {ours: config[field] for ours, field in _SIZES.items()}


def activations(
  name: Any, path: str, *, gelu: tuple[str, ...]
) -> tuple[str, ...]:
  """Returns the activations that a name may stand for.

  Args:
    name: As the config has it.
    path: The config's file.
    gelu: The activation that this format's programs compute for "gelu".

  Raises:
    errors.UserError: If it is no GELU.
  """
  if name == GELU:
    return gelu
  if name in _TANH_NAMES:
    return (GELU_TANH,)
  raise errors.UserError(
    f"{path} has the activation {name!r}; a BERT's is gelu, or one of "
    f"{', '.join(_TANH_NAMES)}."
  )
