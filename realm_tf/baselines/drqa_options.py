"""DrQA's settings, checked; without TensorFlow."""

import dataclasses
from typing import Any

from realm_tf import errors
from realm_tf.configs import schema

# What may differ when a run is resumed.
_MAY_CHANGE = (
  *("split", "model_dir", "corpus", "data_dir", "manual_dir"),
  *("train_steps", "checkpoint_every_steps"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
  """What DrQA is trained on and asked.

  Attributes:
    corpus: Folder of the knowledge corpus.
    dataset: What is trained on and asked: curated_trec, nq_open, webquestions,
      a file whose name holds {split}, or encyclopedia:KINDS.
    model_dir: Folder of the run; resumed if it exists.
    split: Which questions are asked at the end.
    data_dir: Where TFDS keeps what it prepared.
    manual_dir: Folder with the dataset's source files.
    passages: Passages that are retrieved and read for a question, in training
      and after it.
    passage_length: Wordpieces of a passage with its title.
    embedding_size: Width of the wordpieces' embeddings.
    hidden_size: Of an LSTM in one direction.
    num_layers: LSTMs in a stack.
    dropout: Rate, in training.
    max_span_length: Wordpieces of the longest answer that can be given.
    batch_size: Examples a step, each one passage.
    train_steps: Steps in all.
    learning_rate: Of Adamax.
    clip_norm: Largest global norm of the gradient.
    checkpoint_every_steps: Steps between two checkpoints.
    seed: Of initialisation, order and dropout.
  """

  corpus: str
  dataset: str
  model_dir: str
  split: str = dataclasses.field(
    default="test", metadata={"choices": ("train", "dev", "test")}
  )
  data_dir: str | None = None
  manual_dir: str | None = None
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
  train_steps: int = dataclasses.field(default=50_000, metadata={"least": 1})
  learning_rate: float = dataclasses.field(
    default=2e-3, metadata={"least": 1e-9}
  )
  clip_norm: float = dataclasses.field(default=10.0, metadata={"least": 1e-9})
  checkpoint_every_steps: int = dataclasses.field(
    default=500, metadata={"least": 1}
  )
  seed: int = dataclasses.field(default=0, metadata={"least": 0})

  def __post_init__(self) -> None:
    if self.seed > schema.MOST_SEED:
      raise errors.UserError(
        f"seed={self.seed} must be at most {schema.MOST_SEED}."
      )

  def learned(self) -> dict[str, Any]:
    """Returns the settings that a run must keep."""
    fields = dataclasses.asdict(self)
    return {k: v for k, v in fields.items() if k not in _MAY_CHANGE}


def check_same(options: Options, learned: Any) -> None:
  """Raises if a run was started with other settings.

  Args:
    options: The settings now.
    learned: Those that the run's folder has.

  Raises:
    errors.UserError: If one differs.
  """
  for name, value in options.learned().items():
    before = learned.get(name) if isinstance(learned, dict) else None
    if before != value:
      raise errors.UserError(
        f"model_dir={options.model_dir} was started with {name}={before}: name "
        f"another folder for {name}={value}."
      )
