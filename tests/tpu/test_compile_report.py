"""Formulas, worked by hand, and the table."""

import pytest

from realm_tf import errors
from realm_tf.tpu import chips
from realm_tf.tpu import compile_report
from realm_tf.tpu import compile_steps
from realm_tf.tpu import compiler

_CORE = chips.core("v5e:2x2")
_GIB = 2**30


def _row(**fields):
  compiled = compiler.Compiled(3 * _GIB, _GIB, 2 * _GIB, _GIB, 197e11, 819e8)
  given = {"compiled": compiled, "summed_bytes": 10**9, "cores": 4}
  return compile_report.Row("pretrain", 8, _CORE, **(given | fields))


def test_times_are_those_of_the_peaks():
  row = _row()
  assert row.compute_secs == pytest.approx(0.1)
  assert row.memory_secs == pytest.approx(0.1)
  # Each core sends its summands twice, but for the part that it adds up.
  assert row.link_secs == pytest.approx(2 * 10**9 * 3 / 4 / 200e9)
  assert _row(cores=1).link_secs == 0


def test_the_table_has_a_line_a_step():
  refused = _row(compiled=None, refusal="TPUs lack Foo", largest=4)
  header, rule, first, second = compile_report.table(
    [_row(), refused]
  ).splitlines()
  assert len({len(line) for line in (header, rule, first, second)}) == 1
  assert "4.00 + 2.00 + 1.00 = 7.00" in first
  assert "does not compile: TPUs lack Foo" in second
  assert second.split("|")[-2].strip() == "4"


def test_days_of_a_training():
  line = compile_report.days(_row(), 864_000)
  assert "1.00 days at the peak of operations" in line


@pytest.mark.parametrize(
  "most, start, expected",
  [(35, 8, 32), (8, 8, 8), (5, 8, 4), (1, 8, 1), (0, 8, 0)],
)
def test_the_largest_batch_is_found_by_doubling_and_halving(
  most, start, expected
):
  row = _row() if start <= most else _row(compiled=None)
  assert compile_steps.find_largest(lambda b: b <= most, row) == expected


@pytest.mark.parametrize(
  "fields, said",
  [
    ({"steps": ["serve"]}, "steps=serve is none of pretrain"),
    ({"cores": 3}, "batch_size=16 of pretrain does not divide by cores=3"),
    ({"topology": "v9:2x2"}, "topology=v9:2x2"),
    ({"python": "/nowhere"}, "tpu_python=/nowhere"),
  ],
)
def test_wrong_options_are_named(fields, said):
  given = {
    "config": "tiny",
    "topology": "v4:2x2x1",
    "python": "/nowhere",
    "steps": ["pretrain"],
    "cores": 1,
  }
  with pytest.raises(errors.UserError, match=said):
    compile_steps.run(compile_steps.Options(**(given | fields)))
