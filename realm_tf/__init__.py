"""REALM: retrieval-augmented language-model pre-training in TensorFlow 2.

The names below are loaded on first use; docs/api.md shows them at work.
"""

from typing import TYPE_CHECKING

from realm_tf import lazy

if TYPE_CHECKING:
  from realm_tf import index
  from realm_tf import models
  from realm_tf import serving
  from realm_tf.answering.open_qa import OpenQA
  from realm_tf.answering.run_retriever import Retriever
  from realm_tf.errors import UserError
  from realm_tf.models import objective

__all__ = [
  "OpenQA",
  "Retriever",
  "UserError",
  "index",
  "models",
  "objective",
  "serving",
]
__version__ = "0.1.0"

__getattr__, __dir__ = lazy.attach(
  __name__,
  {
    "OpenQA": "realm_tf.answering.open_qa",
    "Retriever": "realm_tf.answering.run_retriever",
    "UserError": "realm_tf.errors",
    "index": "realm_tf.index",
    "models": "realm_tf.models",
    "objective": "realm_tf.models.objective",
    "serving": "realm_tf.serving",
  },
)
