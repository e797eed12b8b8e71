"""Models that can be rebuilt from their configs."""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any
from typing import Self

import tensorflow as tf

from realm_tf.configs import schema


class ConfiguredModel(tf.keras.Model):
  """A model whose arguments are configs and plain values.

  `get_config` and `from_config` hold them, so that Keras can load what
  `model.save` wrote and an export can have a copy in another precision.
  """

  def __init__(
    self, *, name: str, dtype: tf.DType | None = None, **made_of: Any
  ):
    """Keeps the constructor's arguments.

    Args:
      name: Of the Keras model.
      dtype: Type of the model's own arithmetic; its layers have their own.
      **made_of: The constructor's arguments, by name.
    """
    super().__init__(name=name, dtype=dtype)
    # Keras would track a plain dict, and checkpoints hold it as an object.
    self._made_of: Mapping[str, Any] = types.MappingProxyType(made_of)

  def get_config(self) -> dict[str, Any]:
    """Returns the constructor's arguments as a JSON object."""
    return {key: _to_json(value) for key, value in self._made_of.items()}

  @classmethod
  def from_config(
    cls, config: dict[str, Any], custom_objects: Any = None
  ) -> Self:
    """Makes a model with random weights, as `get_config` describes it."""
    del custom_objects
    return cls(**{key: _from_json(value) for key, value in config.items()})


class NamedModel(ConfiguredModel):
  """A part of a model, whose constructor also takes a name."""

  def get_config(self) -> dict[str, Any]:
    """See base class."""
    return {**super().get_config(), "name": self.name}


def _to_json(value: Any) -> Any:
  if isinstance(value, schema.Config):
    return {"kind": type(value).__name__, "fields": dataclasses.asdict(value)}
  return value


def _from_json(value: Any) -> Any:
  if isinstance(value, dict):
    return getattr(schema, value["kind"])(**value["fields"])
  return value
