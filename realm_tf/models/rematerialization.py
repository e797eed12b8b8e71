"""Keeps less of a forward pass, and computes it again for the gradient.

Of each layer that is applied within `enabled`, a training step keeps the input
alone. What the gradient needs beside it is computed a second time, which costs
one more forward pass, with the same dropout: losses and gradients are those of
a step that keeps all (Chen et al., 2016).
"""

import contextlib
import functools
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

_enabled = False


@contextlib.contextmanager
def enabled(is_wanted: bool) -> Iterator[None]:
  """Has graphs that are traced within the context keep less.

  Args:
    is_wanted: Whether they do: False leaves all as it was.
  """
  global _enabled
  before, _enabled = _enabled, _enabled or is_wanted
  try:
    yield
  finally:
    _enabled = before


@contextlib.contextmanager
def of_layers(layers: Iterable[tf.keras.layers.Layer]) -> Iterator[None]:
  """Has layers keep their inputs alone, within `enabled` and in graphs.

  Args:
    layers: Whose `call` takes a list of tensors, the first of which alone has
      a gradient, and returns one tensor.
  """
  if not _enabled or tf.executing_eagerly():
    yield
    return
  layers = list(layers)
  for layer in layers:
    layer.call = functools.partial(_recomputed, layer.call)
  try:
    yield
  finally:
    for layer in layers:
      del layer.call


def _recomputed(
  call: Callable[..., tf.Tensor], inputs: Sequence[tf.Tensor], **options: Any
) -> tf.Tensor:
  """Calls a layer; its gradient calls it again."""
  first, *others = inputs

  # Once traced, a second call needs nothing of Keras's context: neither
  # whether dropout is active, nor the dtype of computations.
  @functools.partial(tf.function, autograph=False)
  def traced(x: tf.Tensor, *others: tf.Tensor) -> tf.Tensor:
    return call([x, *others], **options)

  function = traced.get_concrete_function(
    *(tf.TensorSpec(x.shape, x.dtype) for x in inputs)
  )
  trained = [v.handle for v in function.trainable_variables]
  # Dropout's generators: the layer has no other variables.
  generators = [
    handle
    for handle in function.captured_inputs
    if handle.dtype == tf.resource and not any(handle is v for v in trained)
  ]

  def states() -> list[tf.Tensor]:
    return [
      tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.int64)
      for handle in generators
    ]

  def set_states(values: Iterable[tf.Tensor]) -> None:
    for handle, value in zip(generators, values, strict=True):
      tf.raw_ops.AssignVariableOp(resource=handle, value=value)

  @tf.custom_gradient
  def run(x: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
    before = states()
    result = function(x, *others)

    def gradient(
      upstream: tf.Tensor, variables: Sequence[tf.Variable] = ()
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
      after = states()
      set_states(before)
      with tf.GradientTape(watch_accessed_variables=False) as tape:
        again = _once_known(x, upstream)
        tape.watch([again, *variables])
        result = function(again, *others)
      of_input, *of_variables = tape.gradient(
        result, [again, *variables], upstream
      )
      set_states(after)
      return of_input, of_variables

    return result, gradient

  return run(first)


def _once_known(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
  """Returns x, but not before another tensor is there.

  XLA would join what is computed twice from the same input, and keep it. It
  does not see that what is added here is zero.

  Args:
    x: What to return.
    upstream: The other tensor; may be of another dtype.
  """
  value = tf.reshape(upstream, [-1])[:1]
  return x + tf.cast(tf.minimum(tf.abs(value), 0), x.dtype)
