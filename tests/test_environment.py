import gc
import os
import pathlib
import subprocess
import sys
import tomllib
import weakref
from importlib import metadata

import pytest
from packaging import requirements
from packaging import specifiers

from realm_tf import environment
from realm_tf import errors

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_OLD = {
  "keras": "2.15.0",
  "numpy": "1.26.4",
  "scann": "1.3.0",
  "tensorflow": "2.15.1",
  "tensorflow-text": "2.15.0",
  "tf-keras": "2.15.1",
  "tf-models-official": "2.15.0",
}
_NEW = {
  "keras": "3.15.1",
  "numpy": "2.4.6",
  "scann": "1.4.2",
  "tensorflow": "2.20.0",
  "tensorflow-text": "2.20.1",
  "tf-keras": "2.20.1",
  "tf-models-official": "2.20.0",
}
# By the minor version of Python 3.
_GOOD = {11: _OLD, 12: _NEW, 13: _NEW}


def run_on(monkeypatch, *version):
  """Has the process look like one of another Python."""
  monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))


@pytest.fixture(params=_GOOD)
def minor(request, monkeypatch):
  """The minor version of the Python that runs."""
  run_on(monkeypatch, 3, request.param)
  return request.param


@pytest.fixture
def versions(monkeypatch, minor):
  """The installed versions; a test changes them."""
  installed = dict(_GOOD[minor])

  def version(name):
    if name not in installed:
      raise metadata.PackageNotFoundError(name)
    return installed[name]

  monkeypatch.setattr(metadata, "version", version)
  monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
  return installed


def _error():
  with pytest.raises(errors.UserError) as caught:
    environment.check()
  message = str(caught.value)
  assert "\n" not in message
  return message


def test_what_is_installed_here_passes():
  environment.check()


def test_versions_of_a_stack_pass(versions):
  environment.check()


@pytest.mark.parametrize("found", [(3, 10), (3, 14), (4, 11)])
def test_other_python_is_named(monkeypatch, found):
  run_on(monkeypatch, *found)
  message = _error()
  assert f"Python {found[0]}.{found[1]}," in message
  assert "needs Python 3.11, 3.12 or 3.13:" in message


@pytest.mark.parametrize(
  ("minor", "name", "version"),
  [
    (11, "numpy", "2.1.0"),
    (11, "numpy", "11.0"),
    (11, "scann", "1.4.2"),
    (11, "scann", "1.30.0"),
    (11, "tensorflow", "2.20.0"),
    (11, "tensorflow-text", "2.16.1"),
    (11, "keras", "3.3.3"),
    (12, "tensorflow", "2.15.1"),
    (13, "numpy", "1.26.4"),
    (13, "scann", "1.3.0"),
    (13, "tensorflow", "2.21.0"),
    (13, "tf-keras", "2.15.1"),
  ],
  indirect=["minor"],
)
def test_wrong_version_is_named_with_the_cure(versions, minor, name, version):
  versions[name] = version
  message = _error()
  assert f"{name} {version} is installed" in message
  stack = "2.15" if minor == 11 else "2.20"
  assert f"install -c constraints-tf{stack}.txt" in message


@pytest.mark.parametrize("name", ["tensorflow", "tf-keras", "numpy"])
def test_missing_package_is_named(versions, name):
  del versions[name]
  assert f"{name} is not installed" in _error()


def test_scann_may_be_missing(versions):
  del versions["scann"]
  environment.check()


@pytest.mark.parametrize("minor", [11], indirect=True)
def test_all_wrong_versions_are_told_at_once(versions):
  versions.update(numpy="2.0.0", keras="3.0.0")
  message = _error()
  assert "numpy 2.0.0" in message
  assert "keras 3.0.0" in message


@pytest.mark.parametrize("value", ["1", "true", "True"])
def test_keras_3_is_harmless_where_legacy_keras_is_set(
  monkeypatch, versions, value
):
  versions["keras"] = "3.3.3"
  monkeypatch.setenv("TF_USE_LEGACY_KERAS", value)
  environment.check()


@pytest.mark.parametrize("minor", [13], indirect=True)
def test_keras_3_is_refused_where_the_user_asks_for_it(monkeypatch, versions):
  monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
  assert "TF_USE_LEGACY_KERAS=0 is set" in _error()


def test_missing_keras_is_left_to_tf_keras(versions):
  del versions["keras"]
  environment.check()


def test_configure_keeps_what_the_user_set(monkeypatch):
  monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
  monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
  environment.configure()
  assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
  assert os.environ["TF_USE_LEGACY_KERAS"] == "1"


def test_garbage_is_collected_rarely_but_is(monkeypatch):
  class Node:
    pass

  before = gc.get_threshold()
  try:
    environment.collect_garbage_rarely()
    node = Node()
    node.itself, seen = node, weakref.ref(node)
    del node
    kept = [[] for _ in range(gc.get_threshold()[0] + 1000)]
    assert kept and seen() is None
  finally:
    gc.set_threshold(*before)


@pytest.mark.parametrize(
  ("call", "said"),
  [("", "collected\n"), ("environment.collect_garbage_rarely()", "")],
)
def test_garbage_is_left_alone_at_the_exit(call, said):
  program = f"""
from realm_tf import environment
class Node:
  def __del__(self):
    print("collected")
{call}
node = Node()
node.itself = node
del node
"""
  done = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True, check=True
  )
  assert done.stdout == said


def test_give_memory_back_keeps_what_the_user_set(monkeypatch):
  monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
  environment.give_memory_back()
  assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
  monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
  environment.give_memory_back()
  assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"


def _pins(name):
  """The versions in a constraints file, by normalised name."""
  lines = (_ROOT / name).read_text().splitlines()
  pairs = (line.split("==") for line in lines if not line.startswith("#"))
  return {name.lower().replace("_", "-"): version for name, version in pairs}


def test_a_stack_is_what_its_constraints_pin(versions, minor):
  """And what pip installs by the markers in pyproject.toml."""
  name = "constraints-tf2.15.txt" if minor == 11 else "constraints-tf2.20.txt"
  pins = _pins(name)
  versions.update({name: pins[name] for name in versions})
  environment.check()

  project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
  python = {"python_version": f"3.{minor}", "sys_platform": "linux"}
  wanted = [
    requirement
    for line in project["dependencies"]
    if not (requirement := requirements.Requirement(line)).marker
    or requirement.marker.evaluate(python)
  ]
  names = [requirement.name.lower().replace("_", "-") for requirement in wanted]
  assert len(set(names)) == len(names)
  for name, requirement in zip(names, wanted, strict=True):
    assert requirement.specifier.contains(pins[name], prereleases=True), name
  assert f"3.{minor}" in specifiers.SpecifierSet(project["requires-python"])


def test_check_imports_neither_tensorflow_nor_numpy():
  code = (
    "import sys; from realm_tf import environment; environment.check();"
    "environment.configure(); print({'tensorflow', 'numpy'} & set(sys.modules))"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=True
  )
  assert done.stdout.strip() == "set()"
