"""The variables of a Keras model without its layers."""

from typing import Any

import tensorflow as tf


def without_layers(part: Any) -> Any:
  """Returns the variables that a checkpoint of a part holds, under its names.

  A SavedModel that holds a Keras model holds the functions of each of its
  layers, traced anew at every save, though nobody calls them: six times the
  time. With these variables, and a function of the model that the module does
  not hold, it is the same to a caller, and is still read as a checkpoint.

  Args:
    part: A Keras model or layer, or what one holds.

  Returns:
    A `tf.Module` for a part; a variable itself.
  """
  if isinstance(part, tf.Variable):
    return part
  holder = tf.Module()
  for name, child in tf.train.TrackableView.children(part).items():
    setattr(holder, name, without_layers(child))
  return holder
