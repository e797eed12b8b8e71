"""Files of both stacks, read on the one that the tests run on."""

import json
import tarfile

import pytest

from tests.across_stacks import make_files
from tests.across_stacks import observed

STACKS = ("tf2.15", "tf2.20")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """The files of each stack, in a folder of its name."""
  path = tmp_path_factory.mktemp("across")
  for stack in STACKS:
    with tarfile.open(make_files.FOLDER / f"{stack}.tar.xz") as tar:
      tar.extractall(path, filter="data")
  return path


def expected(root):
  return json.loads((root / make_files.EXPECTED).read_text())


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("kind", observed.KINDS, ids=lambda kind: kind.__name__)
def test_a_file_says_what_it_said_where_it_was_written(folder, stack, kind):
  root = folder / stack
  check(kind(root), expected(root)[kind.__name__])


def test_both_stacks_have_trained_the_same(folder):
  one, other = (expected(folder / stack) for stack in STACKS)
  for kind in ("corpus", "sentences", "checkpoint", "weights"):
    check(one[kind], other[kind])


def check(found, wanted):
  """Compares values of JSON, numbers nearly."""
  if isinstance(wanted, dict):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
      check(found[name], value)
  elif isinstance(wanted, list):
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
      check(one, other)
  elif isinstance(wanted, float):
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-5)
  else:
    assert found == wanted


def test_the_files_stay_small():
  archives = [make_files.FOLDER / f"{stack}.tar.xz" for stack in STACKS]
  assert sum(path.stat().st_size for path in archives) < 800_000
