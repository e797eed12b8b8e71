import pytest


@pytest.fixture(scope="module")
def world(tmp_path_factory):
  """A corpus, its questions, and runs to start from."""
  from tests.training import people

  root = tmp_path_factory.mktemp("world")
  people.write_world(root)
  return root


@pytest.fixture(scope="module")
def overfitted(world, tmp_path_factory):
  """A fine-tuned run that knows all answers, and what is in memory of it."""
  from tests.training import people

  model_dir = tmp_path_factory.mktemp("overfitted") / "run"
  return model_dir, people.overfit(world, model_dir)
