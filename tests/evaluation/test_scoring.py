import numpy as np
import pytest

from realm_tf import errors
from realm_tf.answering import prediction_records
from realm_tf.data.questions import qa_datasets
from realm_tf.evaluation import evaluate
from realm_tf.evaluation import scoring
from tests import written_corpus

BODIES = ["Oslo is in Norway.", "Rome is old.", "A cat sat.", "Paris, again."]


def question(number, *references, kind="string"):
  return qa_datasets.Example(str(number), f"{number}?", references, kind)


def answer(text, retrieved=None, probability=None):
  return prediction_records.Prediction(
    "", text, "x", retrieved=retrieved, probability=probability
  )


def score(*pairs, hits=None, answerable=None, passages_read=2):
  retrieval = None
  if hits is not None:
    retrieval = scoring.Retrieval(
      np.array(hits, bool), np.array(answerable, bool), passages_read
    )
  asked, given = zip(*pairs, strict=True)
  return scoring.score(asked, given, retrieval)


def test_each_class_by_hand():
  scores = score(
    (question(0, "Oslo"), answer("oslo")),
    (question(1, "the red cat"), answer("red dog")),
    (question(2, "Rome"), answer("Paris")),
    (question(3, "Rome"), answer("Paris")),
    (question(4, "Rome"), answer("Paris")),
    (question(5, "Rome"), answer("")),
    (question(6, "(", kind="regex"), answer("Paris")),
    (question(7, "(", "par", kind="regex"), answer("Paris")),
    hits=[
      [0, 0, 0],
      [1, 1, 1],
      [0, 1, 1],
      [0, 0, 1],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
      [1, 0, 0],
    ],
    answerable=[1, 1, 1, 1, 1, 0, 0, 1],
  )
  assert [o.error_class for o in scores.outcomes] == [
    "right",
    "near_miss",
    "misread",
    "not_read",
    "not_retrieved",
    "not_in_corpus",
    "invalid_regex",
    "right",
  ]
  assert [o.answer_rank for o in scores.outcomes] == [
    *(None, 1, 2, 3, None, None, None, 1)
  ]
  assert scores.classes == {
    "right": 2,
    "invalid_regex": 1,
    "near_miss": 1,
    "misread": 1,
    "not_read": 1,
    "not_retrieved": 1,
    "not_in_corpus": 1,
  }
  assert scores.invalid_regexes == ("6", "7")
  figures = {name: figure.value for name, figure in scores.figures.items()}
  # F1 means nothing where there are patterns; three passages make no recall@5.
  assert figures == {
    "exact_match": 2 / 8,
    "reader_oracle": 3 / 8,
    "recall@1": 2 / 8,
  }
  np.testing.assert_allclose(scores.recall_curve, [2 / 8, 3 / 8, 4 / 8])


def test_without_retrieval_errors_are_not_explained():
  scores = score(
    (question(0, "Oslo", "Rome"), answer("Rome")),
    (question(1, "x"), answer("y")),
    (question(2, "red cat"), answer("red dog")),
  )
  assert scores.classes == {"right": 1, "near_miss": 1, "wrong": 1}
  assert set(scores.figures) == {"exact_match", "f1"}
  assert scores.figures["f1"].value == pytest.approx(1.5 / 3)
  assert len(scores.recall_curve) == 0


def test_three_of_three_right_are_not_certain(capsys):
  scores = score(*[(question(i, "x"), answer("x")) for i in range(3)])
  evaluate.print_scores(scores)
  shown = capsys.readouterr().out
  for name in ("exact_match", "f1"):
    assert scores.figures[name].value == 1.0
    (line,) = [line for line in shown.splitlines() if line.startswith(name)]
    assert line.split()[1:] == ["100.0", "43.9", "to", "100.0"]


def test_an_empty_reference_is_scored_as_officially_and_reported():
  scores = score(
    (question(0, "---"), answer("")), (question(1, "A"), answer("B"))
  )
  assert [o.right for o in scores.outcomes] == [True, False]
  assert scores.degenerate == ("0", "1")


def test_calibration_needs_all_probabilities():
  pairs = [
    (question(0, "x"), answer("x", probability=0.8)),
    (question(1, "x"), answer("y", probability=0.2)),
  ]
  assert score(*pairs).calibration.error == pytest.approx(0.2)
  assert score(*pairs, (question(2, "x"), answer("x"))).calibration is None


