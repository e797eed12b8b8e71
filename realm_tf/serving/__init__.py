"""Serving: a client for what `launch.export` writes, and a server and a page.

`Client` is loaded on first use, so that importing this package costs nothing.
"""

from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
  from realm_tf.serving.client import Client

__all__ = ["Client"]


def __getattr__(name: str) -> Any:
  if name == "Client":
    from realm_tf.serving import client

    return client.Client
  raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
