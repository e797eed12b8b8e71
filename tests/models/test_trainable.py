import functools

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import models
from tests import synthetic

VOCAB = len(synthetic.VOCABULARY)
EXAMPLES, BATCH = 7, 3  # batches of 3, 3 and 1
KINDS = ("realm", "ict")


@functools.cache
def features_of(kind):
  """Features of `EXAMPLES` queries."""
  features = synthetic.realm_features(synthetic.realm_config(), batch=EXAMPLES)
  if kind == "ict":
    passages = features["passage_token_ids"][:, 0]
    names = ("query_token_ids", "passage_token_ids")
    both = features | {"passage_token_ids": passages}
    return {name: both[name] for name in names}
  return features


def dataset_of(kind):
  return tf.data.Dataset.from_tensor_slices(features_of(kind)).batch(BATCH)


def make_model(kind):
  """A model as the public API makes it, of one layer of 16."""
  encoder = models.EncoderConfig(
    num_layers=1,
    hidden_size=16,
    num_heads=2,
    intermediate_size=32,
    max_positions=48,
    dropout=0.0,
  )
  model_class = {"realm": models.RealmModel, "ict": models.IctModel}[kind]
  return model_class(
    encoder,
    VOCAB,
    synthetic.SEP,
    retriever=models.RetrieverConfig(projection_size=8, score_scale=0.5),
  )


@pytest.fixture(scope="module", params=KINDS)
def trained(request):
  """The kind, a model after three epochs, and what `fit` reported."""
  tf.keras.utils.set_random_seed(0)
  model = make_model(request.param)
  model.compile(tf.keras.optimizers.Adam(3e-3))
  history = model.fit(dataset_of(request.param), epochs=3, verbose=0)
  return request.param, model, history.history


def mean_of_sums(model, kind, name):
  sums = [model.sums(batch, training=False)[name] for batch in dataset_of(kind)]
  totals, weights = zip(*sums, strict=True)
  return sum(totals).numpy() / sum(weights).numpy()


def test_fit_lowers_the_loss(trained):
  _, _, history = trained
  losses = history["loss"]
  assert losses == sorted(losses, reverse=True)
  assert losses[-1] < losses[0] - 0.05


def test_evaluate_gives_means_over_all_batches(trained):
  kind, model, _ = trained
  # Twice: nothing is left over from another epoch.
  for _ in range(2):
    found = model.evaluate(dataset_of(kind), return_dict=True, verbose=0)
    for name in ("loss", "accuracy", "entropy"):
      wanted = mean_of_sums(model, kind, name)
      np.testing.assert_allclose(found[name], wanted, rtol=1e-5, err_msg=name)


def test_what_is_reported_is_no_weight_of_the_model(trained):
  kind, model, _ = trained
  fresh = make_model(kind)
  assert [v.shape for v in model.variables] == [
    v.shape for v in fresh.variables
  ]


def test_a_saved_model_computes_alike_and_is_fitted_on(trained, tmp_path):
  kind, model, history = trained
  path = str(tmp_path / "m.keras")
  model.save(path)
  loaded = tf.keras.models.load_model(path)
  assert type(loaded) is type(model)
  for old, new in zip(
    tf.nest.flatten(model(features_of(kind))),
    tf.nest.flatten(loaded(features_of(kind))),
    strict=True,
  ):
    np.testing.assert_allclose(new, old, rtol=1e-5, atol=1e-6)
  assert loaded.optimizer.iterations == 9
  loaded.run_eagerly = True  # a graph takes longer to build than to run
  further = loaded.fit(dataset_of(kind), verbose=0).history
  assert further["loss"][0] < history["loss"][-1]


def log_likelihoods(kind, model, features):
  """By the definition, of each query: <float32>[B]."""
  if kind == "realm":
    return model(features, training=True).marginal.log_likelihood
  scores, own = model(features, training=True)
  return tf.gather(tf.nn.log_softmax(scores), own, batch_dims=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_goes_down_the_mean_negative_log_likelihood(kind):
  model = make_model(kind)
  model.compile(tf.keras.optimizers.SGD(0.1), run_eagerly=True)
  features = features_of(kind)
  with tf.GradientTape() as tape:
    loss = -tf.reduce_mean(log_likelihoods(kind, model, features))
  variables = model.trainable_variables
  gradients = map(tf.convert_to_tensor, tape.gradient(loss, variables))
  wanted = [
    variable.numpy() - 0.1 * gradient.numpy()
    for variable, gradient in zip(variables, gradients, strict=True)
  ]
  whole = tf.data.Dataset.from_tensors(features)
  history = model.fit(whole, verbose=0).history
  np.testing.assert_allclose(history["loss"], [loss], rtol=1e-5)
  for variable, value in zip(variables, wanted, strict=True):
    np.testing.assert_allclose(
      variable, value, rtol=1e-4, atol=1e-5, err_msg=variable.name
    )


def orqa_model():
  return models.OrqaModel.of_task(
    synthetic.orqa_config(span_hidden_size=6), VOCAB, synthetic.SEP
  )


def masked_lm():
  return models.MaskedLanguageModel(
    synthetic.mlm_config(), VOCAB, name="mine", output_range=9
  )


@pytest.mark.parametrize("make", [orqa_model, masked_lm])
def test_a_model_made_of_its_config_has_the_same_one(make):
  model = make()
  fields = model.get_config()
  again = type(model).from_config(fields)
  assert again.get_config() == fields
  assert again.name == model.name
  assert [v.shape for v in again.variables] == [
    v.shape for v in model.variables
  ]
