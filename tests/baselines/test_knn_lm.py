"""kNN-LM of a run with random weights: its store, and what it measures."""

import json

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import errors
from realm_tf.baselines import knn_lm
from realm_tf.baselines import knn_lm_options
from realm_tf.data.corpus import corpora
from realm_tf.data.examples import masked_queries
from realm_tf.data.sentences import annotate
from realm_tf.data.sentences import annotate_shards
from realm_tf.models import masked_lm
from tests import people
from tests import synthetic


@pytest.fixture(scope="module")
def root(world):
  rules = annotate_shards.TaggerSettings(
    tagger="rules", gazetteer="titles", numbers=False
  )
  folder = str(world / "corpus")
  annotate.annotate(annotate.AnnotateOptions(corpus=folder, tagger=rules))
  corpus = corpora.Corpus.open(folder)
  for task in ("pretrain", "pretrain_mlm"):
    people.write_pretrained(
      world / f"knn-{task}", corpus, task, heldout_fraction=0.5
    )
  return world


def measured(root, task):
  output = root / f"results-{task}"
  results = knn_lm.run(
    knn_lm_options.Options(
      model_dir=str(root / f"knn-{task}"), output=str(output), neighbors=4
    )
  )
  assert json.loads((output / knn_lm.RESULTS).read_text()) == results
  return {name: f["value"] for name, f in results["figures"].items()}, results


def test_a_run_of_pretrain_is_measured_with_and_without_passages(root):
  figures, results = measured(root, "pretrain")
  assert results["store"]["entries"] > 4
  for system in ("reader", "knn_lm", "realm"):
    assert 0 <= figures[f"{system}_accuracy"] <= 1
    assert -20 < figures[f"{system}_log_likelihood"] < 0
  assert len(results["mixing"]) == 2


def test_of_a_language_model_there_is_no_realm(root):
  figures, _ = measured(root, "pretrain_mlm")
  assert "knn_lm_accuracy" in figures
  assert "realm_accuracy" not in figures


def test_other_runs_have_no_language_model(root):
  options = knn_lm_options.Options(
    model_dir=str(root / "ict"), output=str(root / "none")
  )
  with pytest.raises(errors.UserError, match="pretrain_ict, which has no lang"):
    knn_lm.run(options)


def source_of(heldout):
  return masked_queries.MaskedQuerySource(
    synthetic.random_corpus(),
    synthetic.realm_config(),
    synthetic.make_tokenizer(),
    heldout=heldout,
  )


def test_keys_are_the_hidden_states_that_make_the_models_logits():
  config = synthetic.realm_config()
  reader = masked_lm.MaskedLanguageModel(config, len(synthetic.VOCABULARY))
  model = knn_lm.LanguageModel(reader, synthetic.SEP)
  batch = source_of(heldout=True)(tf.constant(0, tf.int64))
  states = model.states([batch])
  # `[CLS] x [SEP] [SEP]` by hand, one query after the other.
  places = 0
  for row in range(8):
    ids = batch.masked.token_ids[row].numpy()
    ids = [*ids[ids > 0], synthetic.SEP]
    logits = reader(
      tf.constant([ids]),
      tf.constant([[0] * (len(ids) - 1) + [1]]),
      batch.masked.mask_positions[row : row + 1],
    )[0]
    count = int(batch.masked.target_weights[row].numpy().sum())
    here = slice(places, places + count)
    np.testing.assert_allclose(
      model.probabilities(states.hidden[here]),
      tf.nn.softmax(logits[:count]),
      rtol=1e-4,
    )
    np.testing.assert_array_equal(
      states.targets[here], batch.masked.targets[row, :count]
    )
    assert set(states.queries[here]) == {row}
    places += count
  assert places == len(states.targets)


def test_the_store_has_each_span_of_the_training_sentences_and_no_other():
  source, heldout = source_of(heldout=False), source_of(heldout=True)
  sentences, spans = source.spans()
  assert len(set(spans)) == len(spans)
  assert set(sentences).isdisjoint(heldout.spans()[0])
  corpus = synthetic.random_corpus()
  fits = corpus.span_limits - corpus.span_starts <= 3
  assert fits.all()  # so that spans keep their numbers
  wanted = [
    corpus.tokens[corpus.span_starts[i] : corpus.span_limits[i]].tolist()
    for i in spans
  ]
  batch = source.mask_spans(tf.constant(sentences), tf.constant(spans))
  weights = batch.masked.target_weights.numpy() > 0
  found = [
    targets[mask].tolist()
    for targets, mask in zip(batch.masked.targets.numpy(), weights, strict=True)
  ]
  assert found == wanted
  np.testing.assert_array_equal(batch.sentences, sentences)
  for number, i in zip(sentences, spans, strict=True):
    assert corpus.span_splits[number] <= i < corpus.span_splits[number + 1]
