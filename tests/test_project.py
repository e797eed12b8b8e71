"""The files at the top of the repository, held against what they name."""

import pathlib
import tomllib

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]


def pyproject():
  return tomllib.loads((_ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("package", ["realm_tf", "tfds_builders"])
def test_all_data_of_a_package_is_installed(package):
  folder = _ROOT / package
  patterns = pyproject()["tool"]["setuptools"]["package-data"][package]
  installed = {path for pattern in patterns for path in folder.glob(pattern)}
  data = {
    path
    for path in folder.rglob("*")
    if path.is_file() and path.suffix not in (".py", ".pyc")
  }
  assert data
  assert data <= installed
