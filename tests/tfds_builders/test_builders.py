"""The tests that stand beside the builders, where TFDS wants them."""

import pathlib
import subprocess
import sys

_ROOT = pathlib.Path(__file__).parents[2]


def test_the_builders_pass_tfds_own_tests():
  # In a process of their own: TFDS's test case changes TensorFlow's global
  # state, after which SavedModels can no longer be written.
  modules = sorted(map(str, _ROOT.glob("tfds_builders/*/*_test.py")))
  assert len(modules) == 3
  done = subprocess.run(
    [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *modules],
    cwd=_ROOT,
    capture_output=True,
    text=True,
    timeout=300,
  )
  assert done.returncode == 0, done.stdout[-3000:]
  assert "failed" not in done.stdout
