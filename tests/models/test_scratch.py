"""First weights: what they attend to, and that copying is learned from them."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import devices
from realm_tf.models import encoders
from realm_tf.models import masked_lm
from realm_tf.models import scratch
from realm_tf.training.recipes import run_setup
from tests import synthetic

_VOCAB = 200
_LENGTH = 24


def _encoder(**changes):
  config = synthetic.mlm_config(
    **{"hidden_size": 64, "num_heads": 4, "num_layers": 2} | changes
  )
  encoder = encoders.build_encoder(config, _VOCAB, name="encoder")
  return encoder


def _attention(encoder, number, tokens):
  """Attention of one layer, <float64>[heads, tokens, tokens], by hand."""
  words = encoder.get_embedding_table().numpy()[tokens]
  places = encoders.position_embeddings(encoder).numpy()
  hidden = words + places[: len(tokens)]
  hidden -= hidden.mean(axis=1, keepdims=True)
  hidden /= hidden.std(axis=1, keepdims=True)
  kernels = encoders.attention_kernels(encoder.transformer_layers[number])
  query = np.einsum("ld,dhk->hlk", hidden, kernels.query.numpy())
  key = np.einsum("ld,dhk->hlk", hidden, kernels.key.numpy())
  logits = np.einsum("hik,hjk->hij", query, key) / query.shape[-1] ** 0.5
  weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
  return weights / weights.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(
  ("width", "heads"), [(64, 4), (128, 2), (128, 4), (384, 12)]
)
def test_first_layer_attends_to_one_neighbour_a_head(width, heads):
  encoder = _encoder(hidden_size=width, num_heads=heads)
  scratch.prepare_for_scratch(encoder)
  tokens = np.random.default_rng(0).integers(5, _VOCAB, _LENGTH)
  weights = _attention(encoder, 0, tokens)
  for head in range(heads):
    neighbour = [-1, 1, -2, 2, -3, 3, -4, 4, -5, 5, -6, 6][head]
    inside = np.arange(max(0, -neighbour), _LENGTH - max(0, neighbour))
    strongest = weights[head].argmax(axis=1)[inside]
    assert np.mean(np.abs(strongest - inside - neighbour) <= 1) > 0.9, head
    assert weights[head][inside, inside + neighbour].mean() > 0.4, head


def test_layers_above_attend_to_what_looks_alike():
  encoder = _encoder(hidden_size=128)
  scratch.prepare_for_scratch(encoder)
  tokens = np.arange(10, 10 + _LENGTH)
  tokens[20] = tokens[3]
  weights = _attention(encoder, 1, tokens).mean(axis=0)
  others = np.delete(np.arange(_LENGTH), [3, 20])
  assert weights[20, 3] > 5 * weights[20, others].mean()


def test_value_and_output_multiply_to_about_the_identity():
  encoder = _encoder(hidden_size=128)
  scratch.prepare_for_scratch(encoder)
  for layer in encoder.transformer_layers:
    kernels = encoders.attention_kernels(layer)
    value = kernels.value.numpy().reshape(128, 128)
    output = kernels.output.numpy().reshape(128, 128)
    product = value @ output
    off = product - np.diag(np.diag(product))
    assert np.diag(product).mean() == pytest.approx(1.0, abs=0.05)
    assert np.abs(off).mean() < 0.12


def _drawn(seed):
  """What a run of that seed draws: kernels of all layers, <float32>[n]."""
  config = synthetic.mlm_config(hidden_size=64, num_layers=2, seed=seed)
  run_setup.prepare_devices(config, devices.make_strategy(""))
  encoder = _encoder()
  scratch.prepare_for_scratch(encoder)
  layers = [encoders.attention_kernels(e) for e in encoder.transformer_layers]
  drawn = [layers[1].query]
  for kernels in layers:
    drawn += [kernels.value, kernels.output]
  return [kernel.numpy().ravel() for kernel in drawn]


def test_the_seed_alone_decides_what_is_drawn():
  for once, again, other in zip(_drawn(0), _drawn(0), _drawn(1), strict=True):
    np.testing.assert_array_equal(once, again)
    # Of the same scale, and unlike.
    assert np.std(other) == pytest.approx(np.std(once), rel=0.1)
    assert abs(np.corrcoef(once, other)[0, 1]) < 0.1


def _copying(seed):
  """Texts, then a part of them with one word masked: what was the word?"""
  generator = np.random.default_rng(seed)
  rows = []
  targets = []
  for _ in range(32):
    text = generator.choice(np.arange(10, _VOCAB), 20, replace=False)
    start = generator.integers(0, 15)
    part = text[start : start + 5].copy()
    targets.append(part[2])
    part[2] = synthetic.MASK
    rows.append(
      [synthetic.CLS, *part, synthetic.SEP, *text, synthetic.SEP, 0, 0]
    )
  return (
    tf.constant(rows, tf.int32),
    tf.constant(targets, tf.int32)[:, None],
    tf.fill([32, 1], 3),
  )


def _accuracy_after_training(prepare, monkeypatch, steps):
  monkeypatch.setattr(scratch, "prepare_for_scratch", prepare)
  tf.keras.utils.set_random_seed(0)
  model = masked_lm.MaskedLanguageModel(
    synthetic.mlm_config(
      hidden_size=128, intermediate_size=128, num_heads=4, num_layers=2
    ),
    _VOCAB,
    name="reader",
  )
  optimizer = tf.keras.optimizers.legacy.Adam(1e-3)

  def logits(tokens, positions):
    return model(tokens, tf.zeros_like(tokens), positions)

  @tf.function
  @tf.autograph.experimental.do_not_convert
  def step(tokens, targets, positions):
    with tf.GradientTape() as tape:
      loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(
          targets, logits(tokens, positions)
        )
      )
    variables = model.trainable_variables
    optimizer.apply_gradients(
      zip(tape.gradient(loss, variables), variables, strict=True)
    )

  for number in range(steps):
    step(*_copying(number))
  tokens, targets, positions = _copying(10_000)
  guesses = tf.argmax(logits(tokens, positions), -1, output_type=tf.int32)
  return float(tf.reduce_mean(tf.cast(guesses == targets, tf.float32)))


def test_copying_is_learned_within_a_few_steps(monkeypatch):
  prepared = _accuracy_after_training(
    scratch.prepare_for_scratch, monkeypatch, steps=300
  )
  plain = _accuracy_after_training(lambda encoder: None, monkeypatch, steps=300)
  assert prepared > 0.7
  assert plain < 0.2
