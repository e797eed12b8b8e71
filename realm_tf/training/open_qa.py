"""A fine-tuned model with its corpus and index, ready to answer questions."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import own_run
from realm_tf.checkpoints import reading as weights_reading
from realm_tf.configs import run_config
from realm_tf.configs import schema
from realm_tf.data import corpus as corpus_lib
from realm_tf.data import features as features_lib
from realm_tf.data import passage_texts
from realm_tf.data import passages as passages_lib
from realm_tf.data import qa_examples
from realm_tf.evaluation import closed_book
from realm_tf.evaluation import predictions
from realm_tf.evaluation import reading
from realm_tf.evaluation import recall
from realm_tf.evaluation import retriever_names
from realm_tf.evaluation import retrievers as retrievers_lib
from realm_tf.index import version as version_lib
from realm_tf.models import orqa as orqa_lib
from realm_tf.models import reader as reader_lib
from realm_tf.training import orqa
from realm_tf.training import orqa_init
from realm_tf.training import strategy as strategy_lib


@dataclasses.dataclass(frozen=True)
class Knowledge:
  """The corpus, in each form that is read.

  Attributes:
    corpus: Where it is.
    table: Ids and wordpieces.
    packed: What retriever and reader read.
    texts: As it was written.
  """

  corpus: corpus_lib.Corpus
  table: passages_lib.PassageTable
  packed: features_lib.PackedPassages
  texts: passage_texts.PassageTexts

  @classmethod
  def load(cls, corpus: corpus_lib.Corpus, passage_length: int) -> "Knowledge":
    """Reads the corpus into memory.

    Args:
      corpus: The corpus.
      passage_length: Most wordpieces of a passage.
    """
    table = corpus.load_passages()
    packed = features_lib.PackedPassages(
      table.title_ids.to_ragged(),
      table.body_ids.to_ragged(),
      passage_length,
      corpus.tokenizer,
    )
    return cls(corpus, table, packed, passage_texts.PassageTexts(corpus))


class OpenQa:
  """Answers questions with one model over one corpus and index.

  Example:
    open_qa = load("runs/finetuned")
    open_qa.answer(["1"], ["who wrote hamlet"], k=100)[0].answer

  Attributes:
    config: The run's settings.
    corpus: The corpus.
    index: The index version.
    search: The index.
    beam: Joins questions to passages that were found.
    retrievers: Find passages.
  """

  def __init__(
    self,
    model: orqa_lib.OrqaModel,
    config: schema.OrqaConfig,
    knowledge: Knowledge,
    version: version_lib.IndexVersion,
  ):
    """Loads the index; call it in the strategy's scope.

    Args:
      model: Retriever and reader; its weights may go on changing.
      config: Its settings.
      knowledge: The corpus.
      version: The index, of this corpus.
    """
    self.config = config
    self.corpus = knowledge.corpus
    self.index = version
    tokenizer = knowledge.corpus.tokenizer
    self._searcher = version.load_searcher()  # held: it owns the index
    self.search = self._searcher.search
    self.beam = qa_examples.BeamFeatures(
      config, knowledge.packed, np.concatenate(version.load_embeddings())
    )
    self._answerer = reading.SpanAnswerer(
      model, config, self.beam, knowledge.table, knowledge.texts, tokenizer
    )
    local = tf.distribute.get_strategy().experimental_local_results
    embed = orqa.query_embed_function(model)
    self.retrievers = retrievers_lib.Retrievers(
      knowledge.table,
      tokenizer,
      recall.dense_retriever(
        lambda token_ids: local(embed(token_ids))[0],
        self.search,
        tokenizer,
        config.query_length,
      ),
    )

  def answer(
    self,
    ids: Sequence[str],
    questions: Sequence[str],
    *,
    k: int,
    retriever: str = retriever_names.DENSE,
  ) -> list[predictions.Prediction]:
    """Retrieves and reads.

    Args:
      ids: Of the questions.
      questions: Their texts.
      k: Passages to retrieve, of which the first `reader_beam` are read.
      retriever: One of `retriever_names.RETRIEVERS`.

    Raises:
      errors.UserError: If there is no such retriever.
    """
    wanted = max(k, self.config.reader_beam)
    rows = self.retrievers.retrieve(questions, wanted, retriever)
    return self.read(ids, questions, rows, retriever)

  def read(
    self,
    ids: Sequence[str],
    questions: Sequence[str],
    rows: np.ndarray,
    retriever: str = retriever_names.DENSE,
  ) -> list[predictions.Prediction]:
    """Reads what was found.

    Args:
      ids: Of the questions.
      questions: Their texts.
      rows: <int>[questions, k], of which the first `reader_beam` are read.
      retriever: What has found them. Passages of BM25 are judged by the reader
        alone, as the paper's sparse baseline has no f(x, z).
    """
    return self._answerer.answer(
      ids, questions, rows, passage_scores=retriever == retriever_names.DENSE
    )


def load(
  model_dir: str,
  corpus: str = "",
  tpu: str = "",
  reader_beam: int | None = None,
) -> OpenQa:
  """Loads a fine-tuned run: its best weights, its corpus and its index.

  Args:
    model_dir: A run of `finetune`.
    corpus: Folder of the knowledge corpus; by default the run's.
    tpu: See `strategy.make_strategy`.
    reader_beam: Passages a question that are read; None for the run's.

  Raises:
    errors.UserError: If it is no such run, or corpus and index do not fit.
  """
  run = run_config.read(model_dir)
  config = run.config
  if not isinstance(config, schema.OrqaConfig):
    raise errors.UserError(
      f"--model_dir={model_dir} is a run of {run.task}, which answers no "
      "questions: name a run of `finetune`, or give --retrieval_only."
    )
  if reader_beam is not None:
    config = dataclasses.replace(config, reader_beam=reader_beam)
  opened = corpus_lib.Corpus.open(corpus or run.corpus)
  version = orqa_init.open_index(run, opened, model_dir)
  path, _ = own_run.weights_path(model_dir)
  strategy = strategy_lib.make_strategy(tpu)
  strategy_lib.set_precision(
    config.precision, on_cpu=strategy_lib.is_cpu(strategy)
  )
  with strategy.scope():
    model = orqa_lib.OrqaModel(
      config, opened.tokenizer.vocab_size, opened.tokenizer.sep_id
    )
    own_run.restore(path, retriever=model.retriever, reader=model.reader)
    knowledge = Knowledge.load(opened, config.passage_length)
    return OpenQa(model, config, knowledge, version)


def load_closed_book(
  model_dir: str, corpus: str = ""
) -> closed_book.ClosedBook:
  """Loads the baseline that reads no passage.

  Args:
    model_dir: A run of `pretrain` or `pretrain_mlm`; or one of `finetune`, for
      the run that its reader came from in the end.
    corpus: A folder with the corpus's vocabulary; by default the run's corpus.

  Raises:
    errors.UserError: If there is no pre-trained reader.
  """
  run = run_config.read(model_dir)
  while run.init_reader:
    if not weights_reading.is_run(run.init_reader):
      raise errors.UserError(
        f"The reader of {model_dir} began as {run.init_reader}, which is no "
        "run, and a closed book asks a pre-trained reader: leave `none` out of "
        "--retriever."
      )
    model_dir = run.init_reader
    run = run_config.read(model_dir)
  config = run.config
  path, _ = own_run.weights_path(model_dir)
  if not (
    isinstance(config, schema.SentenceConfig)
    and "reader" in own_run.roles(path)
  ):
    raise errors.UserError(
      f"{model_dir} holds no pre-trained reader, which a closed book is asked "
      "of: leave `none` out of --retriever, or name a run of `pretrain`."
    )
  tokenizer = corpus_lib.Corpus.open(corpus or run.corpus).tokenizer
  if tokenizer.sha256 != run.vocab_sha256:
    raise errors.UserError(
      f"--corpus={corpus or run.corpus} has another vocabulary than that of "
      f"{model_dir}, which a closed book is asked of."
    )
  reader = reader_lib.MaskedLanguageModel(
    config, tokenizer.vocab_size, name="reader"
  )
  empty = tf.zeros([1, config.query_length + 1], tf.int32)
  reader(empty, empty, tf.zeros([1, 1], tf.int32))
  own_run.restore(path, reader=reader)
  return closed_book.ClosedBook(reader, config, tokenizer)
