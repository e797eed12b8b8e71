"""Runs that are asked, and what a terminal shows of their replies."""

import dataclasses
import io
import json

import pytest

from realm_tf import errors
from realm_tf.answering import asking
from realm_tf.answering import replies
from realm_tf.answering import shown
from realm_tf.launch import conversation
from tests import people

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(scope="module")
def asker(overfitted):
  model_dir = overfitted
  return asking.load(str(model_dir), count=3)


def test_a_run_answers_with_its_evidence(asker):
  answer = asker("where was Clara born?")
  assert answer.text == "São Paulo" and answer.evidence.passage.title == "Clara"
  assert "[São Paulo]" in answer.evidence.mark()
  assert 0 < answer.probability <= 1 and len(answer.further) == 2
  probabilities = [answer.probability, *(f.probability for f in answer.further)]
  assert probabilities == sorted(probabilities, reverse=True)


def test_it_had_rather_not_answer_below_its_threshold(asker):
  strict = dataclasses.replace(asker)
  strict.run.threshold, before = 1.1, strict.run.threshold
  try:
    assert strict("where was Clara born?").abstain
  finally:
    strict.run.threshold = before
  assert not asker("where was Clara born?").abstain


def test_bm25_and_nobody_find_passages(overfitted, asker):
  model_dir = overfitted
  bm25 = dataclasses.replace(asker, retriever="bm25")
  assert bm25("where was Hugo born?").text == people.PLACES[-1]
  book = asking.load(str(model_dir), retriever="none")
  alone = book("where was Hugo born?")
  assert alone.evidence is None and alone.further == ()


def test_a_pre_trained_run_fills_masks(world):
  filler = asking.load(str(world / "realm"), count=2)
  filled = filler("[MASK] was born in Oslo.")
  assert [len(mask.tokens) for mask in filled.masks] == [2]
  assert filled.passages[0].passage.id == ""
  assert sum(p.posterior for p in filled.passages) == pytest.approx(1, rel=1e-4)
  most = filler.run.config.max_masks
  assert (filled.unfilled, filled.max_masks) == (0, most)
  assert "unfilled" not in shown.lines(filled, styled=False)
  many = filler("[MASK]" * (most + 2))
  assert (len(many.masks), many.unfilled) == (most, 2)
  text = shown.lines(many, styled=False)
  assert f"2 [MASK]s stay unfilled: the model fills {most} of" in text
  cut = filler("[MASK] " + "word " * 200 + "[MASK]")
  assert (len(cut.masks), cut.unfilled) == (1, 1)
  text = shown.lines(cut, styled=False)
  assert "1 [MASK] stays unfilled: the text is too long." in text
  with pytest.raises(errors.UserError, match="retriever=bm25"):
    asking.load(str(world / "realm"), retriever="bm25")


PASSAGE = replies.Passage("1f", "Danube", "The Danube – a river – flows to it.")
ANSWER = replies.Answer(
  text="a river",
  probability=0.75,
  evidence=replies.Evidence(PASSAGE, 15, 22),
  retriever_score=3.25,
  reader_score=-0.5,
  question="what?",
  abstain=False,
  further=(replies.Candidate("it", 0.2, None, 3.25, -2.0),),
)


def test_an_answer_is_marked_in_its_passage():
  text = shown.lines(ANSWER, styled=False)
  assert text.splitlines()[0] == "a river  75.0%"
  assert "The Danube – [a river] – flows to it." in text
  assert any("it" in x and "20.0%" in x for x in text.splitlines()[4:])
  styled = shown.lines(ANSWER, styled=True)
  assert "– \x1b[1ma river\x1b[0m –" in styled
  assert "\2" not in styled and "\3" not in styled


def test_metadata_is_shown_below_the_title():
  url = "https://example.org/" + "a" * 100
  metadata = {"page": 3, "url": url, "by": "A\x1b[31m", "tags": ["b", "é"]}
  passage = dataclasses.replace(PASSAGE, metadata=metadata)
  evidence = replies.Evidence(passage, 15, 22)
  answer = dataclasses.replace(ANSWER, evidence=evidence)
  lines = shown.lines(answer, styled=False).splitlines()
  assert lines[2:5] == [
    "  Danube  1f",
    f"  {url}",
    '  page: 3 · by: A[31m · tags: ["b", "\\u00e9"]',
  ]
  # Other addresses are no links.
  for other in ("javascript:x", "file:///etc", "https://a\x1b", 7, None):
    assert not replies.Passage("1f", metadata={"url": other}).link
  assert hash(passage) == hash(dataclasses.replace(passage))


def test_no_line_is_wider_than_the_terminal():
  passage = dataclasses.replace(PASSAGE, text="a river " + "runs on " * 60)
  evidence = replies.Evidence(passage, 0, 7)
  answer = dataclasses.replace(ANSWER, evidence=evidence)
  lines = shown.lines(answer, width=60, styled=False).splitlines()
  assert max(map(len, lines)) <= 60


def test_what_is_missing_is_said():
  nothing = dataclasses.replace(ANSWER, text="", evidence=None)
  assert "no passage was found" in shown.lines(nothing, styled=False)
  unsure = dataclasses.replace(ANSWER, abstain=True)
  assert "below the threshold" in shown.lines(unsure, styled=False)
  no_mask = replies.Filled("Danube", (), (), 0, 3)
  assert "Write [MASK]" in shown.lines(no_mask, styled=False)
  cut = replies.Filled("Danube " * 99 + "[MASK]", (), (), 1, 3)
  assert "too long" in shown.lines(cut, styled=False)
  ids = replies.Evidence(replies.Passage("1f"), 15, 22)
  alone = dataclasses.replace(ANSWER, evidence=ids)
  assert "[]" not in shown.lines(alone, styled=False)


def ask(text):
  return dataclasses.replace(ANSWER, question=text)


def test_questions_may_be_arguments_or_piped_in(capsys, monkeypatch):
  conversation.run(ask, ["one?", "two?"], as_json=True)
  asked = [
    json.loads(x)["question"] for x in capsys.readouterr().out.split("\n") if x
  ]
  assert asked == ["one?", "two?"]
  monkeypatch.setattr("sys.stdin", io.StringIO("three?\n\n four? \n"))
  conversation.run(ask, [], as_json=True)
  lines = capsys.readouterr().out.splitlines()
  assert [json.loads(x)["question"] for x in lines] == ["three?", "four?"]
  assert json.loads(lines[0])["evidence"]["passage"]["title"] == "Danube"


def test_an_empty_question_is_refused():
  with pytest.raises(errors.UserError, match="empty"):
    conversation.run(ask, [" "], as_json=False)


def test_one_bad_question_does_not_end_a_conversation(capsys, monkeypatch):
  def fails(text):
    if text == "bad":
      raise errors.UserError("not this one.")
    return ask(text)

  monkeypatch.setattr("sys.stdin", io.StringIO("bad\ngood\n"))
  conversation.run(fails, [], as_json=False)
  captured = capsys.readouterr()
  assert captured.err == "error: not this one.\n" and "a river" in captured.out
