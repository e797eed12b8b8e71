"""Masks filled by a pre-trained run, against the model of pre-training."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering import mask_filling
from realm_tf.answering import run_retriever
from realm_tf.index.versions import index_store
from realm_tf.index.versions import index_version
from realm_tf.models import realm
from tests import people

TEXTS = ["Ada was born in [MASK].", "[MASK] was born in Oslo in [MASK] [MASK]"]
N = 3


@pytest.fixture(scope="module")
def run(world):
  return mask_filling.load(str(world / "realm"))


@pytest.fixture(scope="module")
def filled(run):
  return run.fill(TEXTS, N)


def objective(run, filled):
  """What the model of pre-training says of the same candidates and tokens."""
  config, tokenizer = run.config, run.corpus.tokenizer
  packed = run.memory.packed
  token_ids, positions, is_mask = run.graph.tokenize(tf.constant(TEXTS))
  rows = np.where(filled.row < 0, packed.null_row, filled.row)
  joint, segments = packed.joined(token_ids, tf.constant(rows))
  best = [
    [tokenizer.vocabulary.index(t or "[PAD]") for t in mask]
    for mask in filled.token[:, :, 0].astype(str)
  ]
  features = {
    "query_token_ids": token_ids,
    "passage_token_ids": packed.passages(tf.constant(rows)),
    "joint_token_ids": joint,
    "joint_segment_ids": segments,
    "candidate_mask": tf.constant(
      (filled.row >= 0) | (np.arange(rows.shape[1]) == 0)
    ),
    "mask_positions": positions,
    "targets": tf.constant(best),
    "target_weights": tf.cast(is_mask, tf.float32),
  }
  model = realm.RealmModel.of_task(
    config, tokenizer.vocab_size, tokenizer.sep_id
  )
  for part in ("retriever", "reader"):
    getattr(model, part).set_weights(getattr(run, part).get_weights())
  return model(features), features


def test_priors_and_probabilities_are_those_of_pre_training(run, filled):
  outputs, features = objective(run, filled)
  prior = np.exp(outputs.marginal.retrieval_log_probs)
  np.testing.assert_allclose(filled.prior, prior, rtol=2e-2, atol=1e-4)
  probabilities = tf.nn.softmax(outputs.logits).numpy()  # [B, K, M, V]
  mixture = np.einsum("bk,bkmv->bmv", prior, probabilities)
  weights = features["target_weights"].numpy()
  best = -np.sort(-mixture, axis=-1)[..., :N] * weights[..., None]
  np.testing.assert_allclose(filled.probability, best, rtol=2e-2, atol=1e-5)
  alone = -np.sort(-probabilities[:, 0], axis=-1)[..., :N] * weights[..., None]
  np.testing.assert_allclose(
    filled.probability_without_retrieval, alone, rtol=1e-3, atol=1e-6
  )
  # Bayes: p(z|x, y) = p(z|x) p(y|z, x) / p(y|x), of the best tokens.
  chosen = features["targets"].numpy()
  likelihood = np.ones_like(prior)
  for b, m in zip(*np.nonzero(weights), strict=True):
    likelihood[b] *= probabilities[b, :, m, chosen[b, m]]
  joint = prior * likelihood
  np.testing.assert_allclose(
    filled.posterior, joint / joint.sum(1, keepdims=True), rtol=2e-2, atol=1e-4
  )


def test_each_mask_is_filled_and_no_other_place(filled):
  said = (filled.token != b"").all(axis=-1)
  count = said.shape[1]
  assert said.tolist() == [
    [True] + [False] * (count - 1),
    [True] * min(3, count) + [False] * (count - 3),
  ]
  assert (filled.row[:, 0] == -1).all() and (filled.row[:, 1:] >= 0).all()


def test_a_run_without_masks_or_index_is_refused(world, overfitted, tmp_path):
  model_dir = overfitted
  with pytest.raises(errors.UserError, match="fills no masks"):
    mask_filling.load(str(model_dir))
  shutil.copy(world / "realm" / "config.json", tmp_path)
  with pytest.raises(errors.UserError, match="has no index yet"):
    mask_filling.load(str(tmp_path))


@pytest.mark.parametrize(
  "load", [mask_filling.load, run_retriever.Retriever.from_run]
)
def test_the_index_stays_while_it_is_loaded(world, monkeypatch, load):
  store = index_store.IndexStore(str(world / "realm"))
  load_searcher = index_version.IndexVersion.load_searcher
  held = []

  def look(version):
    held.append(store.is_held(version.step))
    return load_searcher(version)

  monkeypatch.setattr(index_version.IndexVersion, "load_searcher", look)
  load(str(world / "realm"))
  assert held == [True]
  assert not store.is_held(store.latest())


def test_the_questions_of_people_fit(run):
  # Longer than the query, without a mask, with more masks than may be filled.
  odd = ["word " * 200 + "[MASK]", "", "[MASK]" * 40, people.PLACES[0]]
  filled = run.fill(odd, 1)
  assert filled.token.shape[:2] == (4, run.config.max_masks)
  assert (filled.token[1] == b"").all() and (filled.token[3] == b"").all()
  assert (filled.token[2] != b"").all()
