import hypothesis
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from realm_tf.models import objective

FORMS = ("span", "token")


def reference(scores, mask, log_probs, weights, form):
  """log p(y|x) of each query, term by term."""
  result = []
  for b in range(scores.shape[0]):
    present = [k for k in range(scores.shape[1]) if mask[b, k]]
    peak = max(scores[b, k] for k in present)
    total = sum(np.exp(scores[b, k] - peak) for k in present)
    prior = {k: np.exp(scores[b, k] - peak) / total for k in present}
    masked = [m for m in range(weights.shape[1]) if weights[b, m]]
    if form == "span":
      likelihood = 0.0
      for k in present:
        joint = prior[k]
        for m in masked:
          joint *= np.exp(log_probs[b, k, m])
        likelihood += joint
      result.append(np.log(likelihood))
    else:
      log_likelihood = 0.0
      for m in masked:
        log_likelihood += np.log(
          sum(prior[k] * np.exp(log_probs[b, k, m]) for k in present)
        )
      result.append(log_likelihood)
  return np.array(result)


@st.composite
def inputs(draw, max_k=4, max_m=3):
  batch = draw(st.integers(1, 2))
  k = draw(st.integers(1, max_k))
  m = draw(st.integers(1, max_m))
  scores = draw(hnp.arrays(np.float64, (batch, k), elements=st.floats(-6, 6)))
  mask = draw(hnp.arrays(np.bool_, (batch, k)))
  mask[:, 0] = True
  log_probs = draw(
    hnp.arrays(np.float64, (batch, k, m), elements=st.floats(-8, -0.01))
  )
  weights = draw(hnp.arrays(np.bool_, (batch, m))).astype(np.float64)
  return scores, mask, log_probs, weights


def marginalize(scores, mask, log_probs, weights, form):
  return objective.marginalize(
    tf.constant(scores),
    tf.constant(mask),
    tf.constant(log_probs),
    tf.constant(weights),
    form,
  )


@pytest.mark.parametrize("form", FORMS)
@hypothesis.given(inputs())
def test_equals_the_sum_over_candidates_written_out(form, given):
  result = marginalize(*given, form)
  np.testing.assert_allclose(
    result.log_likelihood, reference(*given, form), rtol=1e-10, atol=1e-10
  )


@pytest.mark.parametrize("form", FORMS)
@hypothesis.given(inputs(), st.floats(-50, 50))
def test_a_constant_added_to_all_scores_changes_nothing(form, given, constant):
  scores, *rest = given
  np.testing.assert_allclose(
    marginalize(scores + constant, *rest, form).log_likelihood,
    marginalize(scores, *rest, form).log_likelihood,
    rtol=1e-9,
    atol=1e-9,
  )


@pytest.mark.parametrize("form", FORMS)
@hypothesis.given(inputs(), st.randoms(use_true_random=False))
def test_the_order_of_candidates_is_of_no_account(form, given, random):
  scores, mask, log_probs, weights = given
  order = list(range(scores.shape[1]))
  random.shuffle(order)
  before = marginalize(*given, form)
  after = marginalize(
    scores[:, order], mask[:, order], log_probs[:, order], weights, form
  )
  np.testing.assert_allclose(
    after.log_likelihood, before.log_likelihood, rtol=1e-9, atol=1e-9
  )
  np.testing.assert_allclose(
    after.retrieval_log_probs,
    before.retrieval_log_probs.numpy()[:, order],
    rtol=1e-9,
    atol=1e-9,
  )
  np.testing.assert_allclose(after.entropy, before.entropy, atol=1e-9)


@hypothesis.given(inputs(max_m=1))
def test_forms_agree_on_one_mask(given):
  np.testing.assert_allclose(
    marginalize(*given, "span").log_likelihood,
    marginalize(*given, "token").log_likelihood,
    rtol=1e-9,
    atol=1e-9,
  )


@hypothesis.given(inputs(max_k=1))
def test_forms_agree_on_one_candidate(given):
  for form in FORMS:
    result = marginalize(*given, form)
    np.testing.assert_allclose(
      result.log_likelihood, result.null_log_likelihood, rtol=1e-9, atol=1e-9
    )


