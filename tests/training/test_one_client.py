import pytest

from tests.training import programs


@pytest.fixture(scope="module")
def trained():
  return programs.result_of("tests.training.one_client")


def test_devices_of_another_process_get_their_shares_from_the_client(trained):
  one, remote = trained["one"], trained["remote"]
  assert all("/job:worker" in place for place in remote["places"])
  assert len(remote["losses"]) == 2
  assert remote["losses"] == pytest.approx(one["losses"], rel=1e-4)


def test_nothing_that_runs_there_is_a_custom_operation(trained):
  ops = trained["remote"]["ops"]
  assert "MatMul" in ops
  foreign = ("Py", "EagerPy", "Scann", "WhitespaceTokenize", "Wordpiece")
  assert not [op for op in ops if op.startswith(foreign)]
