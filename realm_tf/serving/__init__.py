"""Exports runs as SavedModels, serves them, and asks servers."""

from typing import TYPE_CHECKING

from realm_tf import lazy

if TYPE_CHECKING:
  from realm_tf.serving.client.model_channel import ServerError
  from realm_tf.serving.client.serving_client import Client

__all__ = ["Client", "ServerError"]

__getattr__, __dir__ = lazy.attach(
  __name__,
  {
    "Client": "realm_tf.serving.client.serving_client",
    "ServerError": "realm_tf.serving.client.model_channel",
  },
)
