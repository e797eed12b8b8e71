"""A pre-trained run with its corpus and index, ready to fill masks."""

from collections.abc import Sequence

import tensorflow as tf

from realm_tf import devices
from realm_tf import errors
from realm_tf.answering import fill_mask
from realm_tf.answering import passage_memory
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.examples import packing
from realm_tf.index.versions import index_store
from realm_tf.index.versions import index_version
from realm_tf.index.versions import run_index
from realm_tf.models import embedders
from realm_tf.models import masked_lm
from realm_tf.models import prompts
from realm_tf.runs import exports
from realm_tf.runs import run_config


class MaskFilling:
  """Fills masks with a run's reader, by passages of its newest index.

  Attributes:
    config: The run's settings.
    corpus: The corpus.
    index: The index version.
    retriever: The towers that made the index.
    reader: The run's best reader.
    searcher: Of the index.
    memory: The corpus in memory.
    graph: Fills masks.
  """

  def __init__(
    self,
    retriever: embedders.TwoTowers,
    reader: masked_lm.MaskedLanguageModel,
    config: schema.RealmConfig,
    corpus: corpora.Corpus,
    version: index_version.IndexVersion,
  ):
    """Loads corpus and index; see `load`."""
    self.config = config
    self.corpus = corpus
    self.index = version
    self.retriever = retriever
    self.reader = reader
    self.searcher = version.load_searcher()
    self.memory = passage_memory.PassageMemory.of(
      packing.PackedPassages.of(
        corpus.load_passages(), config.passage_length, corpus.tokenizer
      ),
      version.load_matrix(),
      passage_memory.Texts.load(corpus),
    )
    self.graph = fill_mask.FillMaskGraph(
      reader,
      retriever.query_embedder,
      retriever.passage_embedder,
      config,
      self.memory,
      corpus.tokenizer,
      self.searcher.search,
    )
    self._fill = tf.function(self.graph.fill, autograph=False)

  def fill(self, texts: Sequence[str], count: int) -> fill_mask.Filled:
    """Fills the masks of texts; returns NumPy arrays.

    Args:
      texts: Each with one or more "[MASK]".
      count: Tokens a mask.
    """
    filled = self._fill(tf.constant(list(texts)), count)
    return fill_mask.Filled(*(part.numpy() for part in filled))


def load(
  model_dir: str, corpus: str = "", precision: str = "float32"
) -> MaskFilling:
  """Loads a run of `pretrain`: its best reader, its newest index.

  Args:
    model_dir: The run.
    corpus: Folder of the knowledge corpus; by default the run's.
    precision: "float32" or "bfloat16": what tensors of the encoders are.

  Raises:
    errors.UserError: If it is not such a run, has no index yet, or corpus and
      index do not fit.
  """
  run = run_config.read(model_dir)
  config = run.config
  if not isinstance(config, schema.RealmConfig):
    raise errors.UserError(
      f"model_dir={model_dir} is a run of {run.task}, which fills no masks: "
      "name a run of `pretrain`, or of `finetune` to ask questions."
    )
  opened = corpora.Corpus.open(corpus or run.corpus)
  step = index_store.IndexStore(model_dir).latest()
  if step is None:
    raise errors.UserError(
      f"model_dir={model_dir} has no index yet: `pretrain` builds the first "
      "one when it starts."
    )
  tokenizer = opened.tokenizer
  devices.set_precision(precision, on_cpu=False)
  retriever = embedders.TwoTowers(
    config,
    config,
    tokenizer.vocab_size,
    tokenizer.sep_id,
    prompts.of(config, tokenizer),
  )
  reader = masked_lm.MaskedLanguageModel(
    config,
    tokenizer.vocab_size,
    name="reader",
    output_range=config.query_length,
  )
  own_run.restore(own_run.weights_path(model_dir)[0], reader=reader)
  with run_index.loading_own(model_dir, step, opened) as version:
    saved = exports.find(model_dir, step).weights
    for tower in ("query_embedder", "passage_embedder"):
      # One by one: two towers may come from one that was shared.
      own_run.restore(saved, **{tower: getattr(retriever, tower)})
    return MaskFilling(retriever, reader, config, opened, version)
