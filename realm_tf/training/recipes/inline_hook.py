"""REALM's callbacks where each step embeds a part of the index."""

import logging

from realm_tf.checkpoints import saved
from realm_tf.export import embedder_export
from realm_tf.index.device import inline_state
from realm_tf.index.device import share_loading
from realm_tf.runs import run_folder
from realm_tf.training import pipeline_feed
from realm_tf.training import training_checkpoints
from realm_tf.training.recipes import device_hook

_log = logging.getLogger(__name__)


class InlineHook(device_hook.DeviceHook):
  """Begins with all rows embedded; saves and restores them with checkpoints.

  There is no refresher, and there are no index versions: the task has an
  `inline_refresh`.
  """

  def before_training(self, state: training_checkpoints.TrainerState) -> None:
    """Embeds all passages, or restores their vectors."""
    step, refresh = int(state.step), self._device.inline_refresh
    embedder_export.discard(self._model_dir, after_step=step)
    index = self._device.index
    vectors = inline_state.load(self._folder, step, index.dtype)
    if vectors is None:
      _log.info("Embedding all passages on the replicas, once ...")
      refresh.embed_all()
    else:
      index.load_vectors(
        share_loading.read_shares([vectors], index.layout, index.dtype)
      )
    refresh.go_to(step)

  def news(self, step: int, feed: pipeline_feed.Feed) -> int | None:
    """There is nothing to poll for; see base class."""
    return None

  def before_step(self, step: int, feed: pipeline_feed.Feed) -> None:
    """No version is too old; see base class."""

  def exports_after(self, step: int) -> bool:
    """The last step is exported for fine-tuning; see base class."""
    return step == self._config.train_steps

  def after_step(self, step: int, replaced: bool) -> dict[str, float]:
    """Exports after the last step; see base class."""
    del replaced
    if self.exports_after(step):
      self._exporter.save(self._model_dir, step)
    oldest = min(step, self._device.inline_refresh.round_steps) - 1
    return {"index_age_steps": float(oldest)}

  def before_save(self, step: int) -> None:
    """Saves the vectors first: a checkpoint always has its own."""
    inline_state.save(self._folder, step, self._device.index.vectors())
    checkpoints = run_folder.RunFolder(self._model_dir).checkpoints
    inline_state.prune(self._folder, {step, *saved.steps(checkpoints)})

  @property
  def _folder(self) -> str:
    return run_folder.RunFolder(self._model_dir).inline_index
