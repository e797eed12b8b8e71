"""The demo's report of answered questions."""

import numpy as np

from realm_tf.answering import prediction_records
from realm_tf.data.questions import qa_datasets
from realm_tf.demo import report
from realm_tf.evaluation import scoring
from tests.launch import suggested

_ASKED = [
  qa_datasets.Example("1", "the capital of Chad?", ("N'Djamena",), "string"),
  qa_datasets.Example("2", "the capital of Peru?", ("Lima",), "string"),
]


def _scores(answers, hits):
  """Scores of the two questions; hits are None if nothing was retrieved."""
  given = [
    prediction_records.Prediction(e.question, a, id=e.id, passage_title="Peru")
    for e, a in zip(_ASKED, answers, strict=True)
  ]
  retrieval = None
  if hits is not None:
    retrieval = scoring.Retrieval(np.array(hits), np.ones(2, bool), 5)
  return scoring.score(_ASKED, given, retrieval)


def _answered():
  late = [False, False, False, False, True]
  first = [True, False, False, False, False]
  return {
    "dense": _scores(["Chad", "lima"], [first, late]),
    "bm25": _scores(["N'Djamena", "Lima"], [first, first]),
    "none": _scores(["", ""], None),
  }


def test_table_has_a_row_for_each_retriever():
  lines = report.answers_table(_answered()).splitlines()[2:]
  assert [line.split(" | ", 1)[1] for line in lines] == [
    "0.500 | 0.500 | 1.000 |",
    "1.000 | 1.000 | 1.000 |",
    "0.000 |  |  |",
  ]


def test_answers_say_whether_they_are_right_and_where_from():
  assert report.answers(_answered(), 2) == (
    "the capital of Chad?\n"
    "  Chad (wrong; from: Peru; reference: N'Djamena)\n"
    "the capital of Peru?\n"
    "  lima (right; from: Peru; reference: Lima)"
  )


def test_what_to_try_next_can_be_pasted(tmp_path):
  flags = suggested.check(
    report.next_steps(str(tmp_path / "demo")), "build_corpus"
  )
  assert flags == ["--input=encyclopedia", f"--output={tmp_path}/corpus"]
