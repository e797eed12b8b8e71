"""Plots as SVG, to be part of an HTML page."""

import io
from collections.abc import Mapping
from typing import Any

import markupsafe
import matplotlib
import matplotlib.axes
import matplotlib.figure
import numpy as np

from realm_tf.evaluation import intervals
from realm_tf.evaluation import probability_calibration

_INCHES = (4.6, 3.4)
_COLOR = "#1f5fa8"
_SETTINGS: dict[Any, Any] = {
  "font.size": 9,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "axes.grid": True,
  "grid.alpha": 0.3,
  "svg.fonttype": "none",  # Text stays text.
}


def recall_curve(
  curve: np.ndarray, figures: Mapping[str, intervals.Figure]
) -> markupsafe.Markup:
  """Plots recall over the number of passages.

  Args:
    curve: <float>[k]. recall@1, recall@2, ...
    figures: Those named "recall@k" are drawn with their intervals.
  """
  with matplotlib.rc_context(_SETTINGS):
    figure, axes = _axes()
    axes.plot(np.arange(1, len(curve) + 1), curve, color=_COLOR)
    ks = [k for k in range(1, len(curve) + 1) if f"recall@{k}" in figures]
    at = [figures[f"recall@{k}"] for k in ks]
    axes.errorbar(
      ks,
      [f.value for f in at],
      yerr=[[f.value - f.low for f in at], [f.high - f.value for f in at]],
      fmt="o",
      color=_COLOR,
      capsize=3,
      markersize=4,
    )
    axes.set_xscale("log")
    axes.set_xticks(ks, [str(k) for k in ks])
    axes.minorticks_off()
    axes.set(xlabel="passages k", ylabel="recall@k", ylim=(0, 1))
    return _svg(figure, "recall")


def reliability(
  calibration: probability_calibration.Calibration,
) -> markupsafe.Markup:
  """Plots the share of right answers over their probability, and counts."""
  with matplotlib.rc_context(_SETTINGS):
    figure, axes = _axes()
    edges = np.linspace(0, 1, len(calibration.bins) + 1)
    used = [b for b in calibration.bins if b.count]
    total = sum(b.count for b in used)
    axes.bar(
      edges[:-1],
      [b.count / total for b in calibration.bins],
      width=np.diff(edges),
      align="edge",
      color="#c9c9c9",
      label="share of the questions",
    )
    axes.plot([0, 1], [0, 1], "--", color="#777777", label="calibrated")
    axes.plot(
      [b.probability for b in used],
      [b.right for b in used],
      "o-",
      color=_COLOR,
      markersize=4,
      label="share right",
    )
    axes.set(
      xlabel="probability of the answer",
      ylabel="share",
      xlim=(0, 1),
      ylim=(0, 1),
    )
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return _svg(figure, "reliability")


def class_counts(counts: Mapping[str, int]) -> markupsafe.Markup:
  """Plots how many questions are of each class."""
  with matplotlib.rc_context(_SETTINGS):
    figure, axes = _axes()
    names = [name.replace("_", " ") for name in counts]
    bars = axes.barh(names, list(counts.values()), color=_COLOR)
    axes.bar_label(bars, padding=2)
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set(xlabel="questions")
    axes.grid(visible=False, axis="y")
    return _svg(figure, "classes")


def _axes() -> tuple[matplotlib.figure.Figure, matplotlib.axes.Axes]:
  # Not by pyplot, which keeps its figures for ever and looks for a display.
  figure = matplotlib.figure.Figure(figsize=_INCHES, layout="constrained")
  return figure, figure.subplots()


def _svg(figure: matplotlib.figure.Figure, name: str) -> markupsafe.Markup:
  """Returns the element <svg>, the same bytes each time."""
  file = io.StringIO()
  # The name makes ids of elements differ between the plots of a page.
  with matplotlib.rc_context({"svg.hashsalt": name}):
    figure.savefig(file, format="svg", metadata={"Date": None})
  text = file.getvalue()
  return markupsafe.Markup(text[text.index("<svg") :])
