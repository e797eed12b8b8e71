"""What was measured of a table's rows, beside the paper's figures."""

import dataclasses
import math
import statistics
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from realm_tf import errors
from realm_tf import files
from realm_tf.reproduction import plan
from realm_tf.reproduction import tables


@dataclasses.dataclass(frozen=True)
class Result:
  """A row's figures.

  Attributes:
    row: The row.
    ours: By column and seed; percent, unless the column says otherwise.
    minutes: How long its commands took, by seed; with those that other rows
      share.
  """

  row: tables.Row
  ours: Mapping[str, Mapping[int, float]]
  minutes: Mapping[int, float]


def read(figure: plan.Figure) -> float:
  """Returns a figure that a step has written, as the table has it.

  Raises:
    errors.UserError: If its file is damaged.
  """
  (path,) = figure.step.files
  try:
    summary = files.read_json(path)
    return figure.factor * float(summary["figures"][figure.name]["value"])
  except errors.MALFORMED as e:
    raise errors.UserError(
      f"{path} has no figure {figure.name}: remove it, and the evaluation is "
      "run again."
    ) from e


def mean(values: Mapping[int, float]) -> float:
  """Returns the mean over seeds."""
  return statistics.fmean(values.values())


def spread(values: Mapping[int, float]) -> float:
  """Returns the standard deviation over seeds; NaN of one seed."""
  return statistics.stdev(values.values()) if len(values) > 1 else math.nan


def columns(results: Sequence[Result]) -> list[str]:
  """Returns the names of the paper's columns, then those of ours alone."""
  names = [name for result in results for name in result.row.paper]
  names += [name for result in results for name in result.ours]
  return list(dict.fromkeys(names))


def markdown(table: tables.Table, scale: str, results: Sequence[Result]) -> str:
  """Returns the report.

  Args:
    table: The table.
    scale: Its name.
    results: Of the rows that were run.
  """
  within, beside = split(results)
  seeds = sorted({seed for result in results for seed in result.minutes})
  ours = f"percent, seed {seeds[0]}"
  if len(seeds) > 1:
    numbers = ", ".join(map(str, seeds))
    ours = f"percent, mean and standard deviation over the seeds {numbers}"
  lines = [
    f"# Table {table.number}: {table.title} (scale {scale})",
    "",
    f"Ours: {ours}. Paper: {table.paper}.",
    "",
    *_systems(within),
    *_beside(beside),
    "",
    "What each row was trained on, and the minutes of its commands for a seed, "
    "those that it shares with other rows included:",
    "",
    *_rows(
      ["system", "trained on", "minutes"],
      [
        [
          result.row.title,
          result.row.trained_on,
          f"{mean(result.minutes):.1f}",
        ]
        for result in results
        if result.ours  # Others have the paper's figures alone.
      ],
    ),
  ]
  return "\n".join(lines) + "\n"


def split(results: Sequence[Result]) -> tuple[list[Result], list[Result]]:
  """Returns the table's own results, and those that are beside it."""
  within = [result for result in results if not result.row.is_beside]
  return within, [result for result in results if result.row.is_beside]


def as_json(
  table: tables.Table, scale: str, results: Sequence[Result]
) -> dict[str, Any]:
  """Returns the report as JSON; see `markdown`."""
  return {
    "table": table.number,
    "scale": scale,
    "paper_measured_on": table.paper,
    "rows": [
      {
        "name": result.row.name,
        "title": result.row.title,
        "trained_on": result.row.trained_on,
        "minutes": _minutes(result),
        "paper": dict(result.row.paper),
        "ours": {
          column: _figure(values) for column, values in result.ours.items()
        },
      }
      for result in results
    ],
  }


def _minutes(result: Result) -> dict[str, float]:
  """Returns the minutes by seed; none of a row that ran no command."""
  if not result.ours:
    return {}
  return {str(seed): round(value, 2) for seed, value in result.minutes.items()}


def _systems(results: Sequence[Result]) -> list[str]:
  head, cells = _cells(results)
  return _rows(["system", *head], cells) if results else []


def _beside(results: Sequence[Result]) -> list[str]:
  """Returns the lines on what is beside the table, if there is any."""
  if not results:
    return []
  about = (
    "Beside the table, on masked wordpieces of the same held-out sentences:"
  )
  return ["", about, "", *_systems(results)]


def _figure(values: Mapping[int, float]) -> dict[str, Any]:
  deviation = spread(values)
  return {
    "seeds": {str(seed): round(value, 3) for seed, value in values.items()},
    "mean": round(mean(values), 3),
    "standard_deviation": (
      None if math.isnan(deviation) else round(deviation, 3)
    ),
  }


def _cells(results: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
  """Returns the heads of the columns, and the rows."""
  head: list[str] = []
  rows = [[result.row.title] for result in results]
  for column in columns(results):
    for who, sides in (
      ("ours", [_measured(result.ours.get(column)) for result in results]),
      ("paper", [_published(result.row.paper, column) for result in results]),
    ):
      if any(sides):
        head.append(f"{column}, {who}")
        for row, cell in zip(rows, sides, strict=True):
          row.append(cell)
  return head, rows


def _measured(values: Mapping[int, float] | None) -> str:
  if not values:
    return ""
  deviation = spread(values)
  if math.isnan(deviation):
    return f"{mean(values):.1f}"
  return f"{mean(values):.1f} ± {deviation:.1f}"


def _published(paper: Mapping[str, float], column: str) -> str:
  return f"{paper[column]:.1f}" if column in paper else ""


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
  return [
    f"| {' | '.join(head)} |",
    f"|{'---|' * len(head)}",
    *(f"| {' | '.join(row)} |" for row in rows),
  ]
