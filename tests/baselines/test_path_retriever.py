"""PathRetriever from a corpus and questions to answers, in seconds."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.baselines import links
from realm_tf.baselines import path_examples
from realm_tf.baselines import path_options
from realm_tf.baselines import path_retriever
from realm_tf.baselines import tf_idf
from realm_tf.data.questions import token_answers
from tests import synthetic
from tests.baselines import small_world

TOKENIZER = synthetic.make_tokenizer()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  return small_world.write(tmp_path_factory.mktemp("paths"))


def options_of(root, name, **changes):
  few = {"links": 2, "beam": 3, "pool": 3, "train_steps": 300}
  fields = small_world.fields(root, name, **(few | changes))
  return path_options.Options(**fields)


def supervise(questions, answers, texts, **changes):
  """Returns the paths of examples as rows, and their negatives."""
  table = synthetic.table_of_texts(TOKENIZER, texts)
  options = options_of(pathlib.Path("nowhere"), "none", **changes)
  surroundings = path_examples.Surroundings(
    tf_idf.TfIdf(table, TOKENIZER), links.Links(table, TOKENIZER), options
  )
  found = path_examples.supervise(
    questions,
    surroundings,
    token_answers.TokenAnswers(answers, table, TOKENIZER),
    options,
    len(table),
  )
  made = []
  for question, pool, paths, negatives in zip(*found, strict=True):
    rows = [[int(pool[i]) for i in path if i >= 0] for path in paths]
    wrong = pool[negatives].tolist()
    made.append((int(question), [r for r in rows if r], wrong))
  return made


TEXTS = [
  ("na", "wa wb nb"),
  ("nb", "wc wd wa"),
  ("nc", "wa we nd"),
  ("nd", "wf"),
  ("ne", "wg wh"),
  ("nf", "wi wj"),
  ("ng", "wk wl"),
]


def test_the_path_ends_with_the_best_passage_that_answers():
  # Row 0 has both words; the answer is in it.
  ((question, paths, wrong),) = supervise(
    ["wa wb"], [["wb"]], TEXTS, seeds=3, path_length=1
  )
  assert question == 0
  assert paths[0] == [0]
  assert [[row] for row in wrong] == paths[1:]
  assert {*wrong} <= {1, 2}


def test_a_link_leads_to_what_no_seed_answers():
  (example,) = supervise(["wb nb"], [["wd"]], TEXTS, seeds=1)
  # TF-IDF finds row 0 alone, whose link is row 1.
  assert example == (0, [[0, 1]], [])


def test_a_seed_that_links_to_the_answer_is_an_example_too():
  found = supervise(["wb wd wa"], [["wd"]], TEXTS, seeds=3, pool=3)
  assert [(number, paths[0]) for number, paths, _ in found] == [
    (0, [1]),
    (0, [0, 1]),
  ]
  (alone,) = supervise(["wb wd wa"], [["wd"]], TEXTS, seeds=3, augmented=False)
  assert alone[1][0] == [1]
  # The distorted path has another passage at its end.
  assert found[1][1][1:] == [[0, 2]]


def test_what_nothing_answers_is_no_example():
  assert supervise(["wa", "zzz"], [["wl"], ["wa"]], TEXTS, seeds=3) == []


@pytest.fixture(scope="module")
def trained(root):
  return path_retriever.run(options_of(root, "whole", dropout=0.0))


def test_it_overfits_a_few_questions(trained):
  right = [
    p.answer == word for p, word in zip(trained, small_world.WORDS, strict=True)
  ]
  assert np.mean(right) > 0.8
  for prediction in trained:
    body = prediction.passage_text.encode()
    assert body[slice(*prediction.span)].decode() == prediction.answer
    assert prediction.passage_id in prediction.retrieved
    assert prediction.scores["retriever"] < 0


@pytest.fixture
def eagerly():
  """Spares the tracing of graphs, which takes longer than a few steps."""
  tf.config.run_functions_eagerly(True)
  yield
  tf.config.run_functions_eagerly(False)


def test_a_run_that_goes_on_answers_as_one_that_never_stopped(root, eagerly):
  steps = {"checkpoint_every_steps": 2, "warmup_steps": 1}
  whole = options_of(root, "never_stopped", train_steps=4, **steps)
  stopped = options_of(root, "resumed", train_steps=4, **steps)
  wanted = path_retriever.run(whole)
  path_retriever.run(stopped)
  small_world.forget_steps_after(2, stopped)
  for one, other in zip(path_retriever.run(stopped), wanted, strict=True):
    assert one.answer == other.answer
    assert one.scores == pytest.approx(other.scores, abs=1e-3)


def test_a_reader_longer_than_the_positions_is_refused(root):
  with pytest.raises(errors.UserError, match="is more than the 40 positions"):
    path_retriever.run(options_of(root, "long", reader_length=41))
