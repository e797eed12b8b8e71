"""Capitals, for a tagger whose vocabulary is lower-case."""

import tensorflow as tf

_CAPITAL_FIRST = r"(?s)[\p{Lu}\p{Lt}].*"


def segment_ids(
  texts: tf.Tensor,
  starts: tf.RaggedTensor,
  limits: tf.RaggedTensor,
  *,
  seen: bool,
) -> tf.RaggedTensor:
  """Returns which wordpieces were read from text that begins with a capital.

  Args:
    texts: <string>[batch], UTF-8.
    starts: <int64>[batch, (tokens)]. First byte of each wordpiece.
    limits: <int64>[batch, (tokens)]. The byte after its last.
    seen: Whether the tagger sees capitals; all segments are 0 if not.

  Returns:
    <int32>[batch, (tokens)], 1 for a capital and 0 else.
  """
  if not seen:
    return starts.with_flat_values(tf.zeros_like(starts.flat_values, tf.int32))
  pieces = tf.strings.substr(
    tf.gather(texts, starts.value_rowids()),
    starts.flat_values,
    limits.flat_values - starts.flat_values,
  )
  capital = tf.strings.regex_full_match(pieces, _CAPITAL_FIRST)
  return starts.with_flat_values(tf.cast(capital, tf.int32))
