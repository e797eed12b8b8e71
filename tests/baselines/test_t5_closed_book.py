"""T5 from annotated sentences and questions to answers, in seconds."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import prediction_records
from realm_tf.baselines import t5_closed_book
from realm_tf.baselines import t5_examples
from realm_tf.baselines import t5_options
from realm_tf.data.questions import qa_datasets
from realm_tf.text import masking
from tests import synthetic
from tests.baselines import small_world

TOKENIZER = synthetic.make_tokenizer()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  folder = small_world.write(tmp_path_factory.mktemp("t5"))
  synthetic.write_sentences(
    folder / "corpus",
    [
      (name, text, [text], [word])
      for (name, text), word in zip(
        small_world.TEXTS, small_world.WORDS, strict=True
      )
    ],
  )
  return folder


@pytest.fixture(scope="module", autouse=True)
def small():
  """A T5 of one layer of 32."""
  with pytest.MonkeyPatch.context() as patch:
    size = t5_options.Size(1, 32, 2, 16, 64)
    patch.setitem(t5_options.SIZES, "tiny", size)
    yield


def options_of(root, name, **changes):
  fields = {
    "corpus": str(root / "corpus"),
    "dataset": f"{root}/questions.{{split}}.jsonl",
    "model_dir": str(root / name),
    "size": "tiny",
    "input_length": 12,
    "max_span_length": 2,
    "pretrain_steps": 20,
    "train_steps": 220,
    "warmup_steps": 5,
    "batch_size": 6,
    "learning_rate": 3e-3,
    "dropout": 0.1,
    "seed": 3,
  }
  return t5_options.Options(**(fields | changes))


def test_it_learns_answers_by_heart(root):
  options = options_of(root, "whole")
  found = t5_closed_book.run(options)
  assert [p.answer for p in found] == small_world.WORDS
  assert all(p.retrieved == () and 0.5 < p.probability <= 1 for p in found)
  assert prediction_records.read(options.predictions_path()) == found


@pytest.fixture
def eagerly():
  """Spares the tracing of graphs, which takes longer than a few steps."""
  tf.config.run_functions_eagerly(True)
  yield
  tf.config.run_functions_eagerly(False)


def test_a_run_that_goes_on_answers_as_one_that_never_stopped(root, eagerly):
  # Both phases, and both sides of the change.
  short = {"pretrain_steps": 2, "learning_rate": 1e-3}
  whole = t5_closed_book.run(
    options_of(root, "never_stopped", train_steps=4, **short)
  )
  for steps in (1, 3, 4):
    resumed = t5_closed_book.run(
      options_of(root, "resumed", train_steps=steps, **short)
    )
  for one, other in zip(resumed, whole, strict=True):
    assert one.answer == other.answer
    assert one.scores["reader"] == pytest.approx(
      other.scores["reader"], abs=1e-4
    )


def test_one_mask_stands_for_a_whole_span():
  n, w = synthetic.FIRST_NAME, synthetic.FIRST_WORD
  masked = masking.MaskedQueries(
    tf.constant(
      [
        [synthetic.CLS, w, synthetic.MASK, synthetic.MASK, w, synthetic.SEP, 0],
        [synthetic.CLS, synthetic.MASK, w, synthetic.SEP, 0, 0, 0],
      ]
    ),
    tf.constant([[2, 3, 0], [1, 0, 0]]),
    tf.constant([[n, n + 1, 0], [n + 2, 0, 0]]),
    tf.constant([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
  )
  inputs, targets = t5_examples.sequences(masked, TOKENIZER)
  np.testing.assert_array_equal(
    inputs,
    [
      [w, synthetic.MASK, w, synthetic.SEP, 0, 0, 0],
      [synthetic.MASK, w, synthetic.SEP, 0, 0, 0, 0],
    ],
  )
  np.testing.assert_array_equal(
    targets, [[n, n + 1, synthetic.SEP, 0], [n + 2, synthetic.SEP, 0, 0]]
  )


def test_each_answer_that_fits_is_an_example(root):
  questions = [
    qa_datasets.Example("0", "na wg", ("wa", "wb", "wa wb wc wd")),
    qa_datasets.Example("1", "nb", ("w.",), qa_datasets.REGEX),
  ]
  options = options_of(root, "unused", batch_size=2)
  examples = t5_examples.QuestionExamples(questions, options, TOKENIZER)
  assert len(examples) == 2
  inputs, targets = examples(tf.constant(0, tf.int64))
  for row in inputs.numpy():
    assert t5_examples.text(row, TOKENIZER) == "na wg"
  answers = {t5_examples.text(row, TOKENIZER) for row in targets.numpy()}
  assert answers == {"wa", "wb"}
  with pytest.raises(errors.UserError, match="patterns cannot be learned"):
    t5_examples.QuestionExamples(questions[1:], options, TOKENIZER)


def test_other_settings_are_refused(root, eagerly):
  options = options_of(root, "started", train_steps=1)
  t5_closed_book.run(options)
  changed = dataclasses.replace(options, size="base")
  with pytest.raises(errors.UserError, match="started with size=tiny"):
    t5_closed_book.run(changed)
