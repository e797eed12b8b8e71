"""Which wordpieces of a query are masked: the policies of the paper's Table 2.

Stateless: the same seed chooses the same masks. Every chosen wordpiece is
replaced by [MASK], unless `vary` keeps or changes some, as BERT does.
"""

from typing import NamedTuple

import tensorflow as tf

_SPAN_CONTINUES = 0.8  # SpanBERT (Joshi et al., 2019): lengths ~ Geometric(0.2)
_TOKEN_RATE = 0.15  # BERT (Devlin et al., 2019), as the next two
_KEPT = 0.1
_CHANGED = 0.1


class MaskedQueries(NamedTuple):
  """A batch of masked queries.

  Attributes:
    token_ids: <int32>[batch, length]. With [MASK] at the chosen places.
    mask_positions: <int32>[batch, max_masks]. In order; 0 for padding.
    targets: <int32>[batch, max_masks]. Masked wordpieces; 0 for padding.
    target_weights: <float32>[batch, max_masks]. 1 for a mask, 0 for padding.
  """

  token_ids: tf.Tensor
  mask_positions: tf.Tensor
  targets: tf.Tensor
  target_weights: tf.Tensor


def span_mask(
  length: int, span_starts: tf.Tensor, span_limits: tf.Tensor
) -> tf.Tensor:
  """Chooses the places [start, limit) of each row.

  Args:
    length: Width of the result.
    span_starts: <int32>[batch].
    span_limits: <int32>[batch].

  Returns:
    <bool>[batch, length].
  """
  places = tf.range(length)[None, :]
  return (places >= span_starts[:, None]) & (places < span_limits[:, None])


def random_span_mask(
  length: int,
  first: tf.Tensor,
  limit: tf.Tensor,
  max_masks: int,
  seed: tf.Tensor,
) -> tf.Tensor:
  """Chooses one span a row, its length geometric as SpanBERT's.

  Args:
    length: Width of the result.
    first: <int32>[batch]. First place that may be masked.
    limit: <int32>[batch]. The place after the last.
    max_masks: Longest span.
    seed: <int32>[2].

  Returns:
    <bool>[batch, length].
  """
  draws = tf.random.stateless_uniform([2, tf.shape(first)[0]], seed)
  # The inverse of the distribution function of Geometric(1 - _SPAN_CONTINUES).
  drawn = 1.0 + tf.floor(
    tf.math.log1p(-draws[0]) / tf.math.log(_SPAN_CONTINUES)
  )
  longest = tf.minimum(max_masks, limit - first)
  span_length = tf.minimum(tf.cast(tf.minimum(drawn, 1e6), tf.int32), longest)
  starts = first + _below(draws[1], limit - first - span_length + 1)
  return span_mask(length, starts, starts + span_length)


def random_token_mask(
  length: int,
  first: tf.Tensor,
  limit: tf.Tensor,
  max_masks: int,
  seed: tf.Tensor,
) -> tf.Tensor:
  """Chooses 15% of each row's places, one at least, `max_masks` at most.

  Args:
    length: Width of the result.
    first: <int32>[batch]. First place that may be masked.
    limit: <int32>[batch]. The place after the last.
    max_masks: Most places of a row.
    seed: <int32>[2].

  Returns:
    <bool>[batch, length].
  """
  allowed = span_mask(length, first, limit)
  draws = tf.random.stateless_uniform([tf.shape(first)[0], length], seed)
  draws = tf.where(allowed, draws, 2.0)
  wanted = tf.round(_TOKEN_RATE * tf.cast(limit - first, tf.float32))
  wanted = tf.clip_by_value(tf.cast(wanted, tf.int32), 1, max_masks)
  rank = tf.argsort(tf.argsort(draws, axis=1), axis=1)
  return allowed & (rank < wanted[:, None])


def apply_mask(
  token_ids: tf.Tensor, chosen: tf.Tensor, max_masks: int, mask_id: int
) -> MaskedQueries:
  """Replaces the chosen wordpieces and gives them as targets.

  Args:
    token_ids: <int32>[batch, length].
    chosen: <bool>[batch, length]. At most `max_masks` a row.
    max_masks: Width of the targets.
    mask_id: Id of [MASK].
  """
  length = token_ids.shape[1]
  places = tf.where(chosen, tf.range(length)[None, :], length)
  places = -tf.math.top_k(-places, k=max_masks).values  # ascending
  is_target = places < length
  places = tf.where(is_target, places, 0)
  targets = tf.gather(token_ids, places, batch_dims=1)
  return MaskedQueries(
    token_ids=tf.where(chosen, mask_id, token_ids),
    mask_positions=places,
    targets=tf.where(is_target, targets, 0),
    target_weights=tf.cast(is_target, tf.float32),
  )


def vary(
  masked: MaskedQueries,
  token_ids: tf.Tensor,
  words: tf.Tensor,
  seed: tf.Tensor,
) -> MaskedQueries:
  """Keeps a tenth of the masked wordpieces, and changes a tenth to others.

  They stay targets: BERT's 80% [MASK], 10% random words, 10% the word itself.

  Args:
    masked: What `apply_mask` returns.
    token_ids: <int32>[batch, length]. Before masking.
    words: <int32>[words]. The wordpieces that others are drawn from.
    seed: <int32>[2].
  """
  draws = tf.random.stateless_uniform(
    tf.concat([[2], tf.shape(token_ids)], axis=0), seed
  )
  others = tf.gather(words, _below(draws[1], tf.size(words)))
  chosen = tf.reduce_any(
    (tf.range(token_ids.shape[1]) == masked.mask_positions[:, :, None])
    & (masked.target_weights[:, :, None] > 0),
    axis=1,
  )
  kept = chosen & (draws[0] < _KEPT)
  changed = chosen & (draws[0] >= 1 - _CHANGED)
  varied = tf.where(kept, token_ids, masked.token_ids)
  return masked._replace(token_ids=tf.where(changed, others, varied))


def _below(draws: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
  """Turns uniform draws in [0, 1) into integers in [0, limit)."""
  scaled = draws * tf.cast(limits, tf.float32)
  return tf.minimum(tf.cast(scaled, tf.int32), limits - 1)


def choose_below(limits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  """Draws an integer in [0, limit) for each row.

  Args:
    limits: <int32>[batch], at least 1.
    seed: <int32>[2].

  Returns:
    <int32>[batch].
  """
  return _below(tf.random.stateless_uniform(tf.shape(limits), seed), limits)
