"""Weights in fewer bits: near what they were, small, and in the graph."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.export import stored_weights
from realm_tf.export import variables
from realm_tf.models import masked_lm
from tests import graph_ops
from tests import synthetic

IDS = tf.constant([[2, 8, 30, 9, 3, 0], [2, 31, 3, 0, 0, 0]])
MASKS = tf.constant([[1], [1]])
# Sizes at which the matrices are nearly all of the weights.
CONFIG = synthetic.mlm_config(hidden_size=64, intermediate_size=256)
REDUCED = [stored_weights.BFLOAT16, stored_weights.INT8]
ERRORS = {stored_weights.BFLOAT16: 2**-8, stored_weights.INT8: 0.5 / 127}


def reader():
  """A masked language model: its head reads the embeddings of words."""
  return masked_lm.MaskedLanguageModel(
    CONFIG, len(synthetic.VOCABULARY), name="reader"
  )


def probabilities(model):
  return tf.nn.softmax(model(IDS, tf.zeros_like(IDS), MASKS)).numpy()


@pytest.mark.parametrize("kind", REDUCED)
def test_a_weight_is_off_by_less_than_its_channel_allows(kind):
  array = np.random.default_rng(0).normal(size=[6, 4, 5]).astype(np.float32)
  array *= np.geomspace(1e-3, 1e3, 5, dtype=np.float32)  # unlike channels
  array[..., 2] = 0
  stored = stored_weights.StoredWeight.of(
    tf.Variable(array), kind, (0, 1), tf.float32
  )
  largest = np.abs(array).max(axis=(0, 1))
  assert stored.values.dtype.name == kind
  read = tf.convert_to_tensor(stored).numpy()
  assert (np.abs(read - array) <= ERRORS[kind] * largest * 1.01).all()
  assert (read[..., 2] == 0).all()


@pytest.mark.parametrize("kind", REDUCED)
def test_rows_are_gathered_alone(kind):
  array = np.random.default_rng(0).normal(size=[7, 4]).astype(np.float32)
  by_row, at_once = (
    stored_weights.StoredWeight.of(tf.Variable(array), kind, axes, tf.float32)
    for axes in ((1,), (0,))
  )
  for stored in (by_row, at_once):
    gathered = tf.function(lambda rows, s=stored: tf.gather(s, rows))
    rows = tf.constant([5, 0, 5])
    np.testing.assert_array_equal(gathered(rows), stored.read().numpy()[rows])
    ops = graph_ops.list_ops(gathered.get_concrete_function(rows))
    # All rows are not read.
    assert "ResourceGather" in ops and stored.shape == [7, 4]
  gathered = tf.function(lambda rows: tf.gather(by_row, rows))
  ops = graph_ops.list_ops(gathered.get_concrete_function(tf.constant([1])))
  assert "ReadVariableOp" not in ops


@pytest.mark.parametrize("kind", REDUCED)
def test_a_model_says_nearly_the_same_from_a_fraction_of_the_bytes(kind):
  model = reader()
  full, before = probabilities(model), size(model)
  stored_weights.reduce(model, kind)
  np.testing.assert_allclose(probabilities(model), full, atol=0.02)
  assert not np.array_equal(probabilities(model), full)
  # The head's own matrix stays, as do biases and norms.
  most = {stored_weights.BFLOAT16: 0.6, stored_weights.INT8: 0.4}[kind]
  assert size(model) < most * before
  # The head multiplies with the very embeddings that the encoder gathers.
  embeddings = model.encoder.get_embedding_table()
  assert model.head.embedding_table.values is embeddings.values


def size(model):
  """Bytes of what a SavedModel of it would hold."""
  held = variables.without_layers(model).variables
  return sum(v.shape.num_elements() * v.dtype.size for v in held)


@pytest.mark.parametrize("kind", REDUCED)
def test_a_model_that_computes_in_bfloat16_reads_them_as_such(bfloat16, kind):
  model = reader()
  full = probabilities(model)
  stored_weights.reduce(model, kind)
  assert model.encoder.get_embedding_table().dtype == tf.bfloat16
  # Logits are float32 always, and so is what their product takes.
  assert model.head.embedding_table.dtype == tf.float32
  np.testing.assert_allclose(probabilities(model), full, atol=0.03)


def test_float32_leaves_a_model_as_it_is():
  model = reader()
  stored_weights.reduce(model, stored_weights.FLOAT32)
  assert isinstance(model.head.embedding_table, tf.Variable)
