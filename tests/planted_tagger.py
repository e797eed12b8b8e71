"""A tagger that knows a few names by heart, for tests of what surrounds it."""

import numpy as np
import tensorflow as tf

from realm_tf.export import tagger_export
from realm_tf.text import entity_types
from realm_tf.text import wordpiece
from tests import synthetic

# Names as they may stand in a text, and the wordpieces they become.
NAMES = {
  "Zürich": ("zu", "##rich"),
  "Zu\u0308rich": ("zu", "##rich"),
  "東京": ("東", "京"),
  "São Paulo": ("sao", "paulo"),
  "SA\u0303O  Paulo": ("sao", "paulo"),
  "Łódź": ("łodz",),
}
_LABELS = {
  "zu": "B-LOC",
  "##rich": "O",  # not the first wordpiece: it is not looked at
  "東": "B-LOC",
  "京": "I-LOC",
  "sao": "B-LOC",
  "paulo": "I-LOC",
  "łodz": "B-LOC",
  "1914": "B-MISC",
  "cup": "I-MISC",
}
VOCABULARY = (
  *wordpiece.SPECIAL_TOKENS, *_LABELS, "naive", ".", ",", "字",
  *(chr(c) for c in range(ord("a"), ord("z") + 1)),
  *(f"##{chr(c)}" for c in range(ord("a"), ord("z") + 1)),
)  # fmt: skip


class PlantedTagger(tf.keras.Model):
  """Labels wordpieces by a table."""

  def __init__(self):
    super().__init__()
    self._table = np.array(
      [
        entity_types.LABELS.index(_LABELS.get(piece, "O"))
        for piece in VOCABULARY
      ]
    )

  def call(self, token_ids, segment_ids, training=False):
    labels = tf.gather(tf.constant(self._table), token_ids)
    return 9.0 * tf.one_hot(labels, len(entity_types.LABELS))


def tokenizer():
  return wordpiece.Tokenizer(VOCABULARY)


def text_tagger(**changes):
  """The graph from text to spans."""
  return tagger_export.TextTagger(
    PlantedTagger(), tokenizer(), synthetic.tagger_config(**changes)
  )


def save(folder):
  """Exports it, and returns the folder."""
  config = synthetic.tagger_config()
  tagger_export.save(str(folder), PlantedTagger(), tokenizer(), config, step=1)
  return str(folder)
