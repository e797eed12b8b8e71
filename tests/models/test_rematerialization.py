"""What is computed twice changes nothing but what is kept."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.configs import schema
from realm_tf.models import encoders
from realm_tf.models import rematerialization

_VOCAB = 50
_IDS = tf.constant(np.random.default_rng(0).integers(1, _VOCAB, [3, 7]))
_STEPS = 3


def _make(dropout, **kwargs):
  """Returns an encoder, with the same weights and draws each time."""
  tf.keras.utils.set_random_seed(7)
  config = schema.EncoderConfig(
    num_layers=2,
    hidden_size=16,
    num_heads=2,
    intermediate_size=32,
    max_positions=8,
    dropout=dropout,
  )
  return encoders.build_encoder(config, _VOCAB, "encoder", **kwargs)


def _step(encoder, rematerializes, *, jit_compile=False):
  """Returns a function that gives loss and gradients; it draws anew."""

  @tf.function(autograph=False, jit_compile=jit_compile)
  def step():
    with (
      rematerialization.enabled(rematerializes),
      tf.GradientTape() as tape,
    ):
      # Called twice, as the tower of queries and passages is.
      one, other = (
        encoders.encode(encoder, ids, tf.zeros_like(ids), training=True)
        for ids in (_IDS, _IDS[:, ::-1])
      )
      product = one["sequence_output"] * other["sequence_output"] ** 2
      loss = tf.reduce_sum(product) + tf.reduce_sum(one["pooled_output"])
    gradients = tape.gradient(
      loss, encoder.trainable_variables, unconnected_gradients="zero"
    )
    return loss, [tf.convert_to_tensor(g) for g in gradients]

  return step


def _results(rematerializes, dropout, **kwargs):
  step = _step(_make(dropout), rematerializes, **kwargs)
  return [
    tf.nest.map_structure(lambda x: x.numpy(), step()) for _ in range(_STEPS)
  ]


@pytest.mark.parametrize(
  ("dropout", "jit_compile"), [(0.0, False), (0.3, False), (0.3, True)]
)
def test_losses_and_gradients_are_those_of_a_step_that_keeps_all(
  dropout, jit_compile
):
  kept = _results(False, dropout, jit_compile=jit_compile)
  again = _results(True, dropout, jit_compile=jit_compile)
  for (loss, gradients), (same_loss, same_gradients) in zip(
    kept, again, strict=True
  ):
    np.testing.assert_allclose(same_loss, loss, rtol=1e-5)
    for gradient, same in zip(gradients, same_gradients, strict=True):
      np.testing.assert_allclose(same, gradient, rtol=1e-3, atol=1e-4)
  losses = [float(loss) for loss, _ in again]
  assert (len(set(losses)) == _STEPS) == (dropout > 0)


def test_layers_are_computed_again_for_the_gradient():
  def products(rematerializes):
    step = _step(_make(0.0), rematerializes, jit_compile=True)
    text = step.experimental_get_compiler_ir()(stage="optimized_hlo")
    return text.count(" dot(") + text.count("__cpu$onednn$matmul")

  assert products(True) > products(False)


def test_a_last_layer_of_few_positions_is_computed_again_as_such():
  encoder = _make(0.0, output_range=2)

  @tf.function(autograph=False)
  def encode():
    with rematerialization.enabled(True):
      return encoders.encode(encoder, _IDS, tf.zeros_like(_IDS), training=True)

  assert encode()["sequence_output"].shape == [3, 2, 16]


def test_nothing_is_changed_outside():
  encoder = _make(0.0)
  with rematerialization.enabled(True):
    eager = encoders.encode(encoder, _IDS, tf.zeros_like(_IDS), training=True)
  assert eager["sequence_output"].shape == [3, 7, 16]
  _step(encoder, True)()
  assert not any("call" in vars(x) for x in encoder.transformer_layers)
