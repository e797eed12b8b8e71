"""The part of a passage's body that fits into the reader's input."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.text import wordpiece

_BATCH = 256


@dataclasses.dataclass(frozen=True)
class ReaderView:
  """Cuts bodies as the model inputs do; see `data/examples/packing.py`.

  Attributes:
    tokenizer: Of the corpus.
    config: Gives the lengths: a body is cut where title and body fill
      `passage_length`, and where question and body fill what is read.
  """

  tokenizer: wordpiece.Tokenizer
  config: schema.CorpusConfig

  def room_of_questions(self, questions: Sequence[str]) -> np.ndarray:
    """Returns how many wordpieces of a body fit beside each question.

    Args:
      questions: One at least.

    Returns:
      <int64>[questions].
    """
    ids = self.tokenizer.tokenize(tf.constant(list(questions)))
    config = self.config
    lengths = np.minimum(ids.row_lengths().numpy() + 2, config.query_length)
    width = (
      config.reader_length
      if isinstance(config, schema.OrqaConfig)
      else config.joint_length
    )
    return width - lengths - 1

  def cut(
    self, titles: Sequence[str], bodies: Sequence[str], rooms: np.ndarray
  ) -> list[str]:
    """Returns the parts of bodies that the reader sees.

    Args:
      titles: Of n passages.
      bodies: Of the same.
      rooms: <int64>[n]. As `room_of_questions` gives them.

    Returns:
      n beginnings of bodies, whole where all fits.
    """
    seen = []
    for first in range(0, len(bodies), _BATCH):
      batch = slice(first, first + _BATCH)
      raw = [body.encode() for body in bodies[batch]]
      title_ids = self.tokenizer.tokenize(tf.constant(list(titles[batch])))
      _, _, limits = self.tokenizer.tokenize_with_offsets(tf.constant(raw))
      left = self.config.passage_length - 3 - title_ids.row_lengths().numpy()
      fitting = np.clip(rooms[batch], 0, np.maximum(left, 0))
      splits, ends = limits.row_splits.numpy(), limits.flat_values.numpy()
      for body, count, start, limit in zip(
        raw, fitting, splits, splits[1:], strict=False
      ):
        if count < limit - start:
          body = body[: ends[start + count - 1] if count else 0]
        seen.append(body.decode())
    return seen
