import dataclasses
import html.parser
import re

import numpy as np
import pytest

from realm_tf.answering import prediction_records
from realm_tf.data.questions import qa_datasets
from realm_tf.evaluation import report
from realm_tf.evaluation import scoring

ATTACKS = (
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "'; alert(1) //",
  "</td></table><h1>x</h1>",
  "&lt;b&gt; &amp;",
  "{title} %s {0.__class__}",
  "<!-- x",
  "]]></style><svg/onload=alert(1)>",
)
VOID = {"meta", "br"}


class Page(html.parser.HTMLParser):
  """Elements, attributes and texts; each element must be closed."""

  def __init__(self, page):
    super().__init__()
    self.tags, self.attributes, self.texts, self.open = [], [], [], []
    self.feed(page)
    self.close()
    assert not self.open

  def handle_starttag(self, tag, attrs):
    self.tags.append(tag)
    self.attributes += attrs
    if tag not in VOID:
      self.open.append(tag)

  def handle_startendtag(self, tag, attrs):
    self.tags.append(tag)
    self.attributes += attrs

  def handle_endtag(self, tag):
    assert self.open.pop() == tag

  def handle_data(self, data):
    self.texts.append(data)


def scores(texts=("Oslo",) * 6, *, retrieval=True, probability=0.5):
  """Each text is a question, an answer, a reference, an id and a title."""
  asked = [
    qa_datasets.Example(f"{i}{text}", text, (text, "x"))
    for i, text in enumerate(texts)
  ]
  given = [
    prediction_records.Prediction(
      text,
      f"{text}" if i % 2 else f"no {text}",
      f"{i}{text}",
      passage_title=text,
      probability=probability,
    )
    for i, text in enumerate(texts)
  ]
  judged = scoring.Retrieval(
    np.ones([len(texts), 7], bool), np.ones(len(texts), bool), 5
  )
  return scoring.score(asked, given, judged if retrieval else None)


def test_text_of_others_is_shown_and_never_run():
  facts = {"dataset": ATTACKS[0], ATTACKS[1]: "predictions.jsonl"}
  made = dataclasses.replace(
    scores(ATTACKS), invalid_regexes=ATTACKS, degenerate=ATTACKS
  )
  page = Page(report.html(ATTACKS[3], facts, made))
  plain = Page(report.html("title", {"a": "b", "c": "d"}, scores()))
  assert set(page.tags) == set(plain.tags) | {"p"}
  assert not {"script", "img", "iframe", "object", "link"} & set(page.tags)
  assert not [name for name, _ in page.attributes if name.startswith("on")]
  warnings = [text for text in page.texts if "questions " in text]
  assert len(warnings) == 2
  for number, attack in enumerate(ATTACKS):
    assert attack in page.texts
    assert number % 2 or f"no {attack}" in page.texts
    assert all(attack in warning for warning in warnings)


def test_the_page_needs_nothing_else():
  page = Page(report.html("title", {"a": "b"}, scores()))
  assert page.tags.count("svg") == 3
  for name, value in page.attributes:
    if name in ("src", "href", "xlink:href"):
      assert value.startswith("#")
  policies = [v for n, v in page.attributes if n == "content" and "src" in v]
  assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_figures_and_examples_are_there():
  made = scores(("Oslo", "Rome", "Bergen Turin Lisbon"))
  text = report.html("Title", {"dataset": "NQ"}, made)
  page = Page(text)
  for shown in ("Title", "dataset", "NQ", "exact_match", "recall@5", "Lisbon"):
    assert any(shown in t for t in page.texts), shown
  figure = made.figures["exact_match"]
  assert f"{100 * figure.value:.1f}" in page.texts
  assert f"{100 * figure.low:.1f} to {100 * figure.high:.1f}" in page.texts
  assert any(t.startswith("Near miss (") for t in page.texts)
  # Capital letters within stay.
  assert any("F1 is at least" in t for t in page.texts)


@pytest.mark.parametrize(
  ("changes", "plots"),
  [
    ({}, 3),
    ({"retrieval": False}, 2),
    ({"probability": None}, 2),
    ({"retrieval": False, "probability": None}, 1),
  ],
)
def test_what_is_not_known_is_not_plotted(changes, plots):
  page = Page(report.html("t", {}, scores(**changes)))
  assert page.tags.count("svg") == plots


def test_headers_and_numbers_stay_on_one_line_and_tables_scroll():
  text = report.html("t", {"model_dir": "runs/qa"}, scores())
  rules = re.search("<style>(.*)</style>", text, re.DOTALL)[1]
  for tag in ("th", ".number"):
    assert re.search(
      rf"(^|, ){re.escape(tag)}[^{{]*{{ white-space: nowrap", rules, re.M
    )
  assert "anywhere" in re.search(r"\ntd {([^}]*)}", rules)[1]
  assert "anywhere" not in re.search(r"\nth, td {([^}]*)}", rules)[1]
  for name in ("model_dir", "exact_match", "recall@5"):
    assert f'<th scope="row">{name}</th>' in text
  for name in ("question", "prediction", "references"):
    assert f"<th>{name}</th>" in text
  for shown in ("<th{}>rank</th>", "<th{}>percent</th>", "<td{}>1.00</td>"):
    assert shown.format(' class="number"') in text
  assert "overflow-x: auto" in re.search(r"\.table {([^}]*)}", rules)[1]
  assert text.count("<table>") == text.count('<div class="table"><table>')


def test_ids_of_plots_do_not_clash_and_pages_are_the_same_each_time():
  text = report.html("t", {}, scores())
  assert text == report.html("t", {}, scores())
  clips = re.findall(r'<clipPath id="(\w+)"', text)
  assert len(clips) == len(set(clips)) == 3


def test_at_most_so_many_examples_and_ids_are_shown():
  made = scores(tuple(f"city{i}" for i in range(60)))
  page = Page(report.html("t", {}, made))
  assert page.tags.count("tr") < 60
  many = dataclasses.replace(
    made, invalid_regexes=tuple(f"id{i}" for i in range(50))
  )
  (warning,) = report.warnings(many)
  assert "50 questions" in warning and "id19 and 30 more" in warning


def test_the_file_is_written_whole(tmp_path):
  path = tmp_path / "report.html"
  report.write(str(path), "t", {"ä": "é"}, scores())
  assert path.read_text(encoding="utf-8") == report.html(
    "t", {"ä": "é"}, scores()
  )
  assert list(tmp_path.iterdir()) == [path]
