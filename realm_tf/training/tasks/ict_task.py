"""`pretrain_ict`: the retriever's warm start."""

import tensorflow as tf

from realm_tf import devices
from realm_tf.configs import schema
from realm_tf.data.examples import ict_examples
from realm_tf.data.sentences import annotated_corpus
from realm_tf.models import ict
from realm_tf.models import prompts
from realm_tf.text import wordpiece
from realm_tf.training import base_task
from realm_tf.training.tasks import pipelines


class IctTask(base_task.Task):
  """Trains the retriever to retrieve a sentence's source block.

  Attributes:
    dropped: How much is left out of training, by reason.
  """

  name = "pretrain_ict"

  def __init__(
    self,
    config: schema.IctConfig,
    tokenizer: wordpiece.Tokenizer,
    corpus: annotated_corpus.AnnotatedCorpus,
  ):
    """Builds the model and the examples; call it in the strategy's scope."""
    self._config = config
    self._host = devices.host(tf.distribute.get_strategy())
    self._model = ict.IctModel.of_task(
      config,
      tokenizer.vocab_size,
      tokenizer.sep_id,
      prompts.of(config, tokenizer),
    )
    self.parts = {"retriever": self._model.retriever}
    self._train, self._heldout = (
      ict_examples.IctExamples(corpus, config, tokenizer, heldout=heldout)
      for heldout in (False, True)
    )
    self.dropped = self._train.source.dropped

  @property
  def example_bytes(self) -> int:
    """Bytes of the host's memory that the choice of sentences takes."""
    return self._train.source.nbytes + self._heldout.source.nbytes

  def sums(
    self, features: base_task.Features, *, training: bool
  ) -> base_task.Sums:
    """See base class."""
    return self._model.sums(features, training=training)

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
