"""PathRetriever's models: scores and losses, by hand in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.baselines import path_model
from realm_tf.models import encoders
from realm_tf.models import orqa
from realm_tf.models import span_reader
from tests import synthetic

CONFIG = synthetic.orqa_config(hidden_size=8)
VOCAB = len(synthetic.VOCABULARY)


@pytest.fixture(scope="module")
def retriever():
  tf.keras.utils.set_random_seed(3)
  encoder = encoders.build_encoder(CONFIG, VOCAB, "encoder", output_range=1)
  return path_model.SequenceRetriever(encoder, 8)


def numpy_logits(model, passages, path):
  """Logits of a path's steps, from the model's weights."""
  values = {
    v.name.split("/")[-1].split(":")[0]: v.numpy() for v in model.weights
  }
  first, stop, length, bias = (
    values[name] for name in ("first", "stop", "length", "bias")
  )
  [kernel] = [v.numpy() for v in model.weights if v.shape == [16, 8]]
  state, steps = first, []
  for place in [*path, None]:
    steps.append([*(passages @ state), stop @ state] + bias)
    if place is not None:
      after = np.concatenate([state, passages[place]]) @ kernel
      state = length * after / np.linalg.norm(after)
  return np.array(steps)


def test_path_scores_are_those_of_the_recurrence(retriever):
  rng = np.random.default_rng(0)
  passages = rng.normal(size=(2, 4, 8)).astype(np.float32)
  paths = [[2, 0], [3, -1]]
  found = retriever.path_logits(tf.constant(passages), tf.constant(paths))
  for i, path in enumerate(([2, 0], [3])):
    wanted = numpy_logits(retriever, passages[i], path)
    np.testing.assert_allclose(found[i, : len(wanted)], wanted, rtol=1e-4)


def test_the_loss_is_of_right_steps_negatives_and_the_stop():
  rng = np.random.default_rng(1)
  logits = rng.normal(size=(2, 3, 4)).astype(np.float32)
  paths = tf.constant([[0, 1], [2, -1]])
  negatives = tf.constant([[False, False, True], [True, False, False]])
  found = path_model.path_loss(tf.constant(logits), paths, negatives).numpy()
  chances = 1 / (1 + np.exp(-logits.astype(np.float64)))

  def loss(i, step, right, wrong):
    return -np.log(chances[i, step, right]) - sum(
      np.log(1 - chances[i, step, j]) for j in wrong
    )

  # Passage 1 of the first is no negative at its first step; there is no [EOE].
  wanted = [
    loss(0, 0, 0, [2]) + loss(0, 1, 1, [2, 3]) + loss(0, 2, 3, [2]),
    loss(1, 0, 2, [0]) + loss(1, 1, 3, [0]),
  ]
  np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_paths_are_ranked_by_the_mean_of_their_passages():
  reader = span_reader.SpanReader(CONFIG, VOCAB, max_span_length=2)
  model = path_model.PathReader(reader, 8)
  rng = np.random.default_rng(2)
  passages = rng.normal(size=(1, 3, 8)).astype(np.float32)
  paths = tf.constant([[[0, -1], [0, 2], [-1, -1]]])
  found = model.rank(tf.constant(passages), paths).numpy()
  kernel = model.layers[-1].kernel.numpy()
  means = [passages[0, 0], (passages[0, 0] + passages[0, 2]) / 2, np.zeros(8)]
  np.testing.assert_allclose(found[0], (means @ kernel)[:, 0], rtol=1e-4)
  loss = path_model.rank_loss(tf.constant(found), paths).numpy()
  chances = 1 / (1 + np.exp(-found[0]))
  wanted = -np.log(chances[0]) - np.log(1 - chances[1])
  np.testing.assert_allclose(loss, [wanted], rtol=1e-4)


def test_what_is_of_a_path_comes_in_its_order():
  values = tf.constant([[[1.0], [2.0], [3.0]]])
  found = path_model.of_path(values, tf.constant([[2, 0, -1]]), orqa.MASKED)
  assert found.numpy().ravel().tolist() == [3.0, 1.0, orqa.MASKED]
