"""Models that can be made anew from what they were made of."""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf.configs import schema


class ConfiguredModel(tf.keras.Model):
  """A model that is made of a task's config and a few numbers.

  `get_config` and `from_config` hold both, so that Keras can load what
  `model.save` wrote and an export can have a copy in another precision.
  """

  def __init__(
    self,
    config: schema.TaskConfig,
    *,
    name: str,
    dtype: tf.DType | None = None,
    **numbers: int,
  ):
    """Remembers what the model is made of.

    Args:
      config: Of the task.
      name: Of the Keras model.
      dtype: What the model computes in itself; its layers have their own.
      **numbers: The constructor's other arguments, by name.
    """
    super().__init__(name=name, dtype=dtype)
    # Keras would track a plain dict, and checkpoints hold it as an object.
    self._made_of: Mapping[str, Any] = types.MappingProxyType(
      {"config": config, **numbers}
    )

  def get_config(self) -> dict[str, Any]:
    """Returns the constructor's arguments as a JSON object."""
    arguments = dict(self._made_of)
    config = arguments.pop("config")
    return {
      "task_config": {
        "kind": type(config).__name__,
        "fields": dataclasses.asdict(config),
      },
      **arguments,
    }

  @classmethod
  def from_config(
    cls, config: dict[str, Any], custom_objects: Any = None
  ) -> "ConfiguredModel":
    """Makes a model with random weights, as `get_config` describes it."""
    del custom_objects
    arguments = dict(config)
    of_task = arguments.pop("task_config")
    kind = getattr(schema, of_task["kind"])
    return cls(kind(**of_task["fields"]), **arguments)
