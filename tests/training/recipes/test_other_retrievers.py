"""Fine-tuning on passages that BM25 finds, or BM25 and the towers together."""

import json
import pathlib

import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import open_qa
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import loading
from realm_tf.evaluation import evaluation_options
from realm_tf.evaluation import evaluation_run
from realm_tf.runs import run_config
from realm_tf.serving.export import export_run
from realm_tf.training.recipes import finetune_hook
from tests import people
from tests import quick
from tests.end_to_end import tiny_runs

pytestmark = pytest.mark.usefixtures("eagerly", "embeds_here")

BM25 = {
  "retriever": "bm25",
  "reader_beam": 1,
  "learning_rate": 5e-3,
  "train_steps": 60,
  "checkpoint_every_steps": 20,
  "evaluate_every_steps": 30,
  "summary_every_steps": 5,
}


def asked():
  return [f"where was {person} born?" for person in people.PEOPLE]


def run_bm25(world, model_dir):
  people.run(
    world,
    model_dir,
    people.config_of(**BM25),
    init="",
    init_reader=str(world / "realm"),
  )


@pytest.fixture(scope="module")
def by_words(world, tmp_path_factory):
  """A reader that was trained on BM25's passages, killed once on the way."""
  model_dir = tmp_path_factory.mktemp("bm25") / "run"
  before_step = finetune_hook.FinetuneHook.before_step

  def fail(self, step, feed):
    if step == 31:
      raise KeyboardInterrupt

  with quick.untraced():
    with pytest.MonkeyPatch.context() as patch:
      patch.setattr(finetune_hook.FinetuneHook, "before_step", fail)
      with pytest.raises(KeyboardInterrupt):
        run_bm25(world, model_dir)
    assert finetune_hook.FinetuneHook.before_step is before_step
    run_bm25(world, model_dir)
  return model_dir


def test_a_reader_learns_from_what_bm25_finds(by_words):
  train = tiny_runs.scalars(by_words, "train")
  assert sorted(train["loss"]) == list(range(5, 61, 5))
  assert train["loss"] == train["reader_loss"]
  # A person's name finds the person's passage.
  assert set(train["answer_in_reader_beam"].values()) == {1.0}
  assert train["loss"][60] < 0.5 * train["loss"][5]
  run = run_config.read(str(by_words))
  assert (run.init_checkpoint, run.index_run) == ("", "")
  assert not (by_words / "index").exists()
  assert not (by_words / "exports/embedder").exists()
  assert own_run.roles(own_run.weights_path(str(by_words))[0]) == {"reader"}


def test_it_answers_with_bm25_unless_it_is_told_otherwise(world, by_words):
  answerer = open_qa.OpenQA.from_run(str(by_words))
  found = answerer.answer(people.PEOPLE, asked(), k=3)
  best = own_run.best_facts(str(by_words))["exact_match"]
  right = [
    prediction.answer == place
    for prediction, place in zip(found.predictions, people.PLACES, strict=True)
  ]
  assert sum(right) / len(right) == pytest.approx(best)
  assert all(p.scores["retriever"] == 0.0 for p in found.predictions)
  for name in ("dense", "hybrid"):
    with pytest.raises(errors.UserError, match=f"retriever={name} needs"):
      answerer(asked(), retriever=name)
  scores = evaluation_run.run(
    evaluation_options.Options(
      model_dir=str(by_words),
      dataset=str(world / "questions.jsonl"),
      answer_type="string",
      split="dev",
    )
  )
  assert [*scores] == ["bm25"]


def test_it_is_exported_without_towers(by_words, tmp_path):
  folder = export_run.run(
    export_run.ExportOptions(
      model_dir=str(by_words), output=str(tmp_path / "export"), num_answers=1
    )
  )
  info = json.loads(
    (pathlib.Path(folder) / "assets.extra/realm.json").read_text()
  )
  assert (info["retriever"], info["index_step"]) == ("bm25", None)
  signatures = tf.saved_model.load(folder).signatures
  assert not [name for name in signatures if name.startswith("embed")]
  served = signatures["answer"](question=tf.constant(asked()))["answer"]
  answered = open_qa.OpenQA.from_run(str(by_words))(asked())
  assert [answer.decode() for answer in served[:, 0].numpy()] == [
    answer.answer for answer in answered
  ]


def test_it_has_no_index(by_words):
  answerer = open_qa.OpenQA.from_run(str(by_words))
  for name in ("index", "searcher"):
    with pytest.raises(errors.UserError, match="has no index"):
      getattr(answerer, name)


def test_the_hybrid_beam_is_trained_on_and_read(world, tmp_path):
  config = people.config_of(
    retriever="hybrid", hybrid_weight=0.2, train_steps=3
  )
  people.run(world, tmp_path / "run", config)
  found = tiny_runs.scalars(tmp_path / "run", "train")
  # By its words, BM25 finds what random towers do not.
  assert set(found["answer_in_reader_beam"].values()) == {1.0}
  assert set(found["answer_in_retriever_beam"].values()) == {1.0}
  answerer = open_qa.OpenQA.from_run(str(tmp_path / "run"))
  [one, *_] = answerer.answer(people.PEOPLE, asked(), k=3).predictions
  assert one.retrieved[0] != ""
  rows = answerer.retrievers.retrieve(asked(), 1, "hybrid").rows
  assert rows[:, 0].tolist() == [
    answerer.answer([""], [text], k=1).rows[0, 0] for text in asked()
  ]


@pytest.mark.parametrize(
  ("fields", "word"),
  [
    ({"train_reader": False}, "train_reader=false"),
    ({"train_passage_tower": True}, "train_passage_tower=true"),
  ],
)
def test_bm25_is_not_trained(fields, word):
  with pytest.raises(errors.UserError) as error:
    loading.load("finetune", "tiny", {"retriever": "bm25", **fields})
  assert f"config.{word}" in str(error.value)
  assert "\n" not in str(error.value)


def test_a_retriever_is_not_named_for_bm25(world, tmp_path):
  with pytest.raises(errors.UserError) as error:
    people.run(
      world,
      tmp_path / "run",
      people.config_of(**BM25),
      init_retriever=str(world / "realm"),
    )
  assert f"init_retriever={world}/realm" in str(error.value)
  assert "config.retriever=dense" in str(error.value)
  assert not (tmp_path / "run").exists()
