"""What REALM's task makes of the model's outputs."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.models import objective
from realm_tf.models import realm as realm_lib
from tests import synthetic

# Two queries, two candidates each; the first has two masks, the second one.
PRIOR = [[0.25, 0.75], [0.5, 0.5]]
TOKENS = [[[0.5, 0.2], [0.1, 0.4]], [[0.8, 1.0], [0.4, 1.0]]]  # [B, K, M]
WEIGHTS = [[1.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
  ("marginalization", "wanted"),
  [
    # Per query: what one passage explains as a whole.
    ("span", -np.log((0.25 * 0.1 + 0.75 * 0.04) * 0.6) / 2),
    # Per masked token: 0.25 * 0.5 + 0.75 * 0.1, 0.25 * 0.2 + 0.75 * 0.4, and
    # 0.5 * 0.8 + 0.5 * 0.4.
    ("token", -np.log(0.2 * 0.35 * 0.6) / 3),
  ],
)
def test_the_loss_is_a_mean_over_queries_or_over_masked_tokens(
  marginalization, wanted
):
  config = synthetic.realm_config(marginalization=marginalization)
  weights = tf.constant(WEIGHTS)
  marginal = objective.marginalize(
    tf.math.log(tf.constant(PRIOR)),
    tf.ones([2, 2], tf.bool),
    tf.math.log(tf.constant(TOKENS)),
    weights,
    marginalization,
  )
  outputs = realm_lib.RealmOutputs(marginal, tf.zeros([2, 2, 2, 5]))

  class Model(realm_lib.RealmModel):
    """Gives these outputs."""

    def call(self, features, training=False):
      return outputs

  model = Model.of_task(config, vocab_size=9, sep_id=synthetic.SEP)
  sums = model.sums({"target_weights": weights}, training=True)
  total, count = sums["loss"]
  assert float(total / count) == pytest.approx(wanted, rel=1e-5)
  # What is said of queries stays a mean over queries.
  for name in ("retrieval_utility", "entropy", "null_probability"):
    assert float(sums[name][1]) == 2
