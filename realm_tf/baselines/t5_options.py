"""The settings of T5, closed book, checked; without TensorFlow."""

import dataclasses
from typing import ClassVar

from realm_tf import errors
from realm_tf.baselines import run_options


@dataclasses.dataclass(frozen=True)
class Size:
  """The shape of encoder and decoder.

  Attributes:
    num_layers: Of each of both.
    width: Of the hidden states.
    num_heads: Attention heads.
    head_width: Of each head.
    inner_width: Of the feed-forward layers.
  """

  num_layers: int
  width: int
  num_heads: int
  head_width: int
  inner_width: int


# But for the first, those of Raffel et al. (2020).
SIZES = {
  "tiny": Size(2, 128, 4, 32, 512),
  "base": Size(12, 768, 12, 64, 3072),
  "large": Size(24, 1024, 16, 64, 4096),
  "11b": Size(24, 1024, 128, 128, 65536),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(run_options.RunOptions):
  """What T5 is trained on and asked.

  Attributes:
    corpus: Folder of an annotated corpus, whose salient spans are pre-trained
      on; T5 reads none of it later.
    size: Of the model: tiny, or base, large or 11b of the paper's table.
    input_length: Wordpieces of a sentence or a question.
    max_span_length: Wordpieces of the longest answer.
    pretrain_steps: How many of the steps, the first, are pre-training.
    warmup_steps: Steps in which the learning rate grows.
    dropout: Rate, in training.
    learning_rate: Of Adam.
  """

  name: ClassVar[str] = "t5"

  size: str = dataclasses.field(
    default="base", metadata={"choices": tuple(SIZES)}
  )
  input_length: int = dataclasses.field(default=64, metadata={"least": 8})
  pretrain_steps: int = dataclasses.field(
    default=100_000, metadata={"least": 0}
  )
  warmup_steps: int = dataclasses.field(default=1000, metadata={"least": 1})
  dropout: float = dataclasses.field(
    default=0.1, metadata={"least": 0.0, "most": 0.9}
  )
  batch_size: int = dataclasses.field(default=128, metadata={"least": 1})
  train_steps: int = dataclasses.field(default=120_000, metadata={"least": 1})
  learning_rate: float = dataclasses.field(
    default=1e-4, metadata={"least": 1e-9}
  )

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.max_span_length > self.input_length - 2:
      raise errors.UserError(
        f"max_span_length={self.max_span_length} must be below input_length - "
        f"1, {self.input_length - 1}."
      )
