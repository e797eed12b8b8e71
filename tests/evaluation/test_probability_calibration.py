import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from realm_tf.evaluation import probability_calibration


def test_by_hand():
  found = probability_calibration.calibration(
    np.array([0.05, 0.1, 0.11, 0.95, 1.0]),
    np.array([False, True, False, True, True]),
  )
  assert [b.count for b in found.bins] == [1, 2, 0, 0, 0, 0, 0, 0, 0, 2]
  assert found.bins[1].probability == pytest.approx(0.105)
  assert found.bins[1].right == 0.5
  # |0.05 - 0| + 2 |0.105 - 0.5| + 2 |0.975 - 1|, of five.
  assert found.error == pytest.approx((0.05 + 0.79 + 0.05) / 5)


@hypothesis.given(
  st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1)
)
def test_each_answer_is_in_one_bin(answers):
  probabilities, right = map(np.array, zip(*answers, strict=True))
  found = probability_calibration.calibration(probabilities, right)
  assert sum(b.count for b in found.bins) == len(answers)
  assert 0 <= found.error <= 1
  share = sum(b.count * b.right for b in found.bins) / len(answers)
  assert share == pytest.approx(right.mean())


def test_a_sure_model_that_is_right_has_no_error():
  found = probability_calibration.calibration(np.ones(4), np.ones(4, bool))
  assert found.error == 0


@pytest.mark.parametrize(
  ("probabilities", "right", "wanted"),
  [
    ([0.9, 0.5, 0.1], [True, True, True], 0.0),  # always
    ([0.9, 0.5, 0.1], [False, False, False], 2.0),  # never
    ([0.9, 0.5, 0.1], [True, True, False], 0.5),
    ([0.9, 0.5, 0.5, 0.1], [True, True, False, False], 0.5),  # 1 and 1: lower
    ([0.9, 0.5, 0.5, 0.5], [True, True, False, False], 0.9),
    ([0.3], [True], 0.0),
  ],
)
def test_answers_are_kept_back_where_they_do_more_harm_than_good(
  probabilities, right, wanted
):
  found = probability_calibration.abstention_threshold(
    np.array(probabilities), np.array(right)
  )
  assert found == pytest.approx(wanted)
