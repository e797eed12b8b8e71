"""DrQA from a corpus and questions to answers, in seconds."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import prediction_records
from realm_tf.baselines import drqa
from realm_tf.baselines import drqa_options
from realm_tf.data.corpus import passage_record
from tests import synthetic
from tests import written_corpus

NAMES = "na nb nc nd ne nf".split()
WORDS = "wa wb wc wd we wf".split()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  folder = tmp_path_factory.mktemp("drqa")
  tokenizer = synthetic.make_tokenizer()
  texts = [(n, f"wg {w} wh .") for n, w in zip(NAMES, WORDS, strict=True)]
  ids = [
    tokenizer.tokenize(tf.constant(column)).to_list()
    for column in zip(*texts, strict=True)
  ]
  passages = [
    passage_record.Passage(*text, *(np.array(i, np.int32) for i in both))
    for text, *both in zip(texts, *ids, strict=True)
  ]
  written_corpus.write(folder / "corpus", [passages], synthetic.VOCABULARY)
  for split in ("train", "dev", "test"):
    lines = [
      json.dumps({"question": f"{name} wg", "answer": [word]}) + "\n"
      for name, word in zip(NAMES, WORDS, strict=True)
    ]
    (folder / f"questions.{split}.jsonl").write_text("".join(lines))
  return folder


def options_of(root, name, **changes):
  fields = {
    "corpus": str(root / "corpus"),
    "dataset": f"{root}/questions.{{split}}.jsonl",
    "model_dir": str(root / name),
    "passages": 2,
    "passage_length": 12,
    "embedding_size": 16,
    "hidden_size": 8,
    "num_layers": 1,
    "dropout": 0.1,
    "batch_size": 6,
    "train_steps": 60,
    "learning_rate": 0.05,
    "seed": 3,
  }
  return drqa_options.Options(**(fields | changes))


@pytest.fixture
def eagerly():
  """Spares the tracing of graphs, which takes longer than a few steps."""
  tf.config.run_functions_eagerly(True)
  yield
  tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def trained(root):
  return drqa.run(options_of(root, "whole"))


def test_it_answers_from_the_passage_that_it_has_learned_from(root, trained):
  right = [p.answer == word for p, word in zip(trained, WORDS, strict=True)]
  assert np.mean(right) > 0.8
  for prediction, name in zip(trained, NAMES, strict=True):
    body = prediction.passage_text.encode()
    assert body[slice(*prediction.span)].decode() == prediction.answer
    assert prediction.passage_id in prediction.retrieved
    # Its name is in the title of the first.
    if prediction.passage_title == name:
      assert prediction.passage_id == prediction.retrieved[0]


def test_answers_are_written_as_evaluate_reads_them(root, trained):
  path = options_of(root, "whole").predictions_path()
  assert prediction_records.read(path) == trained


def test_a_run_that_goes_on_answers_as_one_that_never_stopped(root, eagerly):
  whole = drqa.run(options_of(root, "never_stopped", train_steps=4))
  drqa.run(options_of(root, "resumed", train_steps=2))
  resumed = drqa.run(options_of(root, "resumed", train_steps=4))
  for one, other in zip(resumed, whole, strict=True):
    assert one.answer == other.answer
    assert one.scores["reader"] == pytest.approx(
      other.scores["reader"], abs=1e-4
    )


def test_other_settings_are_refused(root, eagerly):
  options = options_of(root, "started", train_steps=1)
  drqa.run(options)
  changed = dataclasses.replace(options, hidden_size=9)
  with pytest.raises(errors.UserError, match="started with hidden_size=8"):
    drqa.run(changed)


def test_questions_that_nothing_answers_are_refused(root):
  (root / "none.train.jsonl").write_text('{"question": "na", "answer": "nt"}\n')
  (root / "none.dev.jsonl").write_text('{"question": "na", "answer": "nt"}\n')
  options = options_of(
    root, "none", dataset=f"{root}/none.{{split}}.jsonl", split="dev"
  )
  with pytest.raises(errors.UserError, match="no passage that is retrieved"):
    drqa.run(options)
