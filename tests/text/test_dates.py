"""The date finder against sentences whose dates are marked by hand."""

import pathlib
import re

import pytest

from realm_tf.text import dates

_FOLDER = pathlib.Path(__file__).parent / "dates"
_MARK = re.compile(r"\[\[(.*?)\]\]")


def _read(name: str) -> list[tuple[str, list[tuple[int, int]]]]:
  """Returns the sentences of one file, each with the places of its dates."""
  cases = []
  for line in (_FOLDER / name).read_text("utf-8").splitlines():
    if not line or line.startswith("#"):
      continue
    places = [
      # Each mark has four characters, two of them before the date.
      (match.start() - 4 * i, match.end() - 4 * (i + 1))
      for i, match in enumerate(_MARK.finditer(line))
    ]
    cases.append((_MARK.sub(r"\1", line), places))
  return cases


@pytest.mark.parametrize(
  ("name", "sentences", "floor"),
  [
    ("first.txt", 150, 0.99),
    ("tuned.txt", 200, 0.97),
    ("heldout.txt", 80, 0.93),
  ],
)
def test_precision_and_recall_on_our_sentences(name, sentences, floor):
  right = found_total = wanted_total = 0
  wrong = []
  cases = _read(name)
  for text, wanted in cases:
    found = dates.find_dates(text)
    right += len(set(found) & set(wanted))
    found_total += len(found)
    wanted_total += len(wanted)
    if found != wanted:
      wrong.append(f"{text}  found {[text[a:b] for a, b in found]}")
  precision, recall = right / found_total, right / wanted_total
  figures = (
    f"{name}: {len(cases)} sentences, {wanted_total} dates, "
    f"precision {precision:.3f}, recall {recall:.3f}"
  )
  report = "\n".join([figures, *wrong])
  print(report)
  assert len(cases) >= sentences
  assert precision >= floor, report
  assert recall >= floor, report


@pytest.mark.parametrize(
  ("text", "wanted"),
  [
    ("", []),
    ("1914", ["1914"]),
    ("Zürich, 12. März; Łódź, 3 May 1791.", ["3 May 1791"]),
    ("昭和 in 1926 年", ["1926"]),
  ],
)
def test_edges(text, wanted):
  assert [text[a:b] for a, b in dates.find_dates(text)] == wanted
