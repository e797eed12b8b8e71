"""The settings that all baselines share, checked; without TensorFlow."""

import dataclasses
import os
from typing import Any
from typing import ClassVar

from realm_tf import errors
from realm_tf.configs import schema

# What may differ when a run is resumed.
_MAY_CHANGE = (
  *("split", "model_dir", "corpus", "data_dir", "manual_dir"),
  *("train_steps", "checkpoint_every_steps"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions:
  """What a baseline is trained on and asked, and how it is trained.

  Attributes:
    corpus: Folder of the knowledge corpus.
    dataset: What is trained on and asked: curated_trec, nq_open, webquestions,
      a file whose name holds {split}, or encyclopedia:KINDS.
    model_dir: Folder of the run; resumed if it exists.
    split: Which questions are asked at the end.
    data_dir: Where TFDS keeps what it prepared.
    manual_dir: Folder with the dataset's source files.
    max_span_length: Wordpieces of the longest answer that can be given.
    batch_size: Examples a step.
    train_steps: Steps in all.
    learning_rate: Of the optimizer.
    clip_norm: Largest global norm of the gradient.
    checkpoint_every_steps: Steps between two checkpoints.
    seed: Of initialisation, order and dropout.
  """

  name: ClassVar[str]  # of the baseline

  corpus: str
  dataset: str
  model_dir: str
  split: str = dataclasses.field(
    default="test", metadata={"choices": ("train", "dev", "test")}
  )
  data_dir: str | None = None
  manual_dir: str | None = None
  max_span_length: int = dataclasses.field(default=10, metadata={"least": 1})
  batch_size: int = dataclasses.field(default=16, metadata={"least": 1})
  train_steps: int = dataclasses.field(default=50_000, metadata={"least": 1})
  learning_rate: float = dataclasses.field(
    default=3e-5, metadata={"least": 1e-9}
  )
  clip_norm: float = dataclasses.field(default=1.0, metadata={"least": 1e-9})
  checkpoint_every_steps: int = dataclasses.field(
    default=500, metadata={"least": 1}
  )
  seed: int = dataclasses.field(default=0, metadata={"least": 0})

  def __post_init__(self) -> None:
    if self.seed > schema.MOST_SEED:
      raise errors.UserError(
        f"seed={self.seed} must be at most {schema.MOST_SEED}."
      )

  @property
  def where(self) -> dict[str, Any]:
    """The folders that questions are read from, by argument."""
    return {"data_dir": self.data_dir, "manual_dir": self.manual_dir}

  def learned(self) -> dict[str, Any]:
    """Returns the settings that a run must keep."""
    fields = dataclasses.asdict(self)
    return {k: v for k, v in fields.items() if k not in _MAY_CHANGE}

  def check_same(self, learned: Any) -> None:
    """Raises if a run was started with other settings.

    Args:
      learned: Those that the run's folder has.

    Raises:
      errors.UserError: If one differs.
    """
    for name, value in self.learned().items():
      before = learned.get(name) if isinstance(learned, dict) else None
      if before != value:
        raise errors.UserError(
          f"model_dir={self.model_dir} was started with {name}={before}: name "
          f"another folder for {name}={value}."
        )

  def predictions_path(self) -> str:
    """Returns where the answers to the split's questions are written."""
    return os.path.join(self.model_dir, f"predictions.{self.split}.jsonl")
