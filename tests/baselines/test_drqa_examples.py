"""Distant supervision: which places of which passages are learned from."""

import numpy as np
import tensorflow as tf

from realm_tf.baselines import drqa_examples
from realm_tf.data.questions import token_answers
from realm_tf.text import wordpiece
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()
TEXTS = [
  # The answer nb three times; the second has the question's words beside it.
  ("na", f"nb {'. ' * 25} wa wb nb {'. ' * 25} nb wb wa"),
  ("nc", "nb wc"),
  ("nd", "wd we"),
  ("ne", "wf nb nc"),
]
TABLE = synthetic.table_of_texts(TOKENIZER, TEXTS)


def supervise(questions, answers, rows, length=100):
  passages = drqa_examples.Passages(TABLE, TOKENIZER, length)
  found = drqa_examples.supervise(
    TOKENIZER.tokenize(tf.constant(questions)),
    np.array(rows),
    token_answers.TokenAnswers(answers, TABLE, TOKENIZER),
    TABLE,
    passages,
  )
  return [tuple(map(int, one)) for one in zip(*found, strict=True)]


def test_overlap_counts_words_and_bigrams_once():
  # 1, 2 and (1, 2) are shared; (2, 1) is not.
  assert drqa_examples.overlap([1, 2, 1], [3, 1, 2, 2]) == 3
  assert drqa_examples.overlap([], [1]) == 0


def test_a_passage_is_learned_from_where_it_is_most_like_the_question():
  ((question, row, start, limit),) = supervise(["wa wb"], [["nb"]], [[0]])
  assert (question, row, limit - start) == (0, 0, 1)
  assert start == 1 + 25 + 2


def test_of_equal_places_the_first_and_there_the_longest_is_taken():
  assert supervise(["wt"], [["nb", "nb nc"]], [[3]]) == [(0, 3, 1, 3)]
  ((_, _, start, _),) = supervise(["wt"], [["nb"]], [[0]])
  assert start == 0


def test_passages_without_an_answer_are_left_out():
  found = supervise(["wa", "wc"], [["nt"], ["nb"]], [[0, 1], [1, 2]])
  assert found == [(1, 1, 0, 1)]
  assert supervise(["wa"], [["nb"]], [[-1, 2]]) == []


def test_what_the_reader_does_not_see_is_not_learned():
  # Title, [SEP], and three wordpieces of the body.
  assert supervise(["wa wb"], [["nb"]], [[0]], length=5) == [(0, 0, 0, 1)]
  assert supervise(["wf"], [["nc"]], [[3]], length=4) == []


def test_passages_are_laid_out_with_places_for_answers_in_the_body_alone():
  passages = drqa_examples.Passages(TABLE, TOKENIZER, 4)
  batch = passages.batch(
    TOKENIZER.tokenize(tf.constant(["wa wb", ""])), np.array([3, -1])
  )
  title, body = TABLE.title_ids.row(3), TABLE.body_ids.row(3)
  assert batch.passage_ids[0].numpy().tolist() == [
    *title,
    synthetic.SEP,
    *body[:2],
  ]
  assert batch.starts[0].numpy().tolist() == [False, False, True, True]
  assert batch.ends[0].numpy().tolist() == [False, False, True, True]
  assert batch.question_ids.shape == [2, 2]
  assert not batch.passage_ids[1].numpy().any()
  assert not batch.starts[1].numpy().any()


def test_an_answer_is_of_whole_words():
  vocabulary = [*synthetic.VOCABULARY, "##x"]
  tokenizer = wordpiece.Tokenizer(vocabulary)
  table = synthetic.table_of_texts(tokenizer, [("na", "wax wb")])
  batch = drqa_examples.Passages(table, tokenizer, 5).batch(
    tokenizer.tokenize(tf.constant(["wa"])), np.array([0])
  )
  assert batch.starts[0].numpy().tolist() == [0, 0, 1, 0, 1]
  assert batch.ends[0].numpy().tolist() == [0, 0, 0, 1, 1]
