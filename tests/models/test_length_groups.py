import numpy as np
import pytest
import tensorflow as tf

from realm_tf.models import embedders
from realm_tf.models import length_groups
from realm_tf.models import masked_lm
from realm_tf.models import span_reader
from tests import synthetic

ROWS, LENGTH = 120, 40
VOCAB_SIZE = 50
SEP = 3


def make_rows(lengths):
  """Rows of a text each, [SEP] in the middle and last, padded with 0."""
  lengths = np.asarray(lengths)[:, None]
  places = np.arange(LENGTH)[None]
  rng = np.random.default_rng(0)
  tokens = rng.integers(5, VOCAB_SIZE, (len(lengths), LENGTH))
  tokens[(places == lengths // 2) | (places == lengths - 1)] = SEP
  tokens[places >= lengths] = 0
  segments = (places > lengths // 2) & (places < lengths)
  return tf.constant(tokens, tf.int32), tf.constant(segments, tf.int32)


@pytest.fixture
def rows():
  return make_rows(np.random.default_rng(1).integers(4, 31, ROWS))


def apply(tokens, training=True):
  return length_groups.apply(padded_length, [tokens], training=training)


def padded_length(tokens, *others):
  return tf.fill(tf.shape(tokens)[:1], tf.shape(tokens)[1])


def test_rows_are_cut_to_the_longest_of_their_group():
  lengths = np.repeat([2, 14, 37], ROWS // 3)
  order = np.random.default_rng(2).permutation(ROWS)
  tokens, _ = make_rows(lengths[order])
  cut = tf.function(lambda x: apply(x))(tokens)
  # To the next multiple of four.
  expected = np.repeat([4, 16, 40], ROWS // 3)[order]
  assert cut.numpy().tolist() == expected.tolist()


def test_rows_without_a_token_are_computed_too():
  tokens = tf.zeros([ROWS, LENGTH], tf.int32)
  cut = tf.function(lambda x: apply(x))(tokens)
  assert cut.numpy().tolist() == [4] * ROWS


@pytest.mark.parametrize("count", [0, 1, 30])
def test_few_rows_stay_together(count):
  tokens = tf.ones([count, LENGTH], tf.int32)
  cut = tf.function(lambda x: apply(x))(tokens)
  assert cut.numpy().tolist() == [LENGTH] * count


@pytest.mark.parametrize("training", [True, False])
def test_an_unknown_number_of_rows_is_padded_in_training_alone(training):
  tokens, _ = make_rows(np.repeat([2, 14, 37], 60))

  @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
  def cut(tokens):
    return apply(tokens, training)

  assert cut(tokens[:0]).shape == [0]
  if training:
    assert set(cut(tokens).numpy().tolist()) == {LENGTH}
    return
  lengths = cut(tokens).numpy()
  # The longest first, 1,024 positions at a time: 27 rows of 37, twice; the
  # other 6 with 21 of 14; the other 39 with 34 of 2; the rest.
  twos, fourteens = [16] * 34 + [4] * 26, [LENGTH] * 21 + [16] * 39
  assert lengths.tolist() == twos + fourteens + [LENGTH] * 60


@pytest.mark.parametrize("count", [1, 3, 200])
def test_rows_in_chunks_are_computed_as_all_at_once(count):
  config = synthetic.orqa_config(max_positions=LENGTH, max_span_length=3)
  model = span_reader.SpanReader(config, VOCAB_SIZE, max_span_length=3)
  tokens, segments = make_rows(np.random.default_rng(3).integers(4, 39, count))
  spans = span_reader.span_mask(segments, 3)
  vague = [tf.TensorSpec([None, None], tf.int32)] * 2
  in_chunks = tf.function(model, input_signature=vague, autograph=False)
  np.testing.assert_allclose(
    tf.where(spans, in_chunks(tokens, segments), 0.0),
    tf.where(spans, model(tokens, segments), 0.0),
    rtol=1e-4,
    atol=1e-5,
  )


def compare(model, function, *inputs):
  """Holds values and gradients in groups against those of all rows at once."""
  weights = None

  def value_and_gradients():
    nonlocal weights
    with tf.GradientTape() as tape:
      value = function(*inputs)
      if weights is None:
        weights = tf.random.stateless_normal(tf.shape(value), [1, 2])
      loss = tf.reduce_mean(value * weights)
    gradients = tape.gradient(
      loss, model.trainable_variables, unconnected_gradients="zero"
    )
    return value, [tf.convert_to_tensor(g) for g in gradients]

  at_once, expected = value_and_gradients()  # eagerly
  grouped, gradients = tf.function(value_and_gradients, autograph=False)()
  np.testing.assert_allclose(grouped, at_once, rtol=1e-4, atol=1e-5)
  assert any(np.abs(g).max() > 1e-3 for g in expected)
  for gradient, other in zip(gradients, expected, strict=True):
    np.testing.assert_allclose(gradient, other, rtol=1e-4, atol=1e-5)


def test_embeddings_and_their_gradients_are_the_same(rows):
  config = synthetic.realm_config(max_positions=LENGTH)
  model = embedders.Embedder(config, config, VOCAB_SIZE, SEP, "embedder")
  compare(model, model, rows[0])


def test_logits_at_masks_and_their_gradients_are_the_same(rows):
  model = masked_lm.MaskedLanguageModel(
    synthetic.realm_config(max_positions=LENGTH), VOCAB_SIZE, name="reader"
  )
  masks = tf.random.stateless_uniform([ROWS, 2], [1, 2], 0, 4, tf.int32)
  compare(model, model, *rows, masks)


def test_scores_of_spans_and_their_gradients_are_the_same(rows):
  config = synthetic.orqa_config(max_positions=LENGTH, max_span_length=3)
  model = span_reader.SpanReader(
    config, VOCAB_SIZE, max_span_length=config.max_span_length
  )
  spans = span_reader.span_mask(rows[1], config.max_span_length)

  def scores(token_ids, segment_ids):
    return tf.where(spans, model(token_ids, segment_ids), 0.0)

  compare(model, scores, *rows)
