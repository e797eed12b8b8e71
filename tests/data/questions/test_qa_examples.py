import numpy as np
import pytest
import tensorflow as tf

from realm_tf.data.examples import packing
from realm_tf.data.questions import qa_examples
from realm_tf.data.questions import token_answers
from tests import synthetic
from tests.synthetic import CLS
from tests.synthetic import SEP

TOKENIZER = synthetic.make_tokenizer()
TEXTS = [
  ("na", "wa wb nb nc wd"),
  ("nb", "nb nc wa nb nc"),
  ("nc", " ".join(["wa"] * 18) + " nb nc wb"),
]
QUESTIONS = ["wd na", "wa wb wc", "na nb nc nd ne nf"]


def ids(text):
  return [synthetic.VOCABULARY.index(word) for word in text.split()]


def batches(shuffle=False, **changes):
  config = synthetic.orqa_config(**changes)
  return qa_examples.QuestionBatches(
    QUESTIONS, config, TOKENIZER, shuffle=shuffle, first_number=10
  )


def test_questions_are_packed_and_cut():
  found = batches(batch_size=3, query_length=6)(tf.constant(0, tf.int64))
  assert found["query_token_ids"].numpy().tolist() == [
    [CLS, *ids("wd na"), SEP, 0, 0],
    [CLS, *ids("wa wb wc"), SEP, 0],
    [CLS, *ids("na nb nc nd"), SEP],
  ]
  assert found["questions"].numpy().tolist() == [10, 11, 12]


def test_the_last_batch_of_an_evaluation_is_padded_with_weight_0():
  source = batches(batch_size=2)
  assert source.num_batches == 2
  found = source(tf.constant(1, tf.int64))
  assert found["questions"].numpy().tolist() == [12, 12]
  assert found["weights"].numpy().tolist() == [1.0, 0.0]


def test_training_asks_each_question_once_an_epoch():
  source = batches(shuffle=True, batch_size=2)
  asked = [
    int(number)
    for step in range(6)
    for number in source(tf.constant(step, tf.int64))["questions"]
  ]
  for epoch in range(4):
    assert sorted(asked[3 * epoch : 3 * epoch + 3]) == [10, 11, 12]


@pytest.fixture(scope="module")
def beam():
  config = synthetic.orqa_config(reader_length=20, query_length=8)
  table = synthetic.table_of_texts(TOKENIZER, TEXTS)
  packed = packing.PackedPassages(
    table.title_ids.to_ragged(), table.body_ids.to_ragged(), 24, TOKENIZER
  )
  embeddings = np.arange(24, dtype=np.float16).reshape([3, 8])
  answers = token_answers.TokenAnswers(
    [["nb nc", "wd"], ["nothing"], ["wa wb"]], table, TOKENIZER
  )
  return qa_examples.BeamFeatures(config, packed, embeddings), answers


QUERIES = tf.constant(
  [[CLS, 30, 31, SEP, 0, 0, 0, 0], [CLS, 30, SEP] + 5 * [0]]
)


def test_what_is_read_and_scored(beam):
  features_of, _ = beam
  found = tf.constant([[2, 0, 7], [1, -1, -1]])
  valid = tf.constant([[True, True, False], [True, False, False]])
  rows = features_of.rows(found, valid)
  assert rows.numpy().tolist() == [[2, 0, 3], [1, 3, 3]]
  features = features_of.reading(QUERIES, rows)
  assert features["beam_mask"].numpy().tolist() == valid.numpy().tolist()
  assert features["beam_embeddings"].dtype == tf.float32
  np.testing.assert_array_equal(features["beam_embeddings"][0, 1], np.arange(8))
  joint = features["joint_token_ids"].numpy()
  assert joint.shape == (2, 2, 20)
  # Cut at 20, and ended by [SEP] all the same.
  assert joint[0, 0].tolist() == [CLS, 30, 31, SEP, *ids("wa") * 15, SEP]
  body = [CLS, 30, 31, SEP, *ids("wa wb nb nc wd"), SEP]
  assert joint[0, 1].tolist() == body + [0] * 10
  # No passage: nothing but the question and [SEP].
  assert joint[1, 1].tolist() == [CLS, 30, SEP, SEP] + [0] * 16
  segments = features["joint_segment_ids"].numpy()
  assert segments[0, 1].tolist() == [0] * 4 + [1] * 6 + [0] * 10


def test_answers_are_marked_where_they_stand_in_what_is_read(beam):
  features_of, answers = beam
  rows = tf.constant([[0, 2, 1], [1, 0, 3]])
  features = features_of.reading(QUERIES, rows)
  labels = features_of.labels(answers, tf.constant([0, 0], tf.int64), features)
  assert labels["answering_passages"].numpy().tolist() == [
    [True, True, True],
    [True, True, False],
  ]
  spans = labels["answer_spans"].numpy()
  assert spans.shape == (2, 2, 20, 3)
  # (question, passage, position, width - 1); in passage 2 it is cut off.
  assert np.argwhere(spans).tolist() == [
    [0, 0, 6, 1],
    [0, 0, 8, 0],
    [1, 0, 3, 1],
    [1, 0, 6, 1],
    [1, 1, 5, 1],
    [1, 1, 7, 0],
  ]
  joint = features["joint_token_ids"].numpy()
  assert joint[1, 0, 6:8].tolist() == ids("nb nc")


def test_questions_without_an_answer_mark_nothing(beam):
  features_of, answers = beam
  features = features_of.reading(QUERIES, tf.constant([[0, 1], [0, 1]]))
  labels = features_of.labels(answers, tf.constant([1, 2], tf.int64), features)
  assert labels["answering_passages"].numpy().tolist() == [
    [False, False],
    [True, False],
  ]
  assert labels["answer_spans"].numpy().sum() == 1


def test_an_answer_longer_than_the_longest_span_is_not_read():
  config = synthetic.orqa_config(max_span_length=1, reader_length=20)
  table = synthetic.table_of_texts(TOKENIZER, TEXTS)
  packed = packing.PackedPassages(
    table.title_ids.to_ragged(), table.body_ids.to_ragged(), 24, TOKENIZER
  )
  features_of = qa_examples.BeamFeatures(config, packed, np.zeros([3, 8]))
  answers = token_answers.TokenAnswers([["nb nc"]], table, TOKENIZER)
  features = features_of.reading(QUERIES[:1], tf.constant([[0, 1]]))
  labels = features_of.labels(answers, tf.constant([0], tf.int64), features)
  assert labels["answering_passages"].numpy().all()
  assert not labels["answer_spans"].numpy().any()


def test_a_passage_that_answers_is_read_where_none_of_the_first_does(beam):
  features, _ = beam  # Reads two passages.
  rows = tf.constant([[4, 3, 2, 1], [1, 2, 3, 4], [2, 3, 1, 4], [1, 4, 3, 2]])
  answering = tf.constant(
    [
      [False, False, False, True],
      [False, True, True, False],
      [False, False, False, False],
      [False, False, True, True],
    ]
  )
  assert features.with_answering(rows, answering).numpy().tolist() == [
    [4, 1, 2, 3],
    [1, 2, 3, 4],
    [2, 3, 1, 4],
    [1, 3, 4, 2],
  ]


def test_fewer_passages_than_are_read_stay_in_their_order(beam):
  features, _ = beam
  rows = tf.constant([[2], [1]])
  answering = tf.constant([[True], [False]])
  np.testing.assert_array_equal(features.with_answering(rows, answering), rows)
