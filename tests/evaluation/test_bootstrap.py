import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from realm_tf.evaluation import bootstrap

VALUES = st.lists(
  st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=40
).map(lambda rows: np.array(rows, np.float64))


@hypothesis.given(VALUES, st.integers(0, 2**32))
def test_an_interval_contains_its_mean_and_depends_on_the_seed_alone(
  values, seed
):
  figures = bootstrap.means(values, seed)
  assert figures == bootstrap.means(values, seed)
  for figure, column in zip(figures, values.T, strict=True):
    assert figure.value == pytest.approx(column.mean())
    assert figure.count == len(column)
    slack = 1e-9
    assert figure.low <= figure.value + slack
    assert figure.value <= figure.high + slack
    assert column.min() - slack <= figure.low
    assert figure.high <= column.max() + slack


def test_intervals_are_those_of_the_normal_distribution_for_many_values():
  values = np.repeat([0.0, 1.0], [600, 400])[:, None]
  (figure,) = bootstrap.means(values)
  width = 1.96 * np.sqrt(0.4 * 0.6 / 1000)
  assert figure.value == pytest.approx(0.4)
  assert figure.low == pytest.approx(0.4 - width, abs=0.005)
  assert figure.high == pytest.approx(0.4 + width, abs=0.005)


def test_intervals_are_those_of_resampling_by_hand():
  values = np.array([0.0, 0.0, 1.0, 0.5, 0.25, 1.0, 0.0])
  rng = np.random.default_rng(7)
  drawn = [rng.choice(values, len(values)).mean() for _ in range(4000)]
  low, high = np.percentile(drawn, [2.5, 97.5])
  (figure,) = bootstrap.means(values[:, None], seed=1)
  assert figure.low == pytest.approx(low, abs=0.03)
  assert figure.high == pytest.approx(high, abs=0.03)


def test_seeds_differ_and_batches_do_not_matter(monkeypatch):
  values = np.random.default_rng(0).random((50, 3))
  first = bootstrap.means(values, 0)
  assert first != bootstrap.means(values, 1)
  monkeypatch.setattr(bootstrap, "_BATCH_VALUES", 1000)
  for one, other in zip(first, bootstrap.means(values, 0), strict=True):
    assert other.low == pytest.approx(one.low)
    assert other.high == pytest.approx(one.high)


def test_columns_share_their_draws():
  values = np.random.default_rng(0).random(30)
  one, other = bootstrap.means(np.stack([values, 1 - values], axis=1))
  assert other.low == pytest.approx(1 - one.high)
  assert other.high == pytest.approx(1 - one.low)


def test_one_question_nothing_or_no_column():
  (figure,) = bootstrap.means(np.array([[0.5]]))
  assert (figure.value, figure.low, figure.high) == (0.5, 0.5, 0.5)
  with pytest.raises(ValueError, match="nothing"):
    bootstrap.means(np.zeros([0, 2]))
  assert bootstrap.means(np.zeros([3, 0])) == []