@hypothesis.given(inputs())
def test_passages_that_say_the_same_have_no_utility(given):
  scores, mask, log_probs, weights = given
  log_probs = np.repeat(log_probs[:, :1], log_probs.shape[1], axis=1)
  for form in FORMS:
    np.testing.assert_allclose(
      marginalize(scores, mask, log_probs, weights, form).retrieval_utility,
      0.0,
      atol=1e-9,
    )


@pytest.mark.parametrize("form", FORMS)
@hypothesis.given(inputs())
def test_a_masked_candidate_has_no_influence_and_no_gradient(form, given):
  scores, mask, log_probs, weights = given
  loud = np.where(mask, scores, 1e4)
  wrong = np.where(mask[:, :, None], log_probs, -1e4)
  scores_variable, log_probs_variable = tf.Variable(loud), tf.Variable(wrong)
  with tf.GradientTape() as tape:
    result = objective.marginalize(
      scores_variable, mask, log_probs_variable, tf.constant(weights), form
    )
    loss = -tf.reduce_sum(result.log_likelihood)
  gradients = tape.gradient(loss, [scores_variable, log_probs_variable])
  np.testing.assert_allclose(
    result.log_likelihood,
    marginalize(scores, mask, log_probs, weights, form).log_likelihood,
    rtol=1e-9,
    atol=1e-9,
  )
  for gradient in gradients:
    assert np.isfinite(gradient).all()
    assert not gradient.numpy()[~mask].any()
  for value in (result.log_likelihood, result.entropy, result.null_probability):
    assert np.isfinite(value).all()


@pytest.mark.parametrize("form", FORMS)
def test_a_padded_target_has_no_influence_and_no_gradient(form):
  rng = np.random.default_rng(1)
  scores, mask = rng.normal(size=(3, 4)), np.ones((3, 4), bool)
  log_probs = tf.Variable(-rng.random((3, 4, 5)))
  weights = np.array([[1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1.0]])
  with tf.GradientTape() as tape:
    result = objective.marginalize(
      tf.constant(scores), mask, log_probs, tf.constant(weights), form
    ).log_likelihood
  gradient = tape.gradient(result, log_probs)
  assert not gradient.numpy()[np.repeat(weights[:, None], 4, 1) == 0].any()
  np.testing.assert_allclose(
    result[0],
    marginalize(
      scores[:1], mask[:1], log_probs[:1, :, :2], weights[:1, :2], form
    ).log_likelihood[0],
  )


def paper_gradient(scores, mask, log_probs, weights):
  """r(z) = [p(y|z,x) / p(y|x) - 1] p(z|x): section 3.3."""
  expected = np.zeros_like(scores)
  log_likelihood = reference(scores, mask, log_probs, weights, "span")
  for b in range(scores.shape[0]):
    total = sum(
      np.exp(scores[b, k]) for k in range(scores.shape[1]) if mask[b, k]
    )
    for k in range(scores.shape[1]):
      if mask[b, k]:
        p_z = np.exp(scores[b, k]) / total
        p_y_z = np.exp(np.sum(log_probs[b, k] * weights[b]))
        expected[b, k] = (p_y_z / np.exp(log_likelihood[b]) - 1) * p_z
  return expected


def test_gradient_of_the_scores_is_the_papers_formula():
  rng = np.random.default_rng(2)
  scores = tf.Variable(rng.normal(size=(16, 8), scale=2))
  mask = rng.random((16, 8)) < 0.8
  mask[:, 0] = True
  log_probs = np.log(rng.random((16, 8, 4)))
  weights = (rng.random((16, 4)) < 0.6).astype(np.float64)
  with tf.GradientTape() as tape:
    loss = -tf.reduce_sum(
      objective.marginalize(
        scores, mask, log_probs, weights, "span"
      ).log_likelihood
    )
  np.testing.assert_allclose(
    -tape.gradient(loss, scores).numpy(),
    paper_gradient(scores.numpy(), mask, log_probs, weights),
    rtol=0,
    atol=1e-10,
  )


