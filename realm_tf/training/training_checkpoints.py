"""The trainer's state and its best weights, on disk."""

import contextlib
from collections.abc import Mapping

import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import saved
from realm_tf.runs import best_weights
from realm_tf.runs import run_folder
from realm_tf.runs import run_state
from realm_tf.training import base_task
from realm_tf.training import hosts as hosts_lib
from realm_tf.training import optimizers

_KEPT = 3
_INDEX_VERSION = "index_version/.ATTRIBUTES/VARIABLE_VALUE"


class TrainerState:
  """Weights, optimizer, step and index version, as one checkpoint.

  Attributes:
    step: <int64>[]. Steps done.
    index_version: <int64>[]. Version of the index in use; -1 for none.
    kept_index_versions: Those that the checkpoints on disk name.
  """

  def __init__(
    self,
    model_dir: str,
    task: base_task.Task,
    optimizer: optimizers.Optimizer,
    hosts: hosts_lib.Hosts | None = None,
  ):
    """Finds the checkpoints of a run.

    Args:
      model_dir: The run.
      task: Its parts are saved by role.
      optimizer: Its slots are saved too.
      hosts: The processes that train it, of which the chief alone writes.
    """
    self._hosts = hosts or hosts_lib.alone()
    self.step = tf.Variable(0, trainable=False, dtype=tf.int64)
    self.index_version = tf.Variable(-1, trainable=False, dtype=tf.int64)
    self.kept_index_versions: list[int] = []
    self._checkpoint = tf.train.Checkpoint(
      step=self.step,
      index_version=self.index_version,
      optimizer=optimizer,
      generators=dropout_generators(task.parts),
      **task.parts,
    )
    self._model_dir = model_dir
    self._folder = run_folder.RunFolder(model_dir).checkpoints
    self._run_state = run_state.RunState(model_dir)
    self._manager = self._make_manager()

  def restore(self) -> bool:
    """Restores the newest checkpoint that can be read.

    Returns:
      Whether there was one. If not, none was ever saved.

    Raises:
      errors.UserError: If there was one once, and none can be read now.
        Nothing has been changed then. If processes of one training see
        different ones.
    """
    found = self._restore()
    step = int(self.step) if found else -1
    if self._hosts.chiefs(step) != step:
      raise errors.UserError(
        f"model_dir={self._model_dir} holds another checkpoint for this worker "
        "than for the chief: all workers need the same folder, on a file "
        "system that they share."
      )
    return found

  def _restore(self) -> bool:
    try:
      newest = saved.newest(self._folder)
    except errors.UserError as e:
      if self._run_state.has_checkpoint():
        raise
      # The first save found no room, and left files that are too short.
      saved.warn(f"No save was finished, and the run starts over: {e}")
      newest = None
    if newest is None:
      if self._run_state.has_checkpoint():
        raise errors.UserError(
          f"model_dir={self._model_dir} has been trained, but {self._folder} "
          "holds no whole checkpoint any longer. Put a copy back, or give "
          "another `model_dir` to start anew."
        )
      return False
    status = self._checkpoint.restore(newest.prefix)
    status.assert_existing_objects_matched()
    if self._hosts.is_chief:
      saved.write_state(self._folder, newest)
      self._manager = self._make_manager()
      self._run_state.note_checkpoint()
    self.kept_index_versions = self._stored_index_versions(newest.step)
    return True

  def save(self) -> None:
    """Saves a checkpoint, named after the step; the chief does.

    Raises:
      errors.UserError: If it cannot be read back.
    """
    if not self._hosts.is_chief:
      return
    saved.check_written(self._manager.save(checkpoint_number=int(self.step)))
    self._run_state.note_checkpoint()
    self.kept_index_versions.append(int(self.index_version))
    del self.kept_index_versions[:-_KEPT]

  def note_evaluation(self) -> None:
    """Records that the step's evaluation was made."""
    if self._hosts.is_chief:
      self._run_state.note_evaluation(int(self.step))

  def owes_evaluation(self) -> bool:
    """Whether the last recorded evaluation is of an earlier step.

    Of a step at which one is due, it tells that the run ended in between.
    """
    evaluated = self._run_state.evaluated_step()
    return evaluated is not None and evaluated < int(self.step)

  def _make_manager(self) -> tf.train.CheckpointManager:
    return tf.train.CheckpointManager(
      self._checkpoint,
      self._folder,
      max_to_keep=_KEPT,
      checkpoint_name=saved.NAME,
    )

  def _stored_index_versions(self, last_step: int) -> list[int]:
    """Returns the index versions that checkpoints name, the oldest first.

    Should the newest be damaged later, the one before still has its version.
    """
    versions = []
    for step in saved.steps(self._folder):
      if step <= last_step:
        prefix = saved.prefix(self._folder, step)
        with contextlib.suppress(tf.errors.OpError, ValueError):
          versions.append(int(tf.train.load_variable(prefix, _INDEX_VERSION)))
    return versions


