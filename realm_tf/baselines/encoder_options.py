"""The settings of baselines whose encoders are BERTs; without TensorFlow."""

import dataclasses

from realm_tf import errors
from realm_tf.baselines import run_options


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderOptions(run_options.RunOptions):
  """What the encoders start from, and how they are trained.

  Attributes:
    bert: Weights that the encoders start from; they give their size.
    query_length: Wordpieces of a question, special ones included.
    reader_length: Wordpieces of a question with a passage.
    span_hidden_size: Width of the layer that scores spans.
    dropout: Rate of the encoders, in training.
    learning_rate: Peak of AdamW's schedule, which falls to 0 at the last step.
    warmup_steps: Steps of its linear warm-up; -1 for a tenth of all, 100 to
      10,000.
    seeds: Passages by TF-IDF from which links are followed.
  """

  bert: str
  query_length: int = dataclasses.field(default=64, metadata={"least": 3})
  reader_length: int = dataclasses.field(default=320, metadata={"least": 8})
  span_hidden_size: int = dataclasses.field(default=256, metadata={"least": 1})
  dropout: float = dataclasses.field(
    default=0.1, metadata={"least": 0.0, "most": 0.9}
  )
  warmup_steps: int = dataclasses.field(default=-1, metadata={"least": -1})
  seeds: int = dataclasses.field(default=20, metadata={"least": 1})

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.warmup_steps >= self.train_steps:
      raise errors.UserError(
        f"warmup_steps={self.warmup_steps} must be below "
        f"train_steps={self.train_steps}."
      )
