"""Serving: a client for what `launch.export` writes, and a server and a page.

The names below are loaded on first use, so that importing this package costs
nothing.
"""

import importlib
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
  from realm_tf.serving.client.model_channel import ServerError
  from realm_tf.serving.client.serving_client import Client

__all__ = ["Client", "ServerError"]

_MODULES = {"Client": "serving_client", "ServerError": "model_channel"}


def __getattr__(name: str) -> Any:
  if name not in _MODULES:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
  module = importlib.import_module(f"{__name__}.client.{_MODULES[name]}")
  return getattr(module, name)
