import sys

import pytest

from realm_tf import stack


@pytest.fixture
def cpu_info(monkeypatch, tmp_path):
  """A /proc/cpuinfo of an x86 machine that has AVX2; a test rewrites it."""
  path = tmp_path / "cpuinfo"
  path.write_text("processor : 0\nflags\t\t: fpu avx avx2 fma\n")
  monkeypatch.setattr(stack, "_CPU_INFO", path)
  monkeypatch.setattr(stack.platform, "machine", lambda: "x86_64")
  return path


@pytest.fixture(autouse=True)
def _ask_again():
  stack.why_no_scann.cache_clear()
  yield
  stack.why_no_scann.cache_clear()


def test_this_machine_has_what_the_other_tests_need():
  assert stack.why_no_scann() == ""


def test_a_missing_scann_is_told(monkeypatch, cpu_info):
  monkeypatch.setitem(sys.modules, "scann", None)
  assert "scann" in stack.why_no_scann()


def test_without_avx2_scann_is_not_even_tried(monkeypatch, cpu_info):
  cpu_info.write_text("processor : 0\nflags\t\t: fpu avx fma avx2x\n")
  monkeypatch.setitem(sys.modules, "scann", None)  # Its import would be told.
  assert stack.why_no_scann() == "this CPU has no AVX2"


def test_a_cpu_of_another_kind_needs_no_avx2(monkeypatch, cpu_info):
  cpu_info.write_text("Features : fp asimd\nflags : none\n")
  monkeypatch.setattr(stack.platform, "machine", lambda: "aarch64")
  assert stack.why_no_scann() == ""


def test_unreadable_cpu_info_tells_nothing(cpu_info):
  cpu_info.unlink()
  assert stack.why_no_scann() == ""
