"""AdamW with BERT's schedule, as in the paper."""

import tensorflow as tf
from official.modeling.optimization import legacy_adamw
from official.modeling.optimization import lr_schedule

from realm_tf.configs import schema

# A part of a variable's name: biases, and a layer norm's scale and offset.
_NOT_DECAYED = r"\b(bias|gamma|beta)\b"


def make_optimizer(
  config: schema.TaskConfig,
) -> tf.keras.optimizers.legacy.Optimizer:
  """Returns AdamW with linear warm-up and linear decay to 0.

  Weight decay leaves out biases and layer norms, as BERT's does. Gradients
  are clipped by the training step, once they have been summed over replicas.

  Args:
    config: Learning rate, warm-up, steps and weight decay.
  """
  decay = tf.keras.optimizers.schedules.PolynomialDecay(
    config.learning_rate, config.train_steps, end_learning_rate=0.0
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