def test_without_reading_there_is_recall_alone():
  asked = [question(i, "x") for i in range(3)] + [
    question(3, "(", kind="regex")
  ]
  hits = np.array([[1, 0], [0, 0], [0, 0], [0, 0]], bool)
  judged = scoring.Retrieval(hits, np.array([1, 1, 0, 0], bool), 0)
  scores = scoring.score_retrieval(asked, [answer("")] * 4, judged)
  assert list(scores.figures) == ["recall@1"]
  assert scores.figures["recall@1"].value == 0.25
  assert [o.error_class for o in scores.outcomes] == [
    *("retrieved", "not_retrieved", "not_in_corpus", "invalid_regex")
  ]
  assert [o.answer_rank for o in scores.outcomes] == [1, None, None, None]
  assert {(o.right, o.f1) for o in scores.outcomes} == {(None, None)}
  assert scores.invalid_regexes == ("3",) and scores.degenerate == ()


def test_recall_is_that_of_the_retrievers_own_list():
  hits = np.zeros([4, 60], bool)
  hits[0, 0] = hits[1, 7] = hits[2, 59] = True
  scores = score(
    *[(question(i, "x"), answer("y")) for i in range(4)],
    hits=hits,
    answerable=[1, 1, 1, 0],
    passages_read=5,
  )
  figures = {name: figure.value for name, figure in scores.figures.items()}
  assert figures == {
    "exact_match": 0,
    "f1": 0,
    "reader_oracle": 0.25,
    "recall@1": 0.25,
    "recall@5": 0.25,
    "recall@20": 0.5,
    "recall@50": 0.5,
  }
  assert len(scores.recall_curve) == 60 and scores.recall_curve[-1] == 0.75


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  texts = [(f"T{i}", body) for i, body in enumerate(BODIES)]
  return written_corpus.write_texts(
    tmp_path_factory.mktemp("corpus") / "z", [texts[:3], texts[3:]]
  )


def test_retrieved_passages_are_judged(corpus):
  corpus, ids = corpus
  asked = [question(0, "Oslo"), question(1, "Paris"), question(2, "Turin")]
  # No more than two are known of each.
  given = [
    answer("", (ids[1], ids[0])),
    answer("", (ids[2], ids[0], ids[3])),
    answer("", (ids[0], ids[1], ids[2])),
  ]
  found = scoring.judge_retrieval(asked, given, corpus, 5)
  assert found.hits.tolist() == [[False, True], [False, False], [False, False]]
  assert found.answerable.tolist() == [True, True, False]
  assert found.passages_read == 5


def test_retrievers_are_judged_together(corpus):
  corpus, _ = corpus
  asked = [question(0, "Oslo"), question(1, "Paris"), question(2, "Turin")]
  rows = {
    "one": np.array([[1, 0], [2, -1], [0, 1]]),
    "other": np.array([[3], [3], [3]]),
  }
  found = scoring.judge_rows(asked, rows, corpus, 1)
  assert list(found) == ["one", "other"]
  assert found["one"].hits.tolist() == [
    *([False, True], [False, False], [False, False])
  ]
  assert found["other"].hits.tolist() == [[False], [True], [False]]
  for judged in found.values():
    assert judged.answerable.tolist() == [True, True, False]
    assert judged.passages_read == 1


def test_passages_of_another_corpus_are_named(corpus):
  corpus, ids = corpus
  with pytest.raises(errors.UserError, match="no passage 'beef'"):
    scoring.judge_retrieval(
      [question(0, "x")], [answer("", (ids[0], "beef"))], corpus, 5
    )
  # Ids are compared whole.
  with pytest.raises(errors.UserError, match=f"no passage '{ids[0]}0'"):
    scoring.judge_retrieval(
      [question(0, "x")], [answer("", (f"{ids[0]}0",))], corpus, 5
    )


@pytest.mark.parametrize("retrieved", [None, ()])
def test_predictions_that_say_nothing_of_retrieval_are_named(corpus, retrieved):
  corpus, ids = corpus
  asked = [question(0, "x"), question(1, "x")]
  given = [answer("", (ids[0],)), answer("", retrieved)]
  with pytest.raises(errors.UserError, match=r"'1\?' lists none"):
    scoring.judge_retrieval(asked, given, corpus, 5)
