"""Runs rows of a table, seed by seed, and reports after each."""

import logging
import os
from collections.abc import Sequence

from realm_tf import errors
from realm_tf import files
from realm_tf.reproduction import chart
from realm_tf.reproduction import plan
from realm_tf.reproduction import processes
from realm_tf.reproduction import results
from realm_tf.reproduction import runner
from realm_tf.reproduction import tables

_log = logging.getLogger(__name__)

MARKER = "reproduction.json"


def run(
  table: tables.Table,
  rows: Sequence[tables.Row],
  planners: Sequence[plan.Planner],
  output: str,
  run_function: processes.RunFunction = processes.run,
) -> list[results.Result]:
  """Runs what is not finished, and writes the table as Markdown, JSON and SVG.

  Args:
    table: The table.
    rows: Those that are wanted.
    planners: One for each seed, of one scale.
    output: Folder of all that is written.
    run_function: Runs a command.

  Returns:
    What was measured.

  Raises:
    errors.UserError: If a command fails, or the folder holds another scale.
  """
  scale = planners[0].scale.name
  _take(output, scale)
  steps = runner.Runner(output, run_function)
  ours: dict[str, dict[str, dict[int, float]]] = {r.name: {} for r in rows}
  minutes: dict[str, dict[int, float]] = {r.name: {} for r in rows}
  found: list[results.Result] = []
  for planner in planners:
    for row in rows:
      figures = row.figures(planner)
      needed = list(plan.in_order(f.step for f in figures.values()))
      for step in needed:
        steps.run(step)
      for column, figure in figures.items():
        values = ours[row.name].setdefault(column, {})
        values[planner.seed] = results.read(figure)
      secs = sum(steps.secs(step) for step in needed)
      minutes[row.name][planner.seed] = secs / 60
      found = [
        results.Result(r, ours[r.name], minutes[r.name])
        for r in rows
        if minutes[r.name]
      ]
      _write(table, scale, found, output)
  _log.info(f"\n{results.markdown(table, scale, found)}")
  _log.info(f"Wrote {_path(table, output)}.md, .json and .svg.")
  return found


def _take(output: str, scale: str) -> None:
  """Makes the folder, or raises if it is of another scale."""
  path = os.path.join(output, MARKER)
  if os.path.exists(path):
    found = files.read_json(path).get("scale")
    if found != scale:
      raise errors.UserError(
        f"output={output} is of scale={found}: name another folder for "
        f"scale={scale}."
      )
    return
  os.makedirs(output, exist_ok=True)
  files.write_json(path, {"scale": scale})


def _write(
  table: tables.Table,
  scale: str,
  found: Sequence[results.Result],
  output: str,
) -> None:
  path = _path(table, output)
  text = results.markdown(table, scale, found)
  files.write_bytes(f"{path}.md", text.encode())
  files.write_json(f"{path}.json", results.as_json(table, scale, found))
  within, beside = results.split(found)
  files.write_bytes(f"{path}.svg", chart.svg(within or beside))


def _path(table: tables.Table, output: str) -> str:
  return os.path.join(output, f"table-{table.number}")
