"""The trainer's state on disk, and where first weights come from."""

import dataclasses

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.configs import run_config
from realm_tf.training import tasks

FOLDER = "checkpoints"
VOCABULARY_NAME = "vocab.txt"
_KEPT = 3
BEST_FOLDER = ("exports", "best")
_SHAPE_FIELDS = (
  "num_layers",
  "hidden_size",
  "num_heads",
  "intermediate_size",
  "max_positions",
  "projection_size",
  "tied_embedders",
)
# The parts of another run that a task can start from.
_USED = {
  "pretrain_mlm": {"reader"},
  "pretrain_ict": {"reader", "retriever"},
  "pretrain": {"reader", "retriever"},
  "train_tagger": {"reader", "retriever", "tagger"},
}
_ROLES = {"reader", "retriever", "tagger"}


class TrainerState:
  """Weights, optimizer, step and index version, as one checkpoint.

  Attributes:
    step: <int64>[]. Steps done.
    index_version: <int64>[]. Version of the index in use; -1 for none.
    kept_index_versions: Those that the checkpoints on disk name, as far as
      this process knows.
  """

  def __init__(
    self,
    model_dir: str,
    task: tasks.Task,
    optimizer: tf.keras.optimizers.legacy.Optimizer,
  ):
    """Finds the checkpoints of a run.

    Args:
      model_dir: The run.
      task: Its parts are saved by role.
      optimizer: Its slots are saved too.
    """
    self.step = tf.Variable(0, trainable=False, dtype=tf.int64)
    self.index_version = tf.Variable(-1, trainable=False, dtype=tf.int64)
    self.kept_index_versions: list[int] = []
    self._checkpoint = tf.train.Checkpoint(
      step=self.step,
      index_version=self.index_version,
      optimizer=optimizer,
      generators=_dropout_generators(task.parts),
      **task.parts,
    )
    self._manager = tf.train.CheckpointManager(
      self._checkpoint,
      tf.io.gfile.join(model_dir, FOLDER),
      max_to_keep=_KEPT,
    )

  def restore(self) -> bool:
    """Restores the newest checkpoint; returns whether there was one."""
    path = self._manager.latest_checkpoint
    if path is None:
      return False
    status = self._checkpoint.restore(path)
    status.assert_existing_objects_matched()
    self.kept_index_versions.append(int(self.index_version))
    return True

  def save(self) -> None:
    """Saves a checkpoint, named after the step."""
    self._manager.save(checkpoint_number=int(self.step))
    self.kept_index_versions.append(int(self.index_version))
    del self.kept_index_versions[:-_KEPT]


def _dropout_generators(
  parts: dict[str, tf.keras.Model],
) -> list[tf.random.Generator]:
  """Returns what dropout draws from; Keras does not save it by itself."""
  return [
    layer._random_generator._generator
    for part in parts.values()
    for layer in part.submodules
    if isinstance(layer, tf.keras.layers.Dropout)
    and layer._random_generator._rng_type == "stateful"
    and layer._random_generator._generator is not None
  ]


def save_best(
  model_dir: str,
  parts: dict[str, tf.keras.Model],
  step: int,
  value: float,
  metric: str = "retrieval_utility",
) -> str:
  """Writes the weights of the best step so far to exports/best.

  Files are named after the step and the manifest is replaced last, so that a
  reader finds the old best or the new one.

  Args:
    model_dir: The run.
    parts: The models by role.
    step: Of the weights.
    value: Of what says how good they are.
    metric: Its name.

  Returns:
    The folder.
  """
  folder = tf.io.gfile.join(model_dir, *BEST_FOLDER)
  tf.io.gfile.makedirs(folder)
  name = f"weights-{step}"
  tf.train.Checkpoint(**parts).write(tf.io.gfile.join(folder, name))
  files.write_json(
    tf.io.gfile.join(folder, "manifest.json"),
    {"step": step, metric: value, "weights": name},
  )
  for old in tf.io.gfile.listdir(folder):
    if old.startswith("weights-") and not old.startswith(name + "."):
      tf.io.gfile.remove(tf.io.gfile.join(folder, old))
  return folder


def best_utility(model_dir: str) -> float:
  """Returns the retrieval utility of a run's best weights; -inf if none."""
  return best(model_dir, "retrieval_utility")[0]


def best(model_dir: str, metric: str) -> tuple[float, int]:
  """Returns the value and the step of a run's best weights; (-inf, 0) if none.

  Args:
    model_dir: The run.
    metric: As given to `save_best`.
  """
  path = tf.io.gfile.join(model_dir, *BEST_FOLDER, "manifest.json")
  if not tf.io.gfile.exists(path):
    return float("-inf"), 0
  manifest = files.read_json(path)
  return manifest[metric], manifest["step"]


@dataclasses.dataclass(frozen=True)
class InitReport:
  """What `initialize` took from where, for people.

  Attributes:
    taken: Lines such as "retriever from runs/ict, step 300".
    missing: Roles that keep their random weights.
  """

  taken: list[str]
  missing: list[str]


