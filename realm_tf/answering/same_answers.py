"""Merges answers that exact match treats as equal, in the graph."""

import tensorflow as tf

# What `string.punctuation` holds: ASCII's.
_PUNCTUATION = r"[[:punct:]]"
_ARTICLES = r"\b(?:a|an|the)\b"


def normalize(texts: tf.Tensor) -> tf.Tensor:
  """Normalizes texts as exact match does.

  As `evaluation.answers.normalize` for ASCII. TensorFlow's regular expressions
  know no other letters and spaces ("ça" loses its article), and nothing is
  decomposed (NFD), as the answers of one corpus are written in one form.

  Args:
    texts: <string>[...], UTF-8.
  """
  texts = tf.strings.lower(texts, encoding="utf-8")
  texts = tf.strings.regex_replace(texts, _PUNCTUATION, "")
  texts = tf.strings.regex_replace(texts, _ARTICLES, " ")
  return tf.strings.strip(tf.strings.regex_replace(texts, r"\s+", " "))


def merge(
  texts: tf.Tensor,
  probabilities: tf.Tensor,
  valid: tf.Tensor,
  count: int,
  *,
  add_up: bool = True,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
  """Returns the best different answers, the probabilities of equal ones summed.

  Args:
    texts: <string>[B, S]. The answers, the likeliest first.
    probabilities: <float32>[B, S].
    valid: <bool>[B, S]. Whether there is such an answer.
    count: n, answers to return.
    add_up: Whether the probabilities of equal answers are summed; if not, an
      answer has that of its likeliest span.

  Returns:
    The place of each answer's first span, <int32>[B, n], the
    probability <float32>[B, n], best first, and validity <bool>[B, n].
  """
  texts = normalize(texts)
  same = texts[:, :, None] == texts[:, None, :]
  same &= valid[:, :, None] & valid[:, None, :]  # [B, S, S]
  sums = probabilities  # [B, S]
  if add_up:
    sums = tf.linalg.matvec(tf.cast(same, tf.float32), probabilities)
  places = tf.range(tf.shape(texts)[1])
  is_first = valid & (
    tf.argmax(same, axis=2, output_type=tf.int32) == places
  )  # [B, S]
  # A sum that rounds to 0 is an answer all the same.
  ranked = tf.where(is_first, sums, -1.0)
  padded = tf.pad(ranked, [[0, 0], [0, count]], constant_values=-1.0)
  best, chosen = tf.nn.top_k(padded, count)
  found = best >= 0
  # Rounded, shares of 1 may add up to a little more.
  total = tf.where(found, tf.minimum(best, 1.0), 0.0)
  return tf.where(found, chosen, 0), total, found
