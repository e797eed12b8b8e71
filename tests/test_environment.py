import os
import subprocess
import sys
from importlib import metadata

import pytest

from realm_tf import environment
from realm_tf import errors

_GOOD = {
  "keras": "2.15.0",
  "numpy": "1.26.4",
  "scann": "1.3.0",
  "tensorflow": "2.15.1",
  "tensorflow-text": "2.15.0",
  "tf-keras": "2.15.1",
  "tf-models-official": "2.15.0",
}


@pytest.fixture
def versions(monkeypatch):
  """The installed versions; a test changes them."""
  installed = dict(_GOOD)

  def version(name):
    if name not in installed:
      raise metadata.PackageNotFoundError(name)
    return installed[name]

  monkeypatch.setattr(metadata, "version", version)
  monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
  return installed


@pytest.fixture
def cpu_info(monkeypatch, tmp_path):
  """A /proc/cpuinfo of an x86 machine that has AVX2; a test rewrites it."""
  path = tmp_path / "cpuinfo"
  path.write_text("processor : 0\nflags\t\t: fpu avx avx2 fma\n")
  monkeypatch.setattr(environment, "_CPU_INFO", path)
  monkeypatch.setattr(environment.platform, "machine", lambda: "x86_64")
  return path


def _error():
  with pytest.raises(errors.UserError) as caught:
    environment.check()
  message = str(caught.value)
  assert "\n" not in message
  return message


def test_what_is_installed_here_passes():
  environment.check()


def test_versions_of_the_table_pass(versions, cpu_info):
  environment.check()


@pytest.mark.parametrize("found", [(3, 12, 1), (3, 10, 13), (4, 11, 0)])
def test_other_python_is_named(monkeypatch, found):
  monkeypatch.setattr(sys, "version_info", (*found, "final", 0))
  message = _error()
  assert f"Python {found[0]}.{found[1]}," in message
  assert "needs Python 3.11" in message


def test_cpu_without_avx2(versions, cpu_info):
  cpu_info.write_text("processor : 0\nflags\t\t: fpu avx fma avx2x\n")
  assert "no AVX2" in _error()


def test_cpu_of_another_kind_is_not_asked_for_avx2(
  monkeypatch, versions, cpu_info
):
  cpu_info.write_text("Features : fp asimd\nflags : none\n")
  monkeypatch.setattr(environment.platform, "machine", lambda: "aarch64")
  environment.check()


def test_unreadable_cpu_info_is_no_error(versions, cpu_info):
  cpu_info.unlink()
  environment.check()


@pytest.mark.parametrize(
  ("name", "version"),
  [
    ("numpy", "2.1.0"),
    ("numpy", "11.0"),
    ("scann", "1.4.2"),
    ("scann", "1.30.0"),
    ("tensorflow", "2.16.1"),
    ("tensorflow-text", "2.16.1"),
    ("keras", "3.3.3"),
  ],
)
def test_wrong_version_is_named_with_the_cure(
  versions, cpu_info, name, version
):
  versions[name] = version
  message = _error()
  assert f"{name} {version} is installed" in message
  assert "install -c constraints.txt" in message


@pytest.mark.parametrize("name", ["tensorflow", "scann", "numpy"])
def test_missing_package_is_named(versions, cpu_info, name):
  del versions[name]
  assert f"{name} is not installed" in _error()


def test_all_wrong_versions_are_told_at_once(versions, cpu_info):
  versions.update(numpy="2.0.0", keras="3.0.0")
  message = _error()
  assert "numpy 2.0.0" in message
  assert "keras 3.0.0" in message


@pytest.mark.parametrize("value", ["1", "true", "True"])
def test_keras_3_is_harmless_where_legacy_keras_is_set(
  monkeypatch, versions, cpu_info, value
):
  versions["keras"] = "3.3.3"
  monkeypatch.setenv("TF_USE_LEGACY_KERAS", value)
  environment.check()


def test_missing_keras_is_left_to_tf_keras(versions, cpu_info):
  del versions["keras"]
  environment.check()


def test_configure_keeps_what_the_user_set(monkeypatch):
  monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
  monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
  environment.configure()
  assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
  assert os.environ["TF_USE_LEGACY_KERAS"] == "1"


def test_check_imports_neither_tensorflow_nor_numpy():
  code = (
    "import sys; from realm_tf import environment; environment.check();"
    "environment.configure(); print({'tensorflow', 'numpy'} & set(sys.modules))"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=True
  )
  assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
  ("content", "expected"),
  [
    ('{"config": {"precision": "bfloat16"}}', "BF16"),
    ('{"config": {"precision": "float32"}}', None),
    ('{"config": {}}', None),
    ("[1]", None),
    ("{", None),
    (None, None),
  ],
)
def test_products_are_those_of_a_runs_training(
  monkeypatch, tmp_path, content, expected
):
  # So that what is set is taken back in the end.
  monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "")
  monkeypatch.delenv("ONEDNN_DEFAULT_FPMATH_MODE")
  if content is not None:
    (tmp_path / "config.json").write_text(content)
  environment.match_run_precision(str(tmp_path))
  assert os.environ.get("ONEDNN_DEFAULT_FPMATH_MODE") == expected
