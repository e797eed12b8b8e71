"""GraphRetriever from a corpus and questions to answers, in seconds."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.baselines import graph_options
from realm_tf.baselines import graph_retriever
from tests.baselines import small_world


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  return small_world.write(tmp_path_factory.mktemp("graphs"))


def options_of(root, name, **changes):
  few = {"passages": 3, "fusion_layers": 1, "train_steps": 300}
  fields = small_world.fields(root, name, **(few | changes))
  return graph_options.Options(**fields)


@pytest.fixture(scope="module")
def trained(root):
  return graph_retriever.run(options_of(root, "whole", dropout=0.0))


def test_it_overfits_a_few_questions(trained):
  words = small_world.WORDS
  right = [p.answer == word for p, word in zip(trained, words, strict=True)]
  assert np.mean(right) > 0.8
  for prediction in trained:
    body = prediction.passage_text.encode()
    assert body[slice(*prediction.span)].decode() == prediction.answer
    assert prediction.passage_id in prediction.retrieved
    assert len({*prediction.retrieved}) == 3


@pytest.fixture
def eagerly():
  """Spares the tracing of graphs, which takes longer than a few steps."""
  tf.config.run_functions_eagerly(True)
  yield
  tf.config.run_functions_eagerly(False)


def test_a_run_that_goes_on_answers_as_one_that_never_stopped(root, eagerly):
  steps = {"train_steps": 4, "checkpoint_every_steps": 2, "warmup_steps": 1}
  whole = options_of(root, "never_stopped", **steps)
  wanted = graph_retriever.run(whole)
  stopped = dataclasses.replace(whole, model_dir=f"{root}/resumed")
  graph_retriever.run(stopped)
  small_world.forget_steps_after(2, stopped)
  for one, other in zip(graph_retriever.run(stopped), wanted, strict=True):
    assert one.answer == other.answer
    assert one.scores == pytest.approx(other.scores, abs=1e-3)


def test_questions_that_nothing_answers_are_refused(root, eagerly):
  (root / "none.train.jsonl").write_text('{"question": "na", "answer": "nt"}\n')
  (root / "none.dev.jsonl").write_text('{"question": "na", "answer": "nt"}\n')
  options = options_of(
    root, "none", dataset=f"{root}/none.{{split}}.jsonl", split="dev"
  )
  with pytest.raises(errors.UserError, match="no passage that is retrieved"):
    graph_retriever.run(options)
