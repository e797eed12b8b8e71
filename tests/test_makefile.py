"""Which Python `make` takes, and the stack that it installs."""

import pathlib
import shutil
import subprocess

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_TOOLS = "sh make mkdir cp touch cat test".split()
# Says that it is of a version, and makes folders like those of venv.
_FAKE = """#!/bin/sh
case "$*" in
  *ensurepip*) exit {has_no_ensurepip};;
  *version_info*) echo {version};;
  "-m venv --clear "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python";;
  *) exit 1;;
esac
"""

pytestmark = pytest.mark.skipif(
  not all(map(shutil.which, _TOOLS)), reason="needs make"
)


@pytest.fixture
def bin_folder(tmp_path):
  """All that is in the path: no Python yet."""
  folder = tmp_path / "bin"
  folder.mkdir()
  for tool in _TOOLS:
    (folder / tool).symlink_to(shutil.which(tool))
  return folder


def add_python(folder, version, *, venv=True):
  path = folder / f"python{version}"
  path.write_text(_FAKE.format(version=version, has_no_ensurepip=int(not venv)))
  path.chmod(0o755)


def set_up(bin_folder, *arguments):
  """Has make create .venv; returns what it said, and .venv's constraints."""
  venv = bin_folder.parent / ".venv"
  done = subprocess.run(
    ["make", f"VENV={venv}", *arguments, f"{venv}/.constraints"],
    cwd=_ROOT,
    env={"PATH": str(bin_folder)},
    capture_output=True,
    text=True,
    check=False,
  )
  if done.returncode:
    return done.stderr, None
  return done.stdout, (venv / ".constraints").read_text().strip()


@pytest.mark.parametrize(
  ("there", "taken", "constraints"),
  [
    (["3.13", "3.11", "3.12"], "3.11", "constraints-tf2.15.txt"),
    (["3.12", "3.13"], "3.13", "constraints-tf2.20.txt"),
    (["3.10", "3.12"], "3.12", "constraints-tf2.20.txt"),
  ],
)
def test_a_python_is_chosen_with_its_stack(
  bin_folder, there, taken, constraints
):
  for version in there:
    add_python(bin_folder, version)
  said, found = set_up(bin_folder)
  assert f"python{taken} -m venv" in said
  assert found == constraints
  assert (_ROOT / constraints).exists()


def test_one_that_cannot_make_environments_is_passed_over(bin_folder):
  add_python(bin_folder, "3.11", venv=False)
  add_python(bin_folder, "3.12")
  assert set_up(bin_folder)[1] == "constraints-tf2.20.txt"


def test_no_python_is_told_in_one_line(bin_folder):
  add_python(bin_folder, "3.10")
  said, found = set_up(bin_folder)
  assert found is None
  assert said.startswith("error: there is no Python 3.11, 3.12 or 3.13")


@pytest.mark.parametrize(
  ("version", "message"),
  [("3.10", "is Python 3.10, but realm_tf needs"), ("3.14", "does not run")],
)
def test_a_wrong_python_is_named(bin_folder, version, message):
  for there in ("3.10", "3.11"):
    add_python(bin_folder, there)
  said, found = set_up(bin_folder, f"PYTHON=python{version}")
  assert found is None
  assert f"error: 'python{version}' {message}" in said


def test_an_environment_is_not_taken_for_another_pythons(bin_folder):
  for version in ("3.11", "3.13"):
    add_python(bin_folder, version)
  assert set_up(bin_folder)[1] == "constraints-tf2.15.txt"
  said, _ = set_up(bin_folder, "PYTHON=python3.13")
  assert ".venv is of Python 3.11: remove it by 'make clean'" in said
  assert set_up(bin_folder, "PYTHON=python3.11")[1]
  assert set_up(bin_folder)[1] == "constraints-tf2.15.txt"
