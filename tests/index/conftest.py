import pytest

from tests.index import fake_run


@pytest.fixture
def corpus(tmp_path):
  return fake_run.write_corpus(tmp_path / "corpus")


@pytest.fixture
def model_dir(tmp_path, corpus):
  path = fake_run.write_run(tmp_path / "run", corpus)
  fake_run.write_export(path, 100)
  return path
