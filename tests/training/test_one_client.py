import pytest

from tests import graph_ops
from tests import programs

tasks = pytest.mark.parametrize("task", ["ict", "realm"])


@pytest.fixture(scope="module")
def trained():
  return programs.result_of("tests.training.one_client")


@tasks
def test_devices_of_another_process_get_their_shares_from_the_client(
  trained, task
):
  one, remote = trained[task]["one"], trained[task]["remote"]
  assert all("/job:worker" in place for place in remote["places"])
  assert len(remote["losses"]) == 2
  assert remote["losses"] == pytest.approx(one["losses"], rel=1e-4)


@tasks
def test_nothing_that_runs_there_is_a_custom_operation(trained, task):
  ops = trained[task]["remote"]["ops"]
  assert "MatMul" in ops
  assert graph_ops.not_in_tensorflow(ops) == set()


def test_the_devices_search_the_index(trained):
  ops = trained["realm"]["remote"]["ops"]
  assert {"ApproxTopK", "ResourceGather"} <= {*ops}
