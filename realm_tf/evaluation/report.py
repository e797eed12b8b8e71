"""The report of an evaluation: one self-contained HTML file."""

from collections.abc import Iterable
from collections.abc import Mapping

import numpy as np
from markupsafe import Markup

from realm_tf import files
from realm_tf.evaluation import intervals
from realm_tf.evaluation import plots
from realm_tf.evaluation import report_page
from realm_tf.evaluation import scoring

_EXAMPLES = 8
_IDS_SHOWN = 20


def write(
  path: str, title: str, facts: Mapping[str, str], scores: scoring.Scores
) -> None:
  """Writes the report, whole or not at all.

  Args:
    path: The HTML file.
    title: Its heading.
    facts: Names and values of what was evaluated, shown above the figures.
    scores: How it went.
  """
  files.write_bytes(path, html(title, facts, scores).encode())


def html(title: str, facts: Mapping[str, str], scores: scoring.Scores) -> str:
  """Returns the report; see `write`."""
  parts = [
    report_page.facts(facts),
    *_warnings(scores),
    _figures(scores.figures),
    _plots(scores),
    *_classes(scores),
  ]
  return report_page.whole(title, parts)


def warnings(scores: scoring.Scores) -> list[str]:
  """Returns warnings about invalid references."""
  found = []
  if scores.invalid_regexes:
    found.append(
      f"{len(scores.invalid_regexes)} questions have a pattern that is no "
      "regular expression and that nothing matches: "
      f"{_ids(scores.invalid_regexes)}."
    )
  if scores.degenerate:
    found.append(
      f"{len(scores.degenerate)} questions count an empty answer as right, as "
      "the official metric does, because a reference normalises to nothing or "
      f"a pattern matches nothing: {_ids(scores.degenerate)}."
    )
  return found


def _ids(ids: tuple[str, ...]) -> str:
  shown = ", ".join(ids[:_IDS_SHOWN])
  more = len(ids) - _IDS_SHOWN
  return f"{shown} and {more} more" if more > 0 else shown


def _warnings(scores: scoring.Scores) -> Iterable[Markup]:
  for warning in warnings(scores):
    yield Markup('<p class="warning">{}</p>').format(warning)


def _figures(figures: Mapping[str, intervals.Figure]) -> Markup:
  return report_page.table(
    ("figure", "percent", "95% interval", "questions"),
    (
      (
        name,
        f"{100 * figure.value:.1f}",
        f"{100 * figure.low:.1f} to {100 * figure.high:.1f}",
        str(figure.count),
      )
      for name, figure in figures.items()
    ),
  )


def _plots(scores: scoring.Scores) -> Markup:
  shown = []
  if len(scores.recall_curve):
    curve = plots.recall_curve(scores.recall_curve, scores.figures)
    shown.append(("Retrieval: recall@k", curve))
  if scores.calibration is not None:
    error = f"expected error {100 * scores.calibration.error:.1f}%"
    diagram = plots.reliability(scores.calibration)
    shown.append((f"Calibration: {error}", diagram))
  shown.append(("Outcomes", plots.class_counts(scores.classes)))
  return Markup("\n").join(
    Markup("<figure><figcaption>{}</figcaption>{}</figure>").format(name, svg)
    for name, svg in shown
  )


def _classes(scores: scoring.Scores) -> Iterable[Markup]:
  rng = np.random.default_rng(scores.seed)
  for name, count in scores.classes.items():
    of_class = [o for o in scores.outcomes if o.error_class == name]
    drawn = rng.choice(count, min(count, _EXAMPLES), replace=False)
    yield Markup("<h2>{} ({})</h2>\n<p>{}.</p>").format(
      _sentence(name.replace("_", " ")),
      count,
      _sentence(scoring.CLASSES[name]),
    )
    yield report_page.table(
      ("id", "question", "prediction", "references", "passage", "F1", "rank"),
      (_example(of_class[i]) for i in sorted(drawn)),
    )


def _sentence(text: str) -> str:
  return text[0].upper() + text[1:]


def _example(outcome: scoring.Outcome) -> tuple[str, ...]:
  rank = outcome.answer_rank
  return (
    outcome.question.id,
    outcome.question.question,
    outcome.prediction.answer,
    " | ".join(outcome.question.answers),
    outcome.prediction.passage_title or "",
    "" if outcome.f1 is None else f"{outcome.f1:.2f}",
    "" if rank is None else str(rank),
  )
