import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.text import masking

LENGTH = 20
ROWS = 64
SEEDS = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))


def limits_of(seed, shortest=1):
  rng = np.random.default_rng(seed)
  first = rng.integers(0, LENGTH - shortest + 1, ROWS)
  limit = first + shortest + rng.integers(0, LENGTH - shortest - first + 1)
  return first.astype(np.int32), limit.astype(np.int32)


def test_span_mask_chooses_the_places_given():
  chosen = masking.span_mask(5, tf.constant([1, 0, 3]), tf.constant([3, 0, 5]))
  np.testing.assert_array_equal(
    chosen, [[0, 1, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 1]]
  )


@hypothesis.given(st.integers(0, 1000), st.integers(1, 12), SEEDS)
def test_random_span_is_one_run_inside_the_row_within_the_budget(
  rows, max_masks, seed
):
  first, limit = limits_of(rows)
  chosen = masking.random_span_mask(
    LENGTH, first, limit, max_masks, tf.constant(seed, tf.int32)
  ).numpy()
  counts = chosen.sum(axis=1)
  assert (counts >= 1).all()
  assert (counts <= np.minimum(max_masks, limit - first)).all()
  for row, start, end in zip(chosen, first, limit, strict=True):
    places = np.flatnonzero(row)
    assert places[0] >= start
    assert places[-1] < end
    np.testing.assert_array_equal(np.diff(places), 1)


def test_random_span_lengths_are_geometric_up_to_the_budget():
  rows = 20_000
  first, limit = np.zeros(rows, np.int32), np.full(rows, 20, np.int32)
  chosen = masking.random_span_mask(20, first, limit, 10, tf.constant([3, 4]))
  counts = chosen.numpy().sum(axis=1)
  for length in range(1, 10):
    expected = 0.2 * 0.8 ** (length - 1)
    assert abs(np.mean(counts == length) - expected) < 0.015
  assert abs(np.mean(counts == 10) - 0.8**9) < 0.015


@hypothesis.given(st.integers(0, 1000), st.integers(1, 12), SEEDS)
def test_random_tokens_are_15_percent_but_one_at_least(rows, max_masks, seed):
  first, limit = limits_of(rows)
  chosen = masking.random_token_mask(
    LENGTH, first, limit, max_masks, tf.constant(seed, tf.int32)
  ).numpy()
  places = np.arange(LENGTH)[None]
  allowed = (places >= first[:, None]) & (places < limit[:, None])
  assert not (chosen & ~allowed).any()
  share = 0.15 * (limit - first)
  counts = chosen.sum(axis=1)
  assert (counts >= np.minimum(np.maximum(np.floor(share), 1), max_masks)).all()
  assert (counts <= np.minimum(np.maximum(np.ceil(share), 1), max_masks)).all()


def test_each_place_is_equally_likely_among_random_tokens():
  rows = 20_000
  first, limit = np.full(rows, 2, np.int32), np.full(rows, 12, np.int32)
  chosen = masking.random_token_mask(14, first, limit, 10, tf.constant([1, 2]))
  share = chosen.numpy().mean(axis=0)
  # 15% of 10 places is 1.5, that is 2 after rounding to even.
  np.testing.assert_allclose(share[2:12], 0.2, atol=0.02)
  assert not share[[0, 1, 12, 13]].any()


def test_masks_depend_on_the_seed_alone():
  first, limit = limits_of(5, shortest=8)
  for policy in (masking.random_span_mask, masking.random_token_mask):
    once, again, other = (
      policy(LENGTH, first, limit, 4, tf.constant(seed)).numpy()
      for seed in ([1, 2], [1, 2], [1, 3])
    )
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


@hypothesis.given(st.integers(0, 2**31 - 1))
def test_apply_mask_puts_masks_and_gives_what_stood_there(seed):
  rng = np.random.default_rng(seed)
  token_ids = rng.integers(5, 50, (8, 10)).astype(np.int32)
  chosen = np.zeros((8, 10), bool)
  for row in chosen:
    row[rng.permutation(10)[: rng.integers(0, 4)]] = True
  masked = masking.apply_mask(tf.constant(token_ids), chosen, 3, 4)
  np.testing.assert_array_equal(
    masked.token_ids, np.where(chosen, 4, token_ids)
  )
  for b in range(8):
    places = list(np.flatnonzero(chosen[b]))
    padding = [0] * (3 - len(places))
    assert list(masked.mask_positions[b].numpy()) == places + padding
    targets = list(token_ids[b, places]) + padding
    assert list(masked.targets[b].numpy()) == targets
    weights = [1.0] * len(places) + [0.0] * len(padding)
    assert list(masked.target_weights[b].numpy()) == weights


def test_choose_below_stays_below_and_reaches_all():
  limits = tf.constant([1, 2, 3, 7] * 200)
  drawn = masking.choose_below(limits, tf.constant([5, 6])).numpy()
  for i, limit in enumerate((1, 2, 3, 7)):
    assert set(drawn[i::4]) == set(range(limit))


def test_of_the_targets_a_tenth_is_kept_and_a_tenth_changed_to_words():
  token_ids = np.full((2_000, 10), 7, np.int32)
  chosen = np.zeros((2_000, 10), bool)
  chosen[:, 2:5] = True
  masked = masking.apply_mask(tf.constant(token_ids), chosen, 4, 4)
  words = tf.constant([8, 9])
  varied = masking.vary(masked, token_ids, words, tf.constant([1, 2]))
  for name in ("mask_positions", "targets", "target_weights"):
    np.testing.assert_array_equal(getattr(varied, name), getattr(masked, name))
  ids = varied.token_ids.numpy()
  assert (ids[~chosen] == 7).all()
  shares = [np.mean(ids[chosen] == i) for i in (4, 7, 8, 9)]
  np.testing.assert_allclose(shares, [0.8, 0.1, 0.05, 0.05], atol=0.015)