def test_gradient_through_the_embeddings_is_the_papers_formula():
  rng = np.random.default_rng(3)
  scale = 0.3
  queries = tf.Variable(rng.normal(size=(5, 6)))
  passages = tf.Variable(rng.normal(size=(5, 4, 6)))
  mask = np.ones((5, 4), bool)
  mask[2, 3] = False
  log_probs = np.log(rng.random((5, 4, 3)))
  weights = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 0, 0.0]])
  with tf.GradientTape() as tape:
    scores = objective.retrieval_scores(queries, passages, scale)
    result = objective.marginalize(scores, mask, log_probs, weights, "span")
    total = tf.reduce_sum(result.log_likelihood)
  to_queries, to_passages = tape.gradient(total, [queries, passages])
  r = paper_gradient(scores.numpy(), mask, log_probs, weights)
  # The gradient of f(x, z) is the other side's embedding, times the scale.
  for b in range(5):
    by_hand = sum(r[b, k] * scale * passages.numpy()[b, k] for k in range(4))
    np.testing.assert_allclose(to_queries[b], by_hand, rtol=0, atol=1e-10)
    for k in range(4):
      np.testing.assert_allclose(
        to_passages[b, k],
        r[b, k] * scale * queries.numpy()[b],
        rtol=0,
        atol=1e-10,
      )


def test_utility_and_entropy_by_hand():
  # p(z|x) = 1/4, 3/4; p(y|z, x) = 1/10, 1/2.
  result = marginalize(
    np.log([[1.0, 3.0]]),
    np.array([[True, True]]),
    np.log([[[0.1], [0.5]]]),
    np.array([[1.0]]),
    "span",
  )
  likelihood = 0.25 * 0.1 + 0.75 * 0.5  # 0.4
  assert float(result.log_likelihood[0]) == pytest.approx(np.log(likelihood))
  assert float(result.null_log_likelihood[0]) == pytest.approx(np.log(0.1))
  assert float(result.retrieval_utility[0]) == pytest.approx(np.log(4))
  assert float(result.null_probability[0]) == pytest.approx(0.25)
  assert float(result.entropy[0]) == pytest.approx(
    -0.25 * np.log(0.25) - 0.75 * np.log(0.75)
  )


def test_entropy_of_equals_and_of_one():
  result = marginalize(
    np.zeros((2, 4)),
    np.array([[True] * 4, [True, False, False, False]]),
    np.full((2, 4, 1), -1.0),
    np.ones((2, 1)),
    "span",
  )
  np.testing.assert_allclose(result.entropy, [np.log(4), 0.0], atol=1e-12)
  np.testing.assert_allclose(result.null_probability, [0.25, 1.0])
  assert (result.retrieval_log_probs.numpy()[1, 1:] == -np.inf).all()


def test_another_form_is_refused():
  with pytest.raises(ValueError, match="'span'.*'token'.*'both'"):
    marginalize(
      np.zeros((1, 1)),
      np.ones((1, 1), bool),
      np.zeros((1, 1, 1)),
      np.ones((1, 1)),
      "both",
    )


def test_token_log_probs_are_a_log_softmax():
  rng = np.random.default_rng(4)
  logits = rng.normal(size=(2, 3, 5))
  targets = np.array([[0, 4, 2], [1, 1, 3]], np.int32)
  expected = np.empty((2, 3))
  for b in range(2):
    for m in range(3):
      probabilities = np.exp(logits[b, m]) / np.exp(logits[b, m]).sum()
      expected[b, m] = np.log(probabilities[targets[b, m]])
  np.testing.assert_allclose(
    objective.token_log_probs(tf.constant(logits), targets), expected
  )


def test_scores_are_scaled_inner_products():
  scores = objective.retrieval_scores(
    tf.constant([[1.0, 2.0]]), tf.constant([[[3.0, 4.0], [0.0, -1.0]]]), 0.5
  )
  np.testing.assert_allclose(scores, [[5.5, -1.0]])
