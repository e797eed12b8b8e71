"""The interface of a task: its parts, its loss, its inputs."""

import abc
from collections.abc import Callable
from collections.abc import Mapping

import tensorflow as tf

Features = Mapping[str, tf.Tensor]
Sums = Mapping[str, tuple[tf.Tensor, tf.Tensor]]
Pipeline = Callable[[int], tf.data.Dataset]


class Task(abc.ABC):
  """One of the trainings: language model, ICT, REALM, or open-domain QA.

  Attributes:
    name: The command that runs it.
    parts: The models that are trained, by role; checkpoints are saved by
      role, so that another task can start from a part.
  """

  name: str
  parts: dict[str, tf.keras.Model]

  @property
  def variables(self) -> list[tf.Variable]:
    """The trainable variables."""
    return [v for part in self.parts.values() for v in part.trainable_variables]

  def prepare(self, features: Features) -> Features:
    """Adds features that depend on the step's weights, before `sums`.

    Called outside of the step's function, so that it may search an index.

    Args:
      features: A global batch, as the pipelines gave it to the replicas.

    Returns:
      A global batch, spread over the replicas in the same way.
    """
    return features

  def complete(self, features: Features, *, training: bool) -> Features:
    """Adds features that need no gradient, inside of the step, before `sums`.

    Called by all replicas, so that it may exchange tensors between them.

    Args:
      features: A replica's share of a batch.
      training: Whether the step trains.

    Returns:
      The replica's share, completed.
    """
    del training
    return features

  @abc.abstractmethod
  def sums(self, features: Features, *, training: bool) -> Sums:
    """Runs the model on a replica's share of a batch.

    Args:
      features: A replica's share.
      training: Whether to leave out metrics that only an evaluation needs.

    Returns:
      For "loss", which is minimised, and for each metric, a sum and what to
      divide it by, <float32>[] each. They are summed over the replicas before
      they are divided, so that the number of replicas changes nothing.
    """

  @abc.abstractmethod
  def train_pipeline(self, first_step: int) -> tf.data.Dataset:
    """Returns the global batches from a step on; a pure function of it."""

  @abc.abstractmethod
  def eval_pipeline(self) -> tf.data.Dataset:
    """Returns the held-out global batches; the same each time."""
