"""Fine-tuning with a trained passage tower, on a corpus of eight passages."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import open_qa
from realm_tf.answering import run_retriever
from realm_tf.checkpoints.formats import own_run
from realm_tf.data.corpus import corpora
from realm_tf.data.examples import packing
from realm_tf.index.versions import index_store
from realm_tf.index.versions import run_index
from realm_tf.models import embedders
from realm_tf.runs import best_weights
from realm_tf.runs import run_config
from realm_tf.training.recipes import following_hook
from tests import people
from tests import quick
from tests.end_to_end import tiny_runs

RETRIEVER_ALONE = {
  "train_passage_tower": True,
  "train_reader": False,
  "beam_loss": False,
  "bm25_negatives": 1,
  "learning_rate": 5e-3,
  "train_steps": 20,
  "checkpoint_every_steps": 5,
  "evaluate_every_steps": 10,
}


def asked():
  return [f"where was {person} born?" for person in people.PEOPLE]


@pytest.fixture(scope="module")
def followed(world, tmp_path_factory):
  """A retriever that was trained alone, without a refresher."""
  model_dir = tmp_path_factory.mktemp("followed") / "run"
  with quick.untraced():
    people.run(world, model_dir, people.config_of(**RETRIEVER_ALONE))
  return model_dir


def towers_of(model_dir):
  """The towers of a run's best weights."""
  run = run_config.read(str(model_dir))
  corpus = corpora.Corpus.open(run.corpus)
  tokenizer = corpus.tokenizer
  towers = embedders.TwoTowers(
    run.config, run.config, tokenizer.vocab_size, tokenizer.sep_id
  )
  own_run.restore(own_run.weights_path(str(model_dir))[0], retriever=towers)
  return towers, corpus, run


def test_the_best_weights_are_the_towers_that_made_their_index(followed):
  towers, corpus, run = towers_of(followed)
  best = best_weights.read(str(followed))
  evaluations = tiny_runs.scalars(followed, "eval")
  # The first index stays in use up to the last step.
  assert evaluations["index_version"] == {0: 0.0, 10: 0.0, 20: 20.0}
  recalls = evaluations["recall@5"]
  assert recalls[0] == recalls[10] < recalls[20]
  assert best.facts["recall@5"] == pytest.approx(recalls[20])
  assert best.step == best.facts[run_index.INDEX_STEP] == 20
  version = run_index.open_index(run, corpus, str(followed))
  table = corpus.load_passages()
  rows = packing.PackedPassages.of(table, 32, corpus.tokenizer).passages(
    tf.range(len(table))
  )
  stored = version.load_matrix().astype(np.float32)
  np.testing.assert_allclose(towers.passage_embedder(rows), stored, atol=5e-3)


def test_the_first_index_is_the_one_the_run_started_from(world, followed):
  first = index_store.IndexStore(str(followed))
  source = index_store.IndexStore(str(world / "realm"))
  corpus = corpora.Corpus.open(str(world / "corpus"))
  facts = corpus.fingerprint, corpus.num_passages
  one = first.open(0, *facts, verify=True)
  other = source.open(50, *facts)
  assert first.is_usable(0)
  for new, old in zip(
    one.load_embeddings(), other.load_embeddings(), strict=True
  ):
    np.testing.assert_array_equal(new, old)


@pytest.mark.usefixtures("eagerly")
def test_a_run_without_a_reader_retrieves_and_is_read_by_the_next(
  world, followed, tmp_path
):
  with pytest.raises(errors.UserError, match="retrieval_only=True") as error:
    open_qa.OpenQA.from_run(str(followed))
  assert "\n" not in str(error.value)
  found = run_retriever.Retriever.from_run(str(followed)).search(asked(), k=5)
  hits = [
    any(place in passage.passage.text for passage in passages)
    for passages, place in zip(found, people.PLACES, strict=True)
  ]
  best = own_run.best_facts(str(followed))
  assert np.mean(hits) == pytest.approx(best["recall@5"])
  config = people.config_of(train_steps=3)
  people.run(world, tmp_path / "qa", config, init=str(followed))
  run = run_config.read(str(tmp_path / "qa"))
  assert (run.index_run, run.index_step) == (str(followed), 20)
  answers = open_qa.OpenQA.from_run(str(tmp_path / "qa"))(asked())
  assert all(answer.answer for answer in answers)


