"""Entity-level precision, recall and F1, as CoNLL-2003 measures them."""

import dataclasses
import warnings
from collections.abc import Mapping
from collections.abc import Sequence

from seqeval import metrics

ALL = "all"
_MICRO = "micro avg"


@dataclasses.dataclass(frozen=True)
class Score:
  """Entity-level scores; an entity is right if its type and both ends are.

  Attributes:
    precision: Share of the tagged entities that are right.
    recall: Share of the right entities that were tagged.
    f1: The harmonic mean of the two.
    entities: How many right ones there are.
  """

  precision: float
  recall: float
  f1: float
  entities: int


def scores(
  gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> dict[str, Score]:
  """Scores labels in BIO, sentence by sentence.

  Args:
    gold: Right labels.
    predicted: The tagger's, as many.

  Returns:
    By type, then of "all" types together (micro average).
  """
  with warnings.catch_warnings():
    # A type that was never tagged is no error.
    warnings.simplefilter("ignore")
    report = metrics.classification_report(
      [list(labels) for labels in gold],
      [list(labels) for labels in predicted],
      output_dict=True,
      zero_division=0,
    )
  by_type = {
    name: Score(
      float(row["precision"]),
      float(row["recall"]),
      float(row["f1-score"]),
      int(row["support"]),
    )
    for name, row in report.items()
    if not name.endswith(" avg") or name == _MICRO
  }
  return {(ALL if k == _MICRO else k): v for k, v in by_type.items()}


def table(title: str, rows: Mapping[str, Score]) -> str:
  """Returns scores as lines of text."""
  lines = [f"{title:<28} precision   recall       F1  entities"]
  lines += [
    f"  {name:<26} {row.precision:9.4f} {row.recall:8.4f} {row.f1:8.4f} "
    f"{row.entities:9,}"
    for name, row in rows.items()
  ]
  return "\n".join(lines)
