"""GELU; in training steps on a CPU, each direction is one pass over memory.

TensorFlow's own needs eight passes, and fifteen for the gradient: a tenth of a
step. XLA compiles them to one, once for each shape. What is exported or served
holds TensorFlow's own, which any server runs.
"""

import contextlib
import functools
import math
from collections.abc import Callable
from collections.abc import Iterator

import tensorflow as tf

_ROOT = math.sqrt(2 / math.pi)
_CUBIC = 0.044715

_compile = False


@contextlib.contextmanager
def compiled(enabled: bool) -> Iterator[None]:
  """Has graphs that are traced within the context compile their GELU.

  Args:
    enabled: Whether they do: False leaves all as it was.
  """
  global _compile
  before, _compile = _compile, _compile or enabled
  try:
    yield
  finally:
    _compile = before


def gelu(x: tf.Tensor) -> tf.Tensor:
  """Returns x times the normal distribution function of x."""
  if not _compile:
    return tf.nn.gelu(x, approximate=False)
  return _in_one_pass(x, _exact, _exact_gradient)


def gelu_tanh(x: tf.Tensor) -> tf.Tensor:
  """Returns the approximation by tanh (Hendrycks and Gimpel, 2016)."""
  if not _compile:
    return tf.nn.gelu(x, approximate=True)
  return _in_one_pass(x, _by_tanh, _gradient_by_tanh)


def _in_one_pass(
  x: tf.Tensor,
  function: Callable[[tf.Tensor], tf.Tensor],
  gradient: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
) -> tf.Tensor:
  """Applies compiled functions, `gradient` to x and what comes from above."""

  @tf.custom_gradient
  def apply(x: tf.Tensor) -> tuple[tf.Tensor, Callable[..., tf.Tensor]]:
    return function(x), lambda upstream: gradient(x, upstream)

  # As a list: shapes of as many numbers share what was compiled.
  return tf.reshape(apply(tf.reshape(x, [-1])), tf.shape(x))


# Made once for all layers, which share what was compiled, too.
_compiled = functools.partial(
  tf.function,
  jit_compile=True,
  autograph=False,
  reduce_retracing=True,
)


@_compiled
def _exact(x: tf.Tensor) -> tf.Tensor:
  return x * _normal_cdf(x)


@_compiled
def _exact_gradient(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
  density = tf.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
  return upstream * (_normal_cdf(x) + x * density)


def _normal_cdf(x: tf.Tensor) -> tf.Tensor:
  return 0.5 * (1 + tf.math.erf(x / math.sqrt(2)))


@_compiled
def _by_tanh(x: tf.Tensor) -> tf.Tensor:
  return 0.5 * x * (1 + tf.tanh(_ROOT * (x + _CUBIC * x * x * x)))


@_compiled
def _gradient_by_tanh(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
  tanh = tf.tanh(_ROOT * (x + _CUBIC * x * x * x))
  inner = _ROOT * (1 + 3 * _CUBIC * x * x)
  slope = 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * inner
  return upstream * slope
