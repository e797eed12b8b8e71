"""REALM's callbacks: its index is refreshed, its best weights are kept."""

from collections.abc import Sequence
from typing import Protocol
from typing import TypeVar

import tensorflow as tf

from realm_tf.answering.retrievers import retriever
from realm_tf.configs import schema
from realm_tf.evaluation import recall
from realm_tf.export import embedder_export
from realm_tf.index.versions import index_version
from realm_tf.runs import exports
from realm_tf.runs import run_config
from realm_tf.training import hosts as hosts_lib
from realm_tf.training import training_checkpoints
from realm_tf.training.recipes import refresh_hook
from realm_tf.training.tasks import realm_task

Taken_contra = TypeVar(
  "Taken_contra", bound=refresh_hook.Index, contravariant=True
)


class RealmTask(refresh_hook.Task[Taken_contra], Protocol[Taken_contra]):
  """A `realm_task.MaskedSentenceTask` that takes versions.

  Attributes:
    parts: The models by role.
  """

  parts: dict[str, tf.keras.Model]

  def retrieve_texts(self, texts: Sequence[str], k: int) -> retriever.Retrieved:
    """See `realm_task.MaskedSentenceTask`."""


_METRIC = "retrieval_utility"  # what "best checkpoint" means
_RECALL_AT = (1, 5)


class BestRealmHook(refresh_hook.RefreshHook[refresh_hook.IndexT]):
  """Keeps the index fresh, and the weights of the best evaluation."""

  def __init__(
    self,
    task: RealmTask[refresh_hook.IndexT],
    run: run_config.RunConfig,
    config: schema.RealmConfig,
    model_dir: str,
    num_passages: int,
    mode: str,
    judge: recall.Judge | None = None,
    hosts: hosts_lib.Hosts | None = None,
  ):
    """Takes the parts; see base class.

    Args:
      task: Its retriever is exported, its pipelines change versions.
      run: Names the corpus.
      config: The run's settings.
      model_dir: The run.
      num_passages: Of the knowledge corpus.
      mode: One of `refresh_modes.MODES`.
      judge: Questions whose zero-shot recall each evaluation measures.
      hosts: The processes that train together; see base class.
    """
    super().__init__(task, run, config, model_dir, num_passages, mode, hosts)
    self._realm = task
    self._judge = judge
    self._best = training_checkpoints.BestWeights(
      model_dir, task.parts, _METRIC, hosts
    )

  def before_evaluation(self, step: int) -> None:
    """After the last step, waits for its version, with which a run ends.

    A refresher that was started apart may take hours: it is not waited for.
    """
    is_last = step == self._config.train_steps and self._version < step
    if is_last and self._mode == "local":
      self._take_last(step)

  def after_evaluation(
    self, step: int, means: dict[str, float]
  ) -> dict[str, float]:
    """Keeps the best weights; measures recall with the version in use."""
    self._best.offer(step, means[_METRIC])
    if self._judge is None:
      return {}
    return self._judge.recall(self._realm.retrieve_texts, _RECALL_AT)


class PretrainHook(BestRealmHook[realm_task.IndexInUse]):
  """The callbacks of a task that retrieves on the host."""

  def load(
    self, version: index_version.IndexVersion, export: exports.EmbedderExport
  ) -> realm_task.IndexInUse:
    """See base class."""
    embed = embedder_export.QueryEmbedder(export.path)
    searcher = version.load_searcher()
    return realm_task.IndexInUse(version.step, embed, searcher.search)
