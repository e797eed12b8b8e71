"""The table of `compile_tpu`, and the formulas behind it."""

import dataclasses

from realm_tf.tpu import chips
from realm_tf.tpu import compiler

_HEADER = (
  "step",
  "cores",
  "batch a core",
  "memory, GiB: arguments + temporaries + code",
  "of",
  "TFLOP",
  "GB",
  "compute, ms",
  "memory, ms",
  "links, ms",
  "largest batch",
)


@dataclasses.dataclass(frozen=True)
class Row:
  """What came of one step.

  Attributes:
    step: Its name.
    batch: A core's.
    core: What it was compiled for.
    compiled: None if it does not compile.
    refusal: Why it does not; "" if it does.
    summed_bytes: Of what cores add up in a step: gradients, and what they
      exchange of queries, scores and passages.
    cores: How many do.
    largest: The largest batch that fits; 0 if none was looked for.
  """

  step: str
  batch: int
  core: chips.Core
  compiled: compiler.Compiled | None = None
  refusal: str = ""
  summed_bytes: int = 0
  cores: int = 1
  largest: int = 0

  @property
  def compute_secs(self) -> float:
    """Least time of the step's operations, at the chip's peak."""
    return self.compiled.flops / self.core.flops if self.compiled else 0.0

  @property
  def memory_secs(self) -> float:
    """Time of the bytes that the compiler counts, at the memory's peak.

    No lower bound: what stays in the core's caches is counted, too.
    """
    if not self.compiled:
      return 0.0
    return self.compiled.bytes_accessed / self.core.hbm_bytes_per_sec

  @property
  def link_secs(self) -> float:
    """Least time of adding up: each core sends its summands twice."""
    sent = 2 * self.summed_bytes * (self.cores - 1) / self.cores
    return sent / self.core.link_bytes_per_sec


def table(rows: list[Row]) -> str:
  """Returns the rows as a table in Markdown."""
  cells = [_HEADER, *(_cells(row) for row in rows)]
  widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
  lines = [
    "| "
    + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True))
    + " |"
    for line in cells
  ]
  lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
  return "\n".join(lines)


def days(row: Row, steps: int) -> str:
  """Returns how long so many steps take, by the floor and by the bytes.

  Args:
    row: Of a step that compiles.
    steps: How many.
  """
  least, most = (
    steps * secs / 86400
    for secs in (row.compute_secs, row.memory_secs + row.link_secs)
  )
  return (
    f"{row.step}: {steps:,} steps take {least:.2f} days at the peak of "
    f"operations, {max(least, most):.2f} at the speed of memory and links."
  )


def _cells(row: Row) -> tuple[str, ...]:
  largest = str(row.largest) if row.largest else "-"
  first = row.step, str(row.cores), str(row.batch)
  compiled = row.compiled
  if compiled is None:
    words = f"does not compile: {row.refusal}"
    return (*first, words, *["-"] * 6, largest)
  gib = [
    f"{x / 2**30:.2f}"
    for x in (
      compiled.arguments + compiled.outputs,
      compiled.temporaries,
      compiled.code,
    )
  ]
  return (
    *first,
    f"{' + '.join(gib)} = {compiled.memory / 2**30:.2f}",
    f"{row.core.hbm_bytes / 2**30:.0f}",
    f"{compiled.flops / 1e12:.3g}",
    f"{compiled.bytes_accessed / 1e9:.3g}",
    *(
      f"{secs * 1e3:.3g}"
      for secs in (row.compute_secs, row.memory_secs, row.link_secs)
    ),
    largest,
  )
