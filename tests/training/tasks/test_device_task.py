"""The training step retrieves what the host would, on one replica and two."""

import numpy as np
import pytest

from tests import programs
from tests.training import device_retrieval

pytestmark = pytest.mark.slow
everywhere = pytest.mark.parametrize("replicas", device_retrieval.REPLICAS)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
  """What the host, one replica and two gave over 20 steps."""
  folder = tmp_path_factory.mktemp("exports")
  # Replicas wait for each other: on a busy machine this takes minutes.
  return programs.result_of(
    "tests.training.device_retrieval", str(folder), timeout_secs=600
  )


@everywhere
def test_candidates_are_the_hosts(found, replicas):
  # A new version was taken in the middle.
  assert found[str(replicas)]["rows"] == found["host"]["rows"]
  rows = np.array(found["host"]["rows"])
  assert rows.shape == (20, 8, 4)
  assert len(np.unique(rows)) > 20


@everywhere
def test_losses_and_gradients_are_the_hosts(found, replicas):
  got, wanted = found[str(replicas)], found["host"]
  assert got["losses"] == pytest.approx(wanted["losses"], rel=1e-4)
  assert got["weights"] == pytest.approx(wanted["weights"], rel=1e-4, abs=1e-6)
  assert wanted["losses"][-1] != pytest.approx(wanted["losses"][0], rel=1e-3)


@everywhere
def test_evaluations_and_texts_are_the_hosts(found, replicas):
  got, wanted = found[str(replicas)], found["host"]
  assert got["retrieved"] == wanted["retrieved"]
  assert got["evaluation"].keys() == wanted["evaluation"].keys()
  for name, sums in wanted["evaluation"].items():
    assert got["evaluation"][name] == pytest.approx(sums, rel=1e-4, abs=1e-4)


@everywhere
def test_a_new_version_is_taken_without_a_trace(found, replicas):
  assert device_retrieval.NEW_VERSION_AT < device_retrieval.STEPS
  assert found[str(replicas)]["traces"] == 1
