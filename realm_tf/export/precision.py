"""The precision of an export, which may differ from that of training."""

import tensorflow as tf

from realm_tf.export import variables


class ExportedModel:
  """The model to export: itself, or a copy in another precision.

  A graph that was traced under `mixed_bfloat16` has its casts and its bfloat16
  products wherever it is loaded, also on a CPU.

  Attributes:
    model: The model to trace.
  """

  def __init__(self, model: tf.keras.Model, precision: str):
    """Copies the model on the CPU, if it computes in another precision.

    Args:
      model: The model, built; a `configured.ConfiguredModel` where it must be
        copied.
      precision: "float32" or "bfloat16".
    """
    self.model = model
    self._pairs: list[tuple[tf.Variable, tf.Variable]] = []
    if model.compute_dtype == precision:
      return
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(
      "mixed_bfloat16" if precision == "bfloat16" else "float32"
    )
    try:
      with tf.device("/cpu:0"):
        self.model = type(model).from_config(model.get_config())
    finally:
      tf.keras.mixed_precision.set_global_policy(before)
    # In the order of the objects' names, whatever is frozen in the model.
    new, old = (
      variables.without_layers(m).variables for m in (self.model, model)
    )
    self._pairs = list(zip(new, old, strict=True))

  def update(self) -> None:
    """Copies the current weights."""
    for new, old in self._pairs:
      new.assign(old)