def check_sources(run: run_config.RunConfig) -> None:
  """Sees that `initialize` can take what a run's `init_checkpoint` names.

  Args:
    run: The run that is about to be started.

  Raises:
    errors.UserError: If a source is no run, has none of the parts, or is of
      another shape or vocabulary.
  """
  for source in _sources(run):
    _check_shape(run, run_config.read(source), source)
    roles = _roles(weights_path(source)[0])
    if not roles & _USED[run.task]:
      raise errors.UserError(
        f"--init_checkpoint={source} holds {', '.join(sorted(roles))}, nothing "
        f"that {run.task} starts from ({', '.join(sorted(_USED[run.task]))})."
      )


def _sources(run: run_config.RunConfig) -> list[str]:
  return [source for source in run.init_checkpoint.split(",") if source]


def _roles(path: str) -> set[str]:
  """Returns the parts that a checkpoint holds."""
  found = {name.split("/")[0] for name, _ in tf.train.list_variables(path)}
  return found & _ROLES


def initialize(
  parts: dict[str, tf.keras.Model], run: run_config.RunConfig
) -> InitReport:
  """Takes first weights from other runs.

  Args:
    parts: The models by role.
    run: The run that is being started. Its `init_checkpoint` names other
      runs, separated by commas; where two have the same part, the later one
      gives it. An ICT run starts its encoder from a language model's.
      `check_sources` has seen that they fit.

  Raises:
    errors.UserError: If a source holds no checkpoint.
  """
  taken: dict[str, str] = {}
  for source in _sources(run):
    path, step = weights_path(source)
    roles = _roles(path)
    wanted = {role: parts[role] for role in parts if role in roles}
    targets = [tf.train.Checkpoint(**wanted)]
    lines = {role: f"{role} from {source}, step {step}" for role in wanted}
    if run.task == "pretrain_ict" and not wanted:
      targets = _encoders_as_readers(parts["retriever"])
      lines = {
        "retriever": "retriever's encoder from the language model "
        f"{source}, step {step}"
      }
    elif run.task == "train_tagger" and not wanted:
      role = "reader" if "reader" in roles else "retriever"
      targets = [_encoder_as_part_of(role, parts["tagger"].encoder)]
      lines = {
        "tagger": f"tagger's encoder from the {role} of {source}, step {step}"
      }
    for target in targets:
      status = target.read(path)
      status.assert_existing_objects_matched().expect_partial()
    taken.update(lines)
  return InitReport(
    taken=list(taken.values()),
    missing=[role for role in parts if role not in taken],
  )


def _encoders_as_readers(
  retriever: tf.keras.Model,
) -> list[tf.train.Checkpoint]:
  """Returns the encoder of each tower, named as in a reader's checkpoint."""
  towers = [retriever.query_embedder]
  if retriever.passage_embedder is not retriever.query_embedder:
    towers.append(retriever.passage_embedder)
  return [_encoder_as_part_of("reader", tower.encoder) for tower in towers]


def _encoder_as_part_of(
  role: str, encoder: tf.keras.layers.Layer
) -> tf.train.Checkpoint:
  """Returns an encoder, named as in the checkpoint of another part."""
  part = tf.train.Checkpoint(encoder=encoder)
  if role == "retriever":
    part = tf.train.Checkpoint(query_embedder=part)
  return tf.train.Checkpoint(**{role: part})


def weights_path(model_dir: str) -> tuple[str, int]:
  """Returns a run's best weights, else its newest, and their step.

  Raises:
    errors.UserError: If it has neither.
  """
  folder = tf.io.gfile.join(model_dir, *BEST_FOLDER)
  manifest = tf.io.gfile.join(folder, "manifest.json")
  if tf.io.gfile.exists(manifest):
    best = files.read_json(manifest)
    return tf.io.gfile.join(folder, best["weights"]), best["step"]
  path = tf.train.latest_checkpoint(tf.io.gfile.join(model_dir, FOLDER))
  if path is None:
    raise errors.UserError(f"{model_dir} holds no checkpoint yet.")
  return path, int(path.rsplit("-", 1)[1])


def _check_shape(
  wanted: run_config.RunConfig, found: run_config.RunConfig, source: str
) -> None:
  """Refuses a run whose encoder has another shape or vocabulary."""
  if found.vocab_sha256 != wanted.vocab_sha256:
    where, remedy = f"--corpus={wanted.corpus}", "build the corpus with"
    if wanted.task == "train_tagger":
      where, remedy = "--vocab", "give"
    raise errors.UserError(
      f"--init_checkpoint={source} has another vocabulary than {where}: "
      f"{remedy} that run's vocabulary ({vocabulary_path(source)})."
    )
  for name in _SHAPE_FIELDS:
    if not hasattr(found.config, name) or not hasattr(wanted.config, name):
      continue
    old, new = getattr(found.config, name), getattr(wanted.config, name)
    if old != new:
      raise errors.UserError(
        f"--init_checkpoint={source} has {name}={old}, this run has "
        f"--config.{name}={new}: they must be equal."
      )


def vocabulary_path(model_dir: str) -> str:
  """Returns where a run's vocabulary is: in its folder, or its corpus's.

  Raises:
    errors.UserError: If the folder is no run.
  """
  own = tf.io.gfile.join(model_dir, VOCABULARY_NAME)
  if tf.io.gfile.exists(own):
    return own
  return tf.io.gfile.join(run_config.read(model_dir).corpus, VOCABULARY_NAME)
