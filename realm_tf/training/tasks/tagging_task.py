"""`train_tagger`: named entities by token classification."""

import numpy as np
import tensorflow as tf

from realm_tf import devices
from realm_tf.configs import schema
from realm_tf.data.tagging import tagging_examples
from realm_tf.models import token_tagger
from realm_tf.text import entity_types
from realm_tf.text import wordpiece
from realm_tf.training import base_task
from realm_tf.training.tasks import pipelines


class TaggingTask(base_task.Task):
  """Trains the tagger of salient spans.

  Attributes:
    tagger: The model.
  """

  name = "train_tagger"

  def __init__(
    self,
    config: schema.TaggerConfig,
    tokenizer: wordpiece.Tokenizer,
    train: tagging_examples.TaggingExamples,
    valid: tagging_examples.TaggingExamples,
  ):
    """Builds the model; call it in the strategy's scope.

    Args:
      config: The settings.
      tokenizer: Gives the size of the vocabulary.
      train: Training examples.
      valid: Examples that the loss is evaluated on.
    """
    self._config = config
    self._train, self._valid = train, valid
    self.tagger = token_tagger.Tagger(
      config, tokenizer.vocab_size, len(entity_types.LABELS)
    )
    self.parts = {"tagger": self.tagger}

  def sums(
    self, features: base_task.Features, *, training: bool
  ) -> base_task.Sums:
    """See base class."""
    logits = self.tagger(
      features["token_ids"], features["segment_ids"], training=training
    )
    labels = features["labels"]
    weights = tf.cast(labels != tagging_examples.IGNORED, tf.float32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
      tf.maximum(labels, 0), logits
    )
    guesses = tf.argmax(logits, axis=-1, output_type=tf.int32)
    right = tf.cast(guesses == labels, tf.float32)
    count = tf.reduce_sum(weights)
    return {
      "loss": (tf.reduce_sum(losses * weights), count),
      "accuracy": (tf.reduce_sum(right * weights), count),
    }

  def train_pipeline(self, first_step: int) -> tf.data.Dataset:
    """See base class."""
    return pipelines.by_step(self._train, first_step, self._config.train_steps)

  def eval_pipeline(self) -> tf.data.Dataset:
    """See base class."""
    batches = min(self._config.eval_batches, self._valid.num_batches)
    return pipelines.by_step(self._valid, 0, batches)


class Predictor:
  """Runs a task's tagger over examples, on all replicas."""

  def __init__(self, task: TaggingTask, strategy: tf.distribute.Strategy):
    """Takes the task, and the strategy to run it on."""
    self._strategy = strategy

    def replica_step(
      features: base_task.Features,
    ) -> tuple[tf.Tensor, tf.Tensor]:
      logits = task.tagger(
        features["token_ids"], features["segment_ids"], training=False
      )
      return features["windows"], tf.nn.softmax(logits)

    @tf.function
    @tf.autograph.experimental.do_not_convert
    def step(features: base_task.Features) -> tuple[tf.Tensor, tf.Tensor]:
      return strategy.run(replica_step, args=(features,))

    self._step = step

  def word_labels(
    self, examples: tagging_examples.TaggingExamples
  ) -> list[list[str]]:
    """Returns the predicted labels of each sentence's words."""
    found = np.zeros(
      [examples.num_windows, examples.max_length, len(entity_types.LABELS)],
      np.float32,
    )
    dataset = pipelines.by_step(examples, 0, examples.num_batches)
    for features in devices.distribute(self._strategy, dataset):
      windows, probs = (
        np.concatenate(
          [x.numpy() for x in self._strategy.experimental_local_results(value)]
        )
        for value in self._step(features)
      )
      is_real = windows >= 0
      found[windows[is_real], : probs.shape[1]] = probs[is_real]
    return examples.word_labels(found)
