"""`pretrain_mlm`: a language model over pairs of passages of one article."""

import tensorflow as tf

from realm_tf import devices
from realm_tf.configs import schema
from realm_tf.data.examples import mlm_examples
from realm_tf.data.sentences import annotated_corpus
from realm_tf.models import masked_lm
from realm_tf.models import objective
from realm_tf.text import wordpiece
from realm_tf.training import base_task
from realm_tf.training.tasks import pipelines


class MlmTask(base_task.Task):
  """Trains the reader REALM starts from.

  Attributes:
    dropped: How much is left out of training, by reason.
  """

  name = "pretrain_mlm"

  def __init__(
    self,
    config: schema.MlmConfig,
    tokenizer: wordpiece.Tokenizer,
    corpus: annotated_corpus.AnnotatedCorpus,
  ):
    """Builds the model and the examples; call it in the strategy's scope."""
    self._config = config
    self._host = devices.host(tf.distribute.get_strategy())
    self.dropped = corpus.dropped
    self._model = masked_lm.MaskedLanguageModel(
      config, tokenizer.vocab_size, name="reader"
    )
    self.parts = {"reader": self._model}
    self._train, self._heldout = (
      mlm_examples.MlmExamples(corpus, config, tokenizer, heldout=heldout)
      for heldout in (False, True)
    )

  @property
  def variables(self) -> list[tf.Variable]:
    """See base class; without `train_encoder`, the head's own."""
    if self._config.train_encoder:
      return super().variables
    encoder = {v.ref() for v in self._model.encoder.variables}
    return [v for v in super().variables if v.ref() not in encoder]

  @property
  def example_bytes(self) -> int:
    """Bytes of the host's memory that the choice of pairs takes."""
    return self._train.nbytes + self._heldout.nbytes

  def sums(
    self, features: base_task.Features, *, training: bool
  ) -> base_task.Sums:
    """See base class."""
    logits = self._model(
      features["token_ids"],
      features["segment_ids"],
      features["mask_positions"],
      training=training,
    )
    weights = features["target_weights"]
    count = tf.reduce_sum(weights)
    log_probs = objective.token_log_probs(logits, features["targets"])
    guesses = tf.argmax(logits, axis=-1, output_type=tf.int32)
    right = tf.cast(guesses == features["targets"], tf.float32)
    return {
      "loss": (-tf.reduce_sum(log_probs * weights), count),
      "accuracy": (tf.reduce_sum(right * weights), count),
    }

  def train_pipeline(self, first_step: int) -> tf.data.Dataset:
    """See base class."""
    return pipelines.by_step(
      self._train, first_step, self._config.train_steps, self._host
    )

  def eval_pipeline(self) -> tf.data.Dataset:
    """See base class."""
    return pipelines.by_step(
      self._heldout, 0, self._config.eval_batches, self._host
    )
