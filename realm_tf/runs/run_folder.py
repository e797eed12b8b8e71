"""Where a run keeps its files; docs/architecture.md says who writes them."""

import dataclasses
import os


@dataclasses.dataclass(frozen=True)
class RunFolder:
  """The paths below a run's folder.

  Example:
    RunFolder("runs/realm").checkpoints

  Attributes:
    path: The folder, `model_dir`.
  """

  path: str

  @property
  def config(self) -> str:
    """What the run is of, and its settings; see `run_config`."""
    return self.below("config.json")

  @property
  def state(self) -> str:
    """Whether it goes on, and how it ended; see `run_state`."""
    return self.below("run_state.json")

  @property
  def trainer_lock(self) -> str:
    """Held by the trainer."""
    return self.below(".trainer.lock")

  @property
  def refresher_lock(self) -> str:
    """Held, shared, by refreshers."""
    return self.below(".refresher.lock")

  @property
  def refresher_end(self) -> str:
    """What ended the refresher, if that was an error."""
    return self.below("refresher_end.txt")

  @property
  def refresher_log(self) -> str:
    """What the refresher that the trainer started has printed."""
    return self.below("refresher.log")

  @property
  def checkpoints(self) -> str:
    """The folder of checkpoints, to resume from."""
    return self.below("checkpoints")

  @property
  def best(self) -> str:
    """The folder of the best weights."""
    return self.below("exports", "best")

  @property
  def best_manifest(self) -> str:
    """Which weights are the best, and what is known of them."""
    return os.path.join(self.best, "manifest.json")

  @property
  def embedder_exports(self) -> str:
    """The folder of the embedder's exports, by step."""
    return self.below("exports", "embedder")

  @property
  def index(self) -> str:
    """The folder of the index versions, by step."""
    return self.below("index")

  @property
  def inline_index(self) -> str:
    """The folder of vectors that checkpoints of refresh=inline go on with."""
    return self.below("inline_index")

  @property
  def index_in_use(self) -> str:
    """The folder in which readers announce the versions that they use."""
    return self.below("index_in_use")

  @property
  def hybrid(self) -> str:
    """How retrievers are joined, as was chosen; see `hybrid_settings`."""
    return self.below("hybrid.json")

  @property
  def evaluation(self) -> str:
    """The folder of evaluations."""
    return self.below("evaluation")

  def of_corpus(self, name: str) -> str:
    """Returns the folder of what belongs to a corpus that is not the run's."""
    return self.below("corpora", name)

  def tensorboard(self, split: str = "") -> str:
    """Returns the folder of TensorBoard's logs, of "train" or "eval"."""
    return self.below(*filter(None, ("tensorboard", split)))

  def below(self, *names: str) -> str:
    """Returns a path below the folder."""
    return os.path.join(self.path, *names)
