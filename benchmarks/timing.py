"""How all benchmarks measure and print."""

import gc
import os
import pathlib
import statistics
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import TypeVar

import tensorflow as tf

_MATRIX_SIZE = 2048

_Built = TypeVar("_Built")


def median_seconds(
  function: Callable[[], object], *, warm_up: int = 2, repeats: int = 5
) -> float:
  """Returns the median time of a call.

  Args:
    function: Returns only when its work is done.
    warm_up: Calls before the first that counts: tracing, caches, plans.
    repeats: Calls that count.
  """
  for _ in range(warm_up):
    function()
  seconds = []
  for _ in range(repeats):
    start = time.perf_counter()
    function()
    seconds.append(time.perf_counter() - start)
  return statistics.median(seconds)


def median_rate(
  iterator: Iterator[object],
  items: int,
  *,
  warm_up: int = 4,
  repeats: int = 5,
  seconds: float = 1.5,
) -> float:
  """Returns the median of several windows' items a second.

  Args:
    iterator: Endless, each of its elements a batch.
    items: Of a batch.
    warm_up: Batches before the first window.
    repeats: Windows.
    seconds: Length of a window; one batch at least.
  """
  for _ in range(warm_up):
    next(iterator)
  rates = []
  for _ in range(repeats):
    start, batches, elapsed = time.perf_counter(), 0, 0.0
    while elapsed < seconds:
      next(iterator)
      batches += 1
      elapsed = time.perf_counter() - start
    rates.append(batches * items / elapsed)
  return statistics.median(rates)


def cost(build: Callable[[], _Built]) -> tuple[_Built, float, int, int]:
  """Builds something, and measures what that takes.

  Args:
    build: Builds it.

  Returns:
    What was built, the seconds, the bytes that it keeps, and that it took
    meanwhile.
  """
  gc.collect()
  pathlib.Path("/proc/self/clear_refs").write_text("5")  # Forgets the peak.
  before, start = status_bytes("VmRSS"), time.perf_counter()
  built = build()
  seconds, peak = time.perf_counter() - start, status_bytes("VmHWM")
  gc.collect()
  return built, seconds, status_bytes("VmRSS") - before, peak - before


def status_bytes(name: str) -> int:
  """Returns what the system says of the memory of this process.

  Args:
    name: A line of /proc/self/status, such as "VmRSS".
  """
  for line in pathlib.Path("/proc/self/status").read_text().splitlines():
    if line.startswith(f"{name}:"):
      return 1024 * int(line.split()[1])
  raise OSError(f"/proc/self/status has no {name}.")


def matrix_rate() -> float:
  """Returns the FLOP/s of a product of two large float32 matrices."""
  size = _MATRIX_SIZE
  a, b = (tf.random.stateless_normal([size, size], [0, i]) for i in range(2))
  product = tf.function(lambda: tf.reduce_sum(tf.matmul(a, b)))
  seconds = median_seconds(lambda: product().numpy(), repeats=9)
  return 2.0 * size**3 / seconds


def print_table(
  title: str,
  columns: Sequence[str],
  rows: Sequence[Sequence[str]],
  notes: Sequence[str] = (),
) -> None:
  """Prints a table with the machine it was measured on.

  Args:
    title: What was measured.
    columns: Heads; the first column is text, the others are figures.
    rows: A cell for each column.
    notes: Lines below.
  """
  cells = [list(columns), *(list(row) for row in rows)]
  widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
  print(f"\n{title}")
  print(f"({machine()})")
  for i, row in enumerate(cells):
    rest = (
      cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
    )
    print("  ".join([row[0].ljust(widths[0]), *rest]).rstrip())
    if i == 0:
      print("-" * (sum(widths) + 2 * (len(widths) - 1)))
  for note in notes:
    print(f"* {note}")


def machine() -> str:
  """Returns cores and load: a busy machine explains a low figure."""
  cores = len(os.sched_getaffinity(0))
  load = os.getloadavg()[0]
  return f"{cores} cores, load {load:.1f}, TensorFlow {tf.__version__}"
