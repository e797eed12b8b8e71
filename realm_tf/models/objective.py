"""REALM's objective: the retrieved passage as a latent variable.

Pure functions of scores and log-probabilities, all in float32 (or float64, in
which a test holds autodiff to the paper's formula).
"""

from typing import NamedTuple

import tensorflow as tf


class Marginal(NamedTuple):
  """The terms of the objective; see `marginalize`.

  Attributes:
    log_likelihood: <float>[B]. log p(y|x).
    null_log_likelihood: <float>[B]. log p(y|null passage, x).
    retrieval_log_probs: <float>[B, K]. log p(z|x); -inf where there is no
      candidate.
    entropy: <float>[B]. Of p(z|x), in nats.
  """

  log_likelihood: tf.Tensor
  null_log_likelihood: tf.Tensor
  retrieval_log_probs: tf.Tensor
  entropy: tf.Tensor

  @property
  def retrieval_utility(self) -> tf.Tensor:
    """<float>[B]. Retrieval utility: log p(y|x) - log p(y|null, x)."""
    return self.log_likelihood - self.null_log_likelihood

  @property
  def null_probability(self) -> tf.Tensor:
    """<float>[B]. p(null passage|x)."""
    return tf.exp(self.retrieval_log_probs[:, 0])


def retrieval_scores(
  query_embeddings: tf.Tensor, passage_embeddings: tf.Tensor, scale: float
) -> tf.Tensor:
  """Returns f(x, z), the inner product (paper, section 3.2), times a scale.

  Args:
    query_embeddings: <float>[B, D].
    passage_embeddings: <float>[B, K, D].
    scale: 1 in the paper.

  Returns:
    <float>[B, K].
  """
  return scale * tf.einsum("bd,bkd->bk", query_embeddings, passage_embeddings)


def retrieval_log_probs(
  scores: tf.Tensor, candidate_mask: tf.Tensor
) -> tf.Tensor:
  """Returns log p(z|x), the softmax over a query's candidates.

  Args:
    scores: <float>[B, K].
    candidate_mask: <bool>[B, K]. False where a query has fewer candidates;
      true for the null passage always.

  Returns:
    <float>[B, K]; -inf where there is no candidate.
  """
  minus_infinity = tf.constant(float("-inf"), scores.dtype)
  return tf.nn.log_softmax(tf.where(candidate_mask, scores, minus_infinity))


def marginalize(
  scores: tf.Tensor,
  candidate_mask: tf.Tensor,
  token_log_probs: tf.Tensor,
  target_weights: tf.Tensor,
  marginalization: str,
) -> Marginal:
  """Returns log p(y|x) = log sum_z p(y|z, x) p(z|x) of each query.

  Paper: y is all that is masked in a query, so that one passage explains it
  as a whole ("span"; equation 1 and section 3.2). Google's released code lets
  each masked token marginalise on its own ("token"). The two agree where one
  token is masked, or where there is one candidate.

  Args:
    scores: <float>[B, K]. f(x, z); candidate 0 is the null passage.
    candidate_mask: <bool>[B, K].
    token_log_probs: <float>[B, K, M]. log p(y_m|z, x) of the gold tokens,
      finite also where `target_weights` is 0.
    target_weights: <float>[B, M]. 1 for a masked token, 0 for padding.
    marginalization: "span" or "token".

  Raises:
    ValueError: If `marginalization` is neither.
  """
  tf.debugging.assert_shapes(
    [
      (scores, ("B", "K")),
      (candidate_mask, ("B", "K")),
      (token_log_probs, ("B", "K", "M")),
      (target_weights, ("B", "M")),
    ]
  )
  log_prior = retrieval_log_probs(scores, candidate_mask)
  log_span = tf.einsum("bkm,bm->bk", token_log_probs, target_weights)
  if marginalization == "span":
    log_likelihood = tf.reduce_logsumexp(log_prior + log_span, axis=1)
  elif marginalization == "token":
    log_token = tf.reduce_logsumexp(
      log_prior[:, :, None] + token_log_probs, axis=1
    )  # [B, M]
    log_likelihood = tf.reduce_sum(log_token * target_weights, axis=1)
  else:
    raise ValueError(
      "`marginalization` must be 'span' (paper) or 'token' (released "
      f"code), got {marginalization!r}."
    )
  entropy = -tf.reduce_sum(
    tf.math.multiply_no_nan(log_prior, tf.exp(log_prior)), axis=1
  )
  return Marginal(log_likelihood, log_span[:, 0], log_prior, entropy)


def token_log_probs(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
  """Returns the log-probability of each target.

  Args:
    logits: <float>[..., M, V].
    targets: <int32>[..., M].

  Returns:
    <float>[..., M].
  """
  return -tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