def dropout_generators(
  parts: dict[str, tf.keras.Model],
) -> list[tf.random.Generator]:
  """Returns the random generators of dropout, which Keras does not save."""
  keras_generators = [
    layer._random_generator  # noqa: SLF001 - Keras has no other name for it
    for part in parts.values()
    for layer in part.submodules
    if isinstance(layer, tf.keras.layers.Dropout) and layer.rate > 0
  ]
  return [
    keras_generator._generator  # noqa: SLF001 - as above
    for keras_generator in keras_generators
    if keras_generator._rng_type == "stateful"  # noqa: SLF001 - as above
  ]


def save_best(
  model_dir: str,
  parts: dict[str, tf.keras.Model],
  step: int,
  metric: str,
  value: float,
  facts: Mapping[str, float] | None = None,
) -> str:
  """Writes the weights of the best step so far to exports/best.

  Files are named after the step, the manifest is replaced last, and the weights
  that it named before stay until the next best: a reader that has just read it
  finds the old best, or the new one.

  Args:
    model_dir: The run.
    parts: The models by role.
    step: Of the weights.
    metric: The metric that "best" refers to, such as "retrieval_utility".
    value: Of the metric, with these weights.
    facts: Further facts for the manifest; see `own_run.best_facts`.

  Returns:
    The folder.

  Raises:
    errors.UserError: If what was written cannot be read back.
  """
  folder = run_folder.RunFolder(model_dir).best
  tf.io.gfile.makedirs(folder)
  name = f"weights-{step}"
  kept = {name}
  if before := best_weights.read(model_dir):
    if before.name == name:  # A resumed run was better at the same step.
      name = f"weights-{step}-again"
    kept = {name, before.name}
  saved.check_written(
    tf.train.Checkpoint(**parts).write(tf.io.gfile.join(folder, name))
  )
  known = {metric: value, **(facts or {})}
  best_weights.write(model_dir, best_weights.BestWeights(step, name, known))
  for old in tf.io.gfile.listdir(folder):
    if old.startswith("weights-") and old.split(".")[0] not in kept:
      tf.io.gfile.remove(tf.io.gfile.join(folder, old))
  return folder


def best(model_dir: str, metric: str) -> tuple[float, int]:
  """Returns the metric of a run's best weights, and their step.

  Args:
    model_dir: The run.
    metric: As given to `save_best`.

  Returns:
    -inf and 0 if there are none yet.

  Raises:
    errors.UserError: If the manifest is damaged, or lacks the metric.
  """
  found = best_weights.read(model_dir)
  if found is None:
    return float("-inf"), 0
  if metric not in found.facts:
    manifest = run_folder.RunFolder(model_dir).best_manifest
    raise errors.UserError(f"{manifest} lacks `{metric}`. Put a copy back.")
  return found.facts[metric], found.step


class BestWeights:
  """Keeps the weights of a run's best evaluation, of this process or before.

  Attributes:
    step: Of the best weights; 0 if there are none yet.
  """

  def __init__(
    self,
    model_dir: str,
    parts: dict[str, tf.keras.Model],
    metric: str,
    hosts: hosts_lib.Hosts | None = None,
  ):
    """Reads the best weights so far.

    Args:
      model_dir: The run.
      parts: The models by role.
      metric: As for `save_best`.
      hosts: The processes that train it, of which the chief alone writes.
    """
    self._is_chief = (hosts or hosts_lib.alone()).is_chief
    self._model_dir = model_dir
    self._parts = parts
    self._metric = metric
    self._value, self.step = best(model_dir, metric)

  def offer(
    self, step: int, value: float, facts: Mapping[str, float] | None = None
  ) -> None:
    """Saves the current weights, if no evaluation was as good.

    Args:
      step: Of the weights.
      value: Of the metric.
      facts: As for `save_best`.
    """
    if value > self._value:
      self._value, self.step = value, step
      if self._is_chief:
        save_best(
          self._model_dir, self._parts, step, self._metric, value, facts
        )
