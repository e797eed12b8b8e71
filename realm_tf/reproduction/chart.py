"""A table's plot, as SVG."""

import io
import math
from collections.abc import Sequence
from typing import Any

import matplotlib
import matplotlib.figure

from realm_tf.reproduction import results

_WIDTH = 4.2  # inches of a column
_HEIGHT = 0.45  # of a row
_SETTINGS: dict[Any, Any] = {
  "font.size": 9,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "svg.fonttype": "none",  # Text stays text.
  "svg.hashsalt": "reproduction",  # The same bytes each time.
}


def svg(found: Sequence[results.Result]) -> bytes:
  """Plots each column: ours as bars with their spread, the paper's as marks.

  Args:
    found: Of the rows, one at least.
  """
  columns = results.columns(found)
  with matplotlib.rc_context(_SETTINGS):
    figure = matplotlib.figure.Figure(
      figsize=(2 + _WIDTH * len(columns), 1.4 + _HEIGHT * len(found)),
      layout="constrained",
    )
    panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for panel, column in zip(panels, columns, strict=True):
      ours = [result.ours.get(column) for result in found]
      here = [(i, values) for i, values in enumerate(ours) if values]
      spreads = [results.spread(values) for _, values in here]
      panel.barh(
        [i for i, _ in here],
        [results.mean(values) for _, values in here],
        xerr=[0.0 if math.isnan(s) else s for s in spreads],
        color="#1f5fa8",
        ecolor="#333333",
        capsize=3,
        label="ours",
      )
      paper = [
        (i, result.row.paper[column])
        for i, result in enumerate(found)
        if column in result.row.paper
      ]
      panel.plot(
        [value for _, value in paper],
        [i for i, _ in paper],
        "D",
        color="#d1701c",
        label="paper",
      )
      percent = "percent" not in column and "nats" not in column
      panel.set_xlabel(f"{column}, percent" if percent else column)
      if "nats" not in column:
        panel.set_xlim(0, 100)
      panel.set_yticks(range(len(found)), [r.row.title for r in found])
      panel.grid(visible=True, axis="x", alpha=0.3)
    panels[0].invert_yaxis()
    figure.legend(
      *panels[0].get_legend_handles_labels(),
      loc="outside upper center",
      ncols=2,
      frameon=False,
    )
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
  return file.getvalue()
