"""DrQA's settings, checked; without TensorFlow."""

import dataclasses
from typing import ClassVar

from realm_tf.baselines import run_options


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(run_options.RunOptions):
  """What DrQA is trained on and asked.

  Attributes:
    passages: Passages that are retrieved and read for a question, in training
      and after it.
    passage_length: Wordpieces of a passage with its title.
    embedding_size: Width of the wordpieces' embeddings.
    hidden_size: Of an LSTM in one direction.
    num_layers: LSTMs in a stack.
    dropout: Rate, in training.
    batch_size: Examples a step, each one passage.
    learning_rate: Of Adamax.
  """

  name: ClassVar[str] = "drqa"

  passages: int = dataclasses.field(default=5, metadata={"least": 1})
  passage_length: int = dataclasses.field(default=288, metadata={"least": 4})
  embedding_size: int = dataclasses.field(default=300, metadata={"least": 1})
  hidden_size: int = dataclasses.field(default=128, metadata={"least": 1})
  num_layers: int = dataclasses.field(default=3, metadata={"least": 1})
  dropout: float = dataclasses.field(
    default=0.4, metadata={"least": 0.0, "most": 0.9}
  )
  max_span_length: int = dataclasses.field(default=15, metadata={"least": 1})
  batch_size: int = dataclasses.field(default=32, metadata={"least": 1})
  learning_rate: float = dataclasses.field(
    default=2e-3, metadata={"least": 1e-9}
  )
  clip_norm: float = dataclasses.field(default=10.0, metadata={"least": 1e-9})
