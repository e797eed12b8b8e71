import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from realm_tf.evaluation import intervals

VALUES = st.one_of(
  st.lists(st.booleans(), min_size=1, max_size=40),
  st.lists(st.floats(0, 1), min_size=1, max_size=40),
).map(lambda values: np.array(values, np.float64))


@hypothesis.given(VALUES, st.integers(0, 2**32))
def test_an_interval_contains_its_mean_and_depends_on_the_seed_alone(
  values, seed
):
  figure = intervals.mean(values, seed)
  assert figure == intervals.mean(values, seed)
  assert figure.value == pytest.approx(values.mean())
  assert figure.count == len(values)
  # Plots draw the distances, which must not be negative.
  assert 0 <= figure.low <= figure.value <= figure.high
  assert figure.high <= 1 + 1e-9


@pytest.mark.parametrize(
  ("right", "count", "low", "high"),
  [
    # Newcombe, 1998, table I, method 3.
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
    # By hand: from n / (n + z^2), with z = 1.959964, to 1.
    (3, 3, 0.4385, 1.0),
    (1, 1, 0.2065, 1.0),
  ],
)
def test_shares_have_wilsons_interval(right, count, low, high):
  values = np.repeat([1.0, 0.0], [right, count - right])
  figure = intervals.mean(values)
  assert figure.method == intervals.WILSON
  assert figure.low == pytest.approx(low, abs=5e-5)
  assert figure.high == pytest.approx(high, abs=5e-5)
  assert figure == intervals.mean(values, seed=1)


def test_intervals_are_those_of_resampling_by_hand():
  values = np.array([0.0, 0.0, 1.0, 0.5, 0.25, 1.0, 0.0])
  rng = np.random.default_rng(7)
  drawn = [rng.choice(values, len(values)).mean() for _ in range(4000)]
  low, high = np.percentile(drawn, [2.5, 97.5])
  figure = intervals.mean(values, seed=1)
  assert figure.method == intervals.BOOTSTRAP
  assert figure.low == pytest.approx(low, abs=0.03)
  assert figure.high == pytest.approx(high, abs=0.03)


def test_seeds_differ_and_batches_do_not_matter(monkeypatch):
  values = np.random.default_rng(0).random(50)
  first = intervals.mean(values, 0)
  assert first != intervals.mean(values, 1)
  monkeypatch.setattr(intervals, "BATCH_VALUES", 1000)
  other = intervals.mean(values, 0)
  assert other.low == pytest.approx(first.low)
  assert other.high == pytest.approx(first.high)


def test_one_value_or_nothing():
  figure = intervals.mean(np.array([0.5]))
  assert (figure.value, figure.low, figure.high) == (0.5, 0.5, 0.5)
  with pytest.raises(ValueError, match="nothing"):
    intervals.mean(np.zeros([0]))
