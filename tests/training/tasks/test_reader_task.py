import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.data.examples import packing
from realm_tf.data.questions import token_answers
from realm_tf.training.tasks import reader_task
from tests import synthetic

TOKENIZER = synthetic.make_tokenizer()
TEXTS = [("na", "wa wb nb nc wd"), ("nb", "nb nc wa"), ("nc", "wb nb nc")]


def make_task(**changes):
  """A task whose search finds the passages in the order 1, 2, 0."""
  config = synthetic.orqa_config(
    retriever="bm25", reader_beam=1, batch_size=2, train_steps=4, **changes
  )
  table = synthetic.table_of_texts(TOKENIZER, TEXTS)
  packed = packing.PackedPassages(
    table.title_ids.to_ragged(), table.body_ids.to_ragged(), 24, TOKENIZER
  )

  def search(token_ids, count):
    rows = tf.tile([[1, 2, 0][:count]], [token_ids.shape[0], 1])
    return tf.cast(-rows, tf.float32), rows, tf.ones_like(rows, tf.bool)

  # Only the first passage holds "wd".
  answers = token_answers.TokenAnswers([["wd"]] * 4, table, TOKENIZER)
  questions = ["wa wb", "wb wc"]
  return reader_task.ReaderTask(
    config, TOKENIZER, packed, questions, questions, answers, search
  )


def answers_read(pipeline):
  """Whether what is read answers each question of the first step."""
  spans = next(iter(pipeline))["answer_spans"]
  return tf.reduce_any(spans, axis=[1, 2, 3]).numpy().tolist()


def test_training_reads_what_answers_if_it_is_told_to():
  assert answers_read(make_task().train_pipeline(0)) == [False, False]
  task = make_task(read_answering=True)
  assert answers_read(task.train_pipeline(0)) == [True, True]


def test_dev_questions_are_read_as_they_are_answered():
  task = make_task(read_answering=True)
  assert answers_read(task.eval_pipeline()) == [False, False]


def test_what_answers_is_looked_for_in_the_retriever_beam():
  task = make_task(read_answering=True, retriever_beam=2)
  assert answers_read(task.train_pipeline(0)) == [False, False]


def test_without_a_reader_nothing_is_read():
  with pytest.raises(errors.UserError, match="read_answering"):
    synthetic.orqa_config(
      read_answering=True, train_reader=False, train_passage_tower=True
    )
