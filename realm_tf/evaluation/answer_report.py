"""The report of questions whose answers are not known: what was answered."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from realm_tf import files
from realm_tf.answering import prediction_records
from realm_tf.answering import replies
from realm_tf.evaluation import report_page

# A browser shows so many at once; the file of predictions has all.
_MOST_QUESTIONS = 500


def write(
  path: str,
  facts: Mapping[str, str],
  predictions: Sequence[prediction_records.Prediction],
) -> None:
  """Writes the report, whole or not at all.

  Args:
    path: The HTML file.
    facts: Names and values of what was asked, shown above the answers.
    predictions: To each question.
  """
  files.write_bytes(path, html(facts, predictions).encode())


def html(
  facts: Mapping[str, str],
  predictions: Sequence[prediction_records.Prediction],
) -> str:
  """Returns the report; see `write`."""
  shown = predictions[:_MOST_QUESTIONS]
  parts = [report_page.facts(facts)]
  if len(shown) < len(predictions):
    parts.append(
      Markup('<p class="warning">The first {} of {} questions.</p>').format(
        len(shown), len(predictions)
      )
    )
  for prediction in shown:
    parts.extend(_question(prediction))
  return report_page.whole("Answers", parts)


def evidence(
  prediction: prediction_records.Prediction,
) -> replies.Evidence | None:
  """Returns the passage of an answer, with its place; None for none."""
  if prediction.passage_id is None or prediction.span is None:
    return None
  passage = replies.Passage(
    prediction.passage_id,
    prediction.passage_title or "",
    prediction.passage_text or "",
    prediction.passage_metadata or {},
  )
  return replies.Evidence(passage, *prediction.span)


def _question(prediction: prediction_records.Prediction) -> Iterator[Markup]:
  yield Markup("<h2>{}</h2>").format(prediction.question)
  if prediction.answer:
    sure = ""
    if prediction.probability is not None:
      sure = f" {prediction.probability:.0%}"
    yield Markup("<p><strong>{}</strong>{}</p>").format(prediction.answer, sure)
  found = evidence(prediction)
  if found is not None:
    yield _passage(found.passage, found.character_span)
    return
  for passage in prediction.passages:
    yield _passage(passage)
  if not prediction.answer and not prediction.passages:
    yield Markup("<p>Nothing was found.</p>")


def _passage(
  passage: replies.Passage, span: tuple[int, int] | None = None
) -> Markup:
  """Returns a passage; `span` is the answer in it, in characters."""
  title: Any = passage.title
  if passage.link:
    title = Markup('<a href="{}" rel="noreferrer noopener">{}</a>').format(
      passage.link, passage.title or passage.link
    )
  text: Any = passage.text
  if span is not None:
    start, limit = span
    text = Markup("{}<mark>{}</mark>{}").format(
      text[:start], text[start:limit], text[limit:]
    )
  facts = (
    f"{name}: {value}"
    for name, value in passage.metadata.items()
    if name != "url" or not passage.link
  )
  return Markup("<p>{}<br>{}</p>\n<blockquote>{}</blockquote>").format(
    title, " · ".join(facts), text
  )
