import numpy as np
import pytest
import tensorflow as tf

from realm_tf.models import gelu

_X = np.linspace(-9, 9, 30, dtype=np.float32).reshape(2, 3, 5)
_KINDS = [(gelu.gelu, False), (gelu.gelu_tanh, True)]


def value_and_gradient(function, x):
  @tf.function(autograph=False, input_signature=[tf.TensorSpec([2, None, 5])])
  def compute(x):
    with tf.GradientTape() as tape:
      tape.watch(x)
      y = function(x)
    return y, tape.gradient(y, x, output_gradients=tf.cos(x))

  return compute, [value.numpy() for value in compute(tf.constant(x))]


def operations(function):
  graph = function.get_concrete_function().graph.as_graph_def()
  return {node.op for node in graph.node}


@pytest.mark.parametrize(("function", "approximate"), _KINDS)
def test_compiled_ones_equal_tensorflows(function, approximate):
  _, expected = value_and_gradient(
    lambda x: tf.nn.gelu(x, approximate=approximate), _X
  )
  with gelu.compiled(True):
    graph, got = value_and_gradient(function, _X)
  assert not {"Tanh", "Erf", "Erfc"} & operations(graph)
  for ours, theirs in zip(got, expected, strict=True):
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize(("function", "approximate"), _KINDS)
def test_outside_of_the_context_graphs_hold_tensorflows(function, approximate):
  # TensorFlow 2.20 computes the exact one by Erfc.
  wanted = {"Tanh"} if approximate else {"Erf", "Erfc"}
  with gelu.compiled(True), gelu.compiled(False):
    pass
  graph, _ = value_and_gradient(function, _X)
  assert wanted & operations(graph)
  with gelu.compiled(False):
    graph, _ = value_and_gradient(function, _X)
  assert wanted & operations(graph)
