"""AdamW with BERT's schedule, as in the paper."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Protocol

import tensorflow as tf
from official.modeling.optimization import legacy_adamw
from official.modeling.optimization import lr_schedule

from realm_tf.configs import schema

# A part of a variable's name: biases, and a layer norm's scale and offset.
_NOT_DECAYED = r"\b(bias|gamma|beta)\b"


class Optimizer(Protocol):
  """What the training step and the loop ask of an optimizer.

  Attributes:
    learning_rate: From a step to the rate.
  """

  learning_rate: tf.keras.optimizers.schedules.LearningRateSchedule

  def apply_gradients(
    self,
    gradients: Iterable[tuple[tf.Tensor, tf.Variable]],
    *,
    experimental_aggregate_gradients: bool,
  ) -> object:
    """Changes the variables."""


class PartOptimizers(tf.Module):
  """Two optimizers: one for the retriever's variables, one for the others.

  Attributes:
    retriever: For the retriever's variables.
    others: For all others.
  """

  def __init__(
    self,
    retriever: legacy_adamw.AdamWeightDecay,
    others: legacy_adamw.AdamWeightDecay,
    retriever_variables: Iterable[tf.Variable],
  ):
    """Takes the parts.

    Args:
      retriever: For the retriever's variables.
      others: For all others.
      retriever_variables: Which these are.
    """
    super().__init__(name="part_optimizers")
    self.retriever = retriever
    self.others = others
    self._of_retriever = frozenset(v.ref() for v in retriever_variables)

  @property
  def learning_rate(self) -> tf.keras.optimizers.schedules.LearningRateSchedule:
    """The schedule of the others."""
    return self.others.learning_rate

  def create_slots(self, variables: Iterable[tf.Variable]) -> None:
    """Creates each optimizer's variables; see `create_slots`."""
    for optimizer, wanted in self._split((v, v) for v in variables):
      create_slots(optimizer, [v for _, v in wanted])

  def apply_gradients(
    self,
    gradients: Iterable[tuple[tf.Tensor, tf.Variable]],
    *,
    experimental_aggregate_gradients: bool,
  ) -> None:
    """Changes each variable by its optimizer; see `Optimizer`."""
    for optimizer, wanted in self._split(gradients):
      optimizer.apply_gradients(
        wanted,
        experimental_aggregate_gradients=experimental_aggregate_gradients,
      )

  def _split(
    self, pairs: Iterable[tuple[tf.Tensor, tf.Variable]]
  ) -> list[
    tuple[legacy_adamw.AdamWeightDecay, list[tuple[tf.Tensor, tf.Variable]]]
  ]:
    """Returns each optimizer with its pairs, where it has any."""
    retriever: list[tuple[tf.Tensor, tf.Variable]] = []
    others: list[tuple[tf.Tensor, tf.Variable]] = []
    for pair in pairs:
      part = retriever if pair[1].ref() in self._of_retriever else others
      part.append(pair)
    found = [(self.retriever, retriever), (self.others, others)]
    return [(optimizer, part) for optimizer, part in found if part]


def make_optimizer(
  config: schema.TrainingConfig,
  parts: Mapping[str, tf.keras.Model] | None = None,
) -> legacy_adamw.AdamWeightDecay | PartOptimizers:
  """Returns AdamW with linear warm-up and linear decay to 0.

  Weight decay leaves out biases and layer norms, as BERT's does. Gradients
  are clipped by the training step, once they have been summed over replicas.

  Args:
    config: Learning rates, warm-up, steps and weight decay.
    parts: The models by role, which tell the retriever's variables where
      `config.retriever_learning_rate` is of its own.
  """
  others = _adamw(config, config.learning_rate)
  rate = getattr(config, "retriever_learning_rate", 0.0)
  if not rate or parts is None:
    return others
  return PartOptimizers(
    _adamw(config, rate), others, parts["retriever"].trainable_variables
  )


def create_slots(
  optimizer: tf.keras.optimizers.legacy.Optimizer | PartOptimizers,
  variables: Iterable[tf.Variable],
) -> None:
  """Creates an optimizer's variables, such as the moments of each weight.

  Otherwise it creates them in its first step.

  Args:
    optimizer: The optimizer.
    variables: What it will train.
  """
  if isinstance(optimizer, PartOptimizers):
    optimizer.create_slots(variables)
  else:
    optimizer._create_all_weights(variables)  # noqa: SLF001 - Keras has no other


def learning_rates(optimizer: Optimizer, step: int) -> dict[str, float]:
  """Returns the rates that a step is taken with, by name.

  Args:
    optimizer: From `make_optimizer`.
    step: The step, from 0.
  """
  rates = {"learning_rate": float(optimizer.learning_rate(step))}
  if isinstance(optimizer, PartOptimizers):
    rate = optimizer.retriever.learning_rate(step)
    rates["retriever_learning_rate"] = float(rate)
  return rates


def _adamw(
  config: schema.TrainingConfig, learning_rate: float
) -> legacy_adamw.AdamWeightDecay:
  """Returns AdamW with a peak of its schedule."""
  decay = tf.keras.optimizers.schedules.PolynomialDecay(
    learning_rate, config.train_steps, end_learning_rate=0.0
  )
  warmup_steps = config.resolved_warmup_steps
  schedule = decay
  if warmup_steps:
    schedule = lr_schedule.LinearWarmup(
      after_warmup_lr_sched=decay,
      warmup_steps=warmup_steps,
      warmup_learning_rate=0.0,
    )
  return legacy_adamw.AdamWeightDecay(
    learning_rate=schedule,
    weight_decay_rate=config.weight_decay,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-6,
    exclude_from_weight_decay=[_NOT_DECAYED],
    gradient_clip_norm=0.0,
  )
