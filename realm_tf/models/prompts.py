"""Prompts: wordpieces that an embedder puts before each text.

Public encoders that were trained with some, such as "query: ", need them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from realm_tf import errors
from realm_tf.configs import schema
from realm_tf.text import wordpiece


class PromptIds(NamedTuple):
  """The wordpieces of the prompts of both towers; empty for none.

  Attributes:
    query: Before each query.
    passage: Before each passage, its title included.
  """

  query: Sequence[int] = ()
  passage: Sequence[int] = ()


NONE = PromptIds()


def of(
  config: schema.RetrievalConfig, tokenizer: wordpiece.Tokenizer
) -> PromptIds:
  """Returns the prompts of a config.

  Args:
    config: Of a retriever.
    tokenizer: Of its corpus.

  Raises:
    errors.UserError: If a text with its prompt may be longer than the encoder
      has positions.
  """
  texts = {"query": config.query_prompt, "passage": config.passage_prompt}
  found = tokenizer.tokenize(tf.constant([*texts.values()])).to_list()
  for (name, text), ids in zip(texts.items(), found, strict=True):
    length = getattr(config, f"{name}_length")
    if ids and length + len(ids) > config.max_positions:
      raise errors.UserError(
        f"config.{name}_prompt={text!r} has {len(ids)} wordpieces: with "
        f"config.{name}_length={length} that is more than the "
        f"{config.max_positions} positions of the encoder. Set "
        f"config.{name}_length={config.max_positions - len(ids)} at most."
      )
  return PromptIds(*found)
