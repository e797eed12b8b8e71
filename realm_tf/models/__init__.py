"""Keras models: encoder, embedder, reader, and the three objectives.

Models know no files. Axes: B queries, K candidates (the null passage is
candidate 0), L wordpieces, M masks, D dimensions, V wordpieces of the
vocabulary.
"""

from typing import TYPE_CHECKING

from realm_tf import lazy

if TYPE_CHECKING:
  from realm_tf.configs.schema import EncoderConfig
  from realm_tf.configs.schema import RetrieverConfig
  from realm_tf.models.embedders import Embedder
  from realm_tf.models.embedders import TwoTowers
  from realm_tf.models.ict import IctModel
  from realm_tf.models.masked_lm import MaskedLanguageModel
  from realm_tf.models.orqa import OrqaModel
  from realm_tf.models.realm import RealmModel
  from realm_tf.models.span_reader import SpanReader

__all__ = [
  "Embedder",
  "EncoderConfig",
  "IctModel",
  "MaskedLanguageModel",
  "OrqaModel",
  "RealmModel",
  "RetrieverConfig",
  "SpanReader",
  "TwoTowers",
]

__getattr__, __dir__ = lazy.attach(
  __name__,
  {
    "Embedder": "realm_tf.models.embedders",
    "EncoderConfig": "realm_tf.configs.schema",
    "IctModel": "realm_tf.models.ict",
    "MaskedLanguageModel": "realm_tf.models.masked_lm",
    "OrqaModel": "realm_tf.models.orqa",
    "RealmModel": "realm_tf.models.realm",
    "RetrieverConfig": "realm_tf.configs.schema",
    "SpanReader": "realm_tf.models.span_reader",
    "TwoTowers": "realm_tf.models.embedders",
  },
)
