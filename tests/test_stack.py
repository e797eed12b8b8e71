import sys

import pytest

from realm_tf import stack


@pytest.fixture
def cpu_info(monkeypatch, tmp_path):
  """A /proc/cpuinfo of an x86 machine that has AVX2; a test rewrites it."""
  path = tmp_path / "cpuinfo"
  path.write_text("processor : 0\nflags\t\t: fpu avx avx2 fma\n")
  monkeypatch.setattr(stack, "CPU_INFO", path)
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


@pytest.mark.parametrize(
  ("flags", "has"),
  [
    ("fpu avx512f avx512_bf16", True),
    ("fpu amx_bf16 amx_tile", True),
    ("fpu avx512f avx512_vnni", False),
  ],
)
def test_products_of_bfloat16_are_left_to_cpus_that_have_them(
  cpu_info, flags, has
):
  cpu_info.write_text(f"processor : 0\nflags\t\t: {flags}\n")
  assert stack.multiplies_bfloat16() == has


def test_where_nothing_tells_products_are_float32(cpu_info):
  cpu_info.unlink()
  assert not stack.multiplies_bfloat16()
