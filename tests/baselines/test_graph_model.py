"""GraphRetriever's reader: one round of messages by hand, and what is read."""

import numpy as np
import tensorflow as tf

from realm_tf.baselines import graph_model
from realm_tf.models import orqa
from realm_tf.models import span_reader
from tests import synthetic

CONFIG = synthetic.orqa_config(hidden_size=8)


def by_hand(layer, z, relations):
  """One round in NumPy, passage by passage."""

  def dense(part, x):
    return x @ part.kernel.numpy() + (part.bias.numpy() if part.use_bias else 0)

  after = []
  for i in range(len(z)):
    messages, scores = [], []
    for j in range(len(z)):
      if relations[i, j].any():
        message = dense(layer.to, z[i]) + dense(layer.of, z[j])
        message = np.maximum(
          message + dense(layer.relation, relations[i, j]), 0
        )
        messages.append(message)
        scores.append(dense(layer.weighting, message)[0])
    weights = np.exp(scores) / np.exp(scores).sum()
    heard = sum(
      (w * m for w, m in zip(weights, messages, strict=True)), 0 * z[i]
    )
    x = z[i] + dense(layer.output_layer, heard)
    after.append((x - x.mean()) / np.sqrt(x.var() + layer.layer_norm.epsilon))
  return np.array(after)


def test_a_round_of_messages_is_that_of_the_formula():
  tf.keras.utils.set_random_seed(0)
  layer = graph_model.Fusion(8)
  rng = np.random.default_rng(1)
  z = rng.normal(size=(2, 4, 8))
  relations = rng.integers(0, 2, (2, 4, 4, 4)) * rng.integers(
    0, 2, (2, 4, 4, 1)
  )
  relations[0, 2] = 0  # hears nothing
  found = layer(
    tf.constant(z, tf.float32), tf.constant(relations, tf.float32)
  ).numpy()
  for b in range(2):
    wanted = by_hand(layer, z[b], relations[b].astype(float))
    np.testing.assert_allclose(found[b], wanted, rtol=1e-3, atol=1e-5)


def test_relations_are_told_apart_by_their_bits():
  found = graph_model.one_hot_relations(tf.constant([[0, 5, 10]], tf.uint8))
  assert found.numpy().tolist() == [[[0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]]]


def make_reader():
  tf.keras.utils.set_random_seed(1)
  spans = span_reader.SpanReader(
    CONFIG, len(synthetic.VOCABULARY), max_span_length=2, span_hidden_size=6
  )
  return graph_model.GraphReader(spans, 8, 1)


def inputs():
  rng = np.random.default_rng(4)
  ids = rng.integers(synthetic.STOP, len(synthetic.VOCABULARY), (1, 3, 8))
  segments = np.broadcast_to(np.arange(8) >= 3, ids.shape)
  return tf.constant(ids, tf.int32), tf.constant(segments, tf.int32)


def test_passages_hear_of_those_that_they_are_related_to_alone():
  reader = make_reader()
  ids, segments = inputs()
  relations = np.zeros([1, 3, 3], np.uint8)
  relations[0, 0, 1] = 1
  other = ids.numpy()
  other[0, 1] = other[0, 1, ::-1]

  def scores(ids):
    return reader(ids, segments, tf.constant(relations)).numpy()[0]

  before, after = scores(ids), scores(tf.constant(other))
  assert np.abs(before[0] - after[0]).max() > 1e-5
  np.testing.assert_allclose(before[2], after[2], rtol=1e-5)


def test_spans_are_of_bodies_and_first_scored_as_by_the_span_reader():
  reader = make_reader()
  ids, segments = inputs()
  none = tf.zeros([1, 3, 3], tf.uint8)
  found = reader(ids, segments, none).numpy()[0]
  wanted = reader.spans(ids[0], segments[0]).numpy()
  is_span = found > orqa.MASKED / 2
  np.testing.assert_array_equal(
    is_span, span_reader.span_mask(segments[0], 2).numpy()
  )
  # But for a score of each passage.
  for passage in range(3):
    shift = (found - wanted)[passage][is_span[passage]]
    np.testing.assert_allclose(shift, shift[0], atol=1e-4)
