"""A stand-in for an example generator that works in Python, one at a time.

Ours, written for the comparison in the manner of Google's released generator,
which is not run here: for each example, Python tokenizes the sentence with
offsets, chooses a span, masks it, joins query and passages as lists, and puts
all into a tf.train.Example.
"""

import unicodedata
from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.configs import schema

_CLS, _SEP, _MASK = 2, 3, 4  # places in `wordpiece.SPECIAL_TOKENS`


class PythonFeaturiser:
  """Makes the features of single examples in plain Python."""

  def __init__(
    self,
    words: Sequence[str],
    passages: Sequence[tuple[list[int], list[int]]],
    config: schema.RealmConfig,
  ):
    """Holds what it reads.

    Args:
      words: The vocabulary.
      passages: Token ids of title and body of each.
      config: Lengths, candidates and masks.
    """
    self._ids = {word: i for i, word in enumerate(words)}
    self._longest = max(map(len, words))
    self._passages = passages
    self._config = config
    self._rng = np.random.default_rng(0)

  def __call__(
    self, text: str, spans: Sequence[tuple[int, int]], rows: Sequence[int]
  ) -> bytes:
    """Returns one example, serialized.

    Args:
      text: The sentence.
      spans: Characters [start, limit) of its salient spans.
      rows: The passages it is read with; -1 for the null passage.
    """
    config = self._config
    ids, starts, limits = self._tokenize(text)
    ids = ids[: config.query_length - 2]
    first, last = spans[self._rng.integers(len(spans))]
    chosen = [
      i + 1 for i in range(len(ids)) if starts[i] < last and limits[i] > first
    ][: config.max_masks]
    query = [_CLS, *ids, _SEP]
    targets = [query[i] for i in chosen]
    for i in chosen:
      query[i] = _MASK
    missing = config.max_masks - len(chosen)
    joint, segments, inputs = [], [], []
    for row in rows:
      title, body = self._passages[row] if row >= 0 else ([], [])
      body = body[: config.passage_length - 3 - len(title)]
      tokens = [*query, *body, _SEP]
      padding = [0] * (config.joint_length - len(tokens))
      joint += tokens + padding
      segments += [0] * len(query) + [1] * (len(body) + 1) + padding
      tokens = [_CLS, *title, _SEP, *body, _SEP]
      inputs += tokens + [0] * (config.passage_length - len(tokens))
    values = {
      "query_token_ids": query + [0] * (config.query_length - len(query)),
      "passage_token_ids": inputs,
      "joint_token_ids": joint,
      "joint_segment_ids": segments,
      "mask_positions": chosen + [0] * missing,
      "targets": targets + [0] * missing,
      "target_weights": [1] * len(chosen) + [0] * missing,
    }
    return tf.train.Example(
      features=tf.train.Features(
        feature={
          name: tf.train.Feature(int64_list=tf.train.Int64List(value=value))
          for name, value in values.items()
        }
      )
    ).SerializeToString()

  def _tokenize(self, text: str) -> tuple[list[int], list[int], list[int]]:
    """Takes the longest wordpieces that there are, word by word."""
    ids, starts, limits = [], [], []
    for word, at in _words(text):
      place = 0
      while place < len(word):
        prefix = "##" if place else ""
        end = min(len(word), place + self._longest)
        while end > place and prefix + word[place:end] not in self._ids:
          end -= 1
        if end == place:
          break
        ids.append(self._ids[prefix + word[place:end]])
        starts.append(at + place)
        limits.append(at + end)
        place = end
    return ids, starts, limits


def _words(text: str) -> Iterator[tuple[str, int]]:
  """Yields words in lower case without accents, and where each begins."""
  word, start = [], 0
  for i, char in enumerate(text):
    category = unicodedata.category(char)
    if char.isspace() or category.startswith(("C", "P", "S")):
      if word:
        yield "".join(word), start
        word = []
      if category.startswith(("P", "S")):
        yield char, i
      continue
    if not word:
      start = i
    for part in unicodedata.normalize("NFD", char.lower()):
      if unicodedata.category(part) != "Mn":
        word.append(part)
  if word:
    yield "".join(word), start