@pytest.mark.usefixtures("eagerly", "embeds_here")
def test_a_resumed_run_draws_and_learns_the_same(
  world, followed, tmp_path, monkeypatch
):
  def fail(self, step, feed):
    if step == 13:
      raise KeyboardInterrupt

  config = people.config_of(**RETRIEVER_ALONE)
  with monkeypatch.context() as patch:
    patch.setattr(following_hook.FollowingHook, "before_step", fail)
    with pytest.raises(KeyboardInterrupt):
      people.run(world, tmp_path / "run", config)
  people.run(world, tmp_path / "run", config)
  wanted = tiny_runs.scalars(followed, "train")
  found = tiny_runs.scalars(tmp_path / "run", "train")
  for name in ("loss", "live_loss", "index_age_steps"):
    assert found[name] == pytest.approx(wanted[name], rel=1e-4), name
  assert (
    tiny_runs.scalars(tmp_path / "run", "eval")["recall@5"]
    == (tiny_runs.scalars(followed, "eval")["recall@5"])
  )


@pytest.mark.usefixtures("eagerly", "embeds_here")
def test_one_tower_may_embed_both_and_start_without_an_index(world, tmp_path):
  config = people.config_of(
    **RETRIEVER_ALONE
    | {"tied_embedders": True, "train_steps": 3, "hard_em": True}
  )
  people.run(world, tmp_path / "run", config, init=str(world / "ict"))
  assert index_store.IndexStore(str(tmp_path / "run")).versions() == [0, 3]
  towers, _, _ = towers_of(tmp_path / "run")
  assert towers.query_embedder is towers.passage_embedder


@pytest.mark.usefixtures("eagerly")
def test_the_query_tower_alone_is_trained_over_a_frozen_index(world, tmp_path):
  config = people.config_of(
    train_reader=False,
    learning_rate=1e-6,
    retriever_learning_rate=5e-3,
    train_steps=20,
    evaluate_every_steps=20,
  )
  people.run(world, tmp_path / "run", config)
  train = tiny_runs.scalars(tmp_path / "run", "train")
  assert train["retriever_loss"] == train["loss"]
  assert train["loss"][20] < 0.9 * train["loss"][1]
  assert train["retriever_learning_rate"][20] == pytest.approx(
    5e3 * train["learning_rate"][20]
  )
  run = run_config.read(str(tmp_path / "run"))
  assert run.index_run == str(world / "realm")
  assert own_run.roles(own_run.weights_path(str(tmp_path / "run"))[0]) == {
    "retriever"
  }
  run_retriever.Retriever.from_run(str(tmp_path / "run")).search(asked(), k=5)


def error_of(world, model_dir, **changes):
  fields = changes.pop("fields", {})
  with pytest.raises(errors.UserError) as error:
    people.run(world, model_dir, people.config_of(**fields), **changes)
  assert "\n" not in str(error.value)
  assert not model_dir.exists()
  return str(error.value)


def test_what_cannot_be_is_told_in_a_line(world, followed, tmp_path):
  run = tmp_path / "run"
  for mode in ("local", "external"):
    message = error_of(world, run, refresh_mode=mode)
    assert f"refresh={mode}" in message
    assert "config.train_passage_tower=true" in message
  message = error_of(
    world,
    run,
    fields={"train_reader": False},
    init_reader=str(world / "realm"),
  )
  assert f"init_reader={world}/realm" in message
  one = RETRIEVER_ALONE | {"tied_embedders": True}
  message = error_of(world, run, fields=one, init=str(followed))
  assert "config.tied_embedders=True" in message
  lost = shutil.copytree(followed, tmp_path / "lost")
  shutil.rmtree(lost / "index/20")
  message = error_of(world, run, init=str(lost))
  assert "index/20" in message and "pruned" in message
