import numpy as np
import pytest
import tensorflow as tf

from realm_tf.evaluation import questions
from realm_tf.evaluation import recall
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()
TEXTS = [
  ("na", "wa nb nc wb ."),
  ("nd", "wa nb wc nc ."),
  ("", "na nb"),
]


def judge(*asked):
  return recall.Judge(
    [questions.Question("wa ?", *rest) for rest in asked],
    synthetic.table_of_texts(TOKENIZER, TEXTS),
    TOKENIZER,
  )


def verdicts(*asked):
  one = judge(*asked)
  return [[one.answers(i, row) for row in range(3)] for i in range(len(asked))]


def test_an_answer_is_a_whole_run_of_wordpieces_in_title_or_body():
  assert verdicts(
    (("nb nc",),), (("nd",),), (("nc nb",),), (("NB",),), (("na",),)
  ) == [
    [True, False, False],
    [False, True, False],
    [False, False, False],
    [True, True, True],
    [True, False, True],
  ]


def test_any_answer_will_do_and_the_subject_must_be_there():
  assert verdicts(
    (("nt", "nc"),), (("nb",), "na"), (("nb",), "nd wa"), (("nb",), "nt")
  ) == [
    [True, True, False],
    [True, False, True],
    # Title and body are apart.
    [False, False, False],
    [False, False, False],
  ]


def test_a_run_does_not_begin_within_an_id():
  # "16" is no part of "116": ids are compared whole.
  ids = [str(TOKENIZER.vocabulary.index(n)) for n in ("nb", "nl")]
  assert ids == ["7", "17"]
  table = synthetic.table_of_texts(TOKENIZER, [("", "nl")])
  one = recall.Judge([questions.Question("?", ("nb",))], table, TOKENIZER)
  assert not one.answers(0, 0)


@pytest.mark.parametrize("answer", ["", "   ", "\u200b"])
def test_an_answer_without_wordpieces_is_found_nowhere(answer):
  assert verdicts(((answer,),)) == [[False, False, False]]
  assert verdicts(((answer, "nd"),)) == [[False, True, False]]


def test_no_passage_answers_nothing():
  assert not judge((("nb",),)).answers(0, -1)


def test_recall_by_hand():
  one = judge((("nd",),), (("nb nc",),), (("nt",),), (("na",),))
  rows = np.array([[0, 1, 2], [0, 1, 2], [0, 1, 2], [1, -1, 2]])
  asked = []

  def retrieve(texts, k):
    asked.append((list(texts), k))
    return rows[:, :k]

  assert one.recall(retrieve, [1, 3, 2]) == {
    "recall@1": 0.25,
    "recall@3": 0.75,
    "recall@2": 0.5,
  }
  assert asked == [(["wa ?"] * 4, 3)]


def test_dense_retriever_embeds_texts_as_queries(monkeypatch):
  embedded = []

  def embed(token_ids):
    embedded.append(token_ids.numpy().tolist())
    return tf.cast(token_ids[:, 1:2], tf.float32)

  def search(embeddings, k):
    rows = tf.tile(tf.constant([[5, 6]]), [len(embeddings), 1])
    valid = tf.tile(tf.constant([[True, False]]), [len(embeddings), 1])
    assert k == 2
    return tf.zeros_like(rows, tf.float32), rows, valid

  monkeypatch.setattr(recall, "_BATCH", 2)
  retrieve = recall.dense_retriever(embed, search, TOKENIZER, query_length=5)
  rows = retrieve(["na", "na nb nc nd", ""], 2)
  np.testing.assert_array_equal(rows, [[5, -1]] * 3)
  assert embedded == [
    [[2, 6, 3, 0, 0], [2, 6, 7, 8, 3]],
    [[2, 3, 0, 0, 0]],
  ]
