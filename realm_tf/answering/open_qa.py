"""A fine-tuned model with its corpus and index, ready to answer questions."""

import dataclasses
import functools
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Self
from typing import overload

import numpy as np
import tensorflow as tf

from realm_tf import devices
from realm_tf import errors
from realm_tf.answering import answer_graph
from realm_tf.answering import passage_memory
from realm_tf.answering import prediction_records
from realm_tf.answering import replies
from realm_tf.answering import reply_tensors
from realm_tf.answering.retrievers import bm25
from realm_tf.answering.retrievers import dense
from realm_tf.answering.retrievers import hybrid_settings
from realm_tf.answering.retrievers import retriever
from realm_tf.answering.retrievers import retriever_names
from realm_tf.answering.retrievers import retriever_set
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_table
from realm_tf.data.examples import packing
from realm_tf.index.search import searcher_base
from realm_tf.index.versions import index_version
from realm_tf.index.versions import run_index
from realm_tf.models import orqa as orqa_lib
from realm_tf.models import prompts
from realm_tf.runs import run_config

# In the facts of a run's best weights: see `probability_calibration`.
THRESHOLD = "abstention_threshold"


@dataclasses.dataclass(frozen=True)
class Knowledge:
  """The corpus, in each form that is read.

  Attributes:
    corpus: Where it is.
    table: Ids and wordpieces.
    packed: Inputs of retriever and reader.
    texts: Titles and bodies.
  """

  corpus: corpora.Corpus
  table: passage_table.PassageTable
  packed: packing.PackedPassages
  texts: passage_memory.Texts

  @classmethod
  def load(cls, corpus: corpora.Corpus, passage_length: int) -> "Knowledge":
    """Reads the corpus into memory.

    Args:
      corpus: The corpus.
      passage_length: Most wordpieces of a passage.
    """
    table = corpus.load_passages()
    packed = packing.PackedPassages.of(table, passage_length, corpus.tokenizer)
    return cls(corpus, table, packed, passage_memory.Texts.load(corpus))

  @functools.cached_property
  def bm25(self) -> bm25.Bm25:
    """The retriever by words, made on first use."""
    return bm25.Bm25(self.table, self.corpus.tokenizer)

  @property
  def nbytes(self) -> int:
    """Bytes of memory that the corpus takes."""
    return self.packed.nbytes + self.texts.nbytes


class OpenQA:
  """Answers questions with one model over one corpus and index.

  Example:
    qa = OpenQA.from_run("runs/demo/qa")
    reply = qa("who wrote hamlet")
    reply.answer, reply.probability, reply.evidence.mark()

  Attributes:
    model: Retriever and reader.
    config: The run's settings.
    corpus: The corpus.
    memory: The corpus in memory.
    beam: Joins questions to retrieved passages.
    graph: The graph that answers, for exports.
    retrievers: By name.
    threshold: Probability below which the model abstains.
  """

  def __init__(
    self,
    model: orqa_lib.OrqaModel,
    config: schema.OrqaConfig,
    knowledge: Knowledge,
    version: index_version.IndexVersion | None,
    threshold: float = 0.0,
    step: int = 0,
    hybrid: hybrid_settings.HybridSettings | None = None,
  ):
    """Loads the index; call it in the strategy's scope.

    Args:
      model: Retriever and reader; its weights may go on changing.
      config: Its settings.
      knowledge: The corpus.
      version: The index, of this corpus; None for a model without a retriever.
      threshold: Probability below which the model abstains.
      step: Of the weights.
      hybrid: How the hybrid retriever joins scores; None for the config's
        weight.
    """
    self.model = model
    self.threshold = threshold
    self.config = config
    self.corpus = knowledge.corpus
    self._index = version
    tokenizer = knowledge.corpus.tokenizer
    self._searcher = version.load_searcher() if version else None
    self.memory = passage_memory.PassageMemory.of(
      knowledge.packed,
      version.load_matrix() if version else None,
      knowledge.texts,
    )
    strategy = tf.distribute.get_strategy()
    self.graph = answer_graph.AnswerGraph(
      model,
      config,
      self.memory,
      tokenizer,
      self.search if version else None,
      run=functools.partial(devices.run_once, strategy),
      static_shapes=isinstance(strategy, tf.distribute.TPUStrategy),
    )
    self.beam = self.graph.beam
    self._read = _traced(self.graph.read)
    self._answer = _traced(self.graph.answer)
    self.retrievers = retriever_set.RetrieverSet(
      knowledge.table,
      tokenizer,
      self._dense(step),
      lambda: self.memory.embeddings,
      hybrid or hybrid_settings.HybridSettings(weight=config.hybrid_weight),
      lambda: knowledge.bm25,
    )

  @property
  def has_index(self) -> bool:
    """Whether the run has a retriever of its own, and so an index."""
    return self._index is not None

  @property
  def index(self) -> index_version.IndexVersion:
    """The index version.

    Raises:
      errors.UserError: If the run has no retriever of its own.
    """
    if self._index is None:
      raise errors.UserError(
        "The run was trained with config.retriever=bm25, and has no index: "
        "name a run with a retriever of its own."
      )
    return self._index

  @property
  def searcher(self) -> searcher_base.Searcher:
    """Searches the index; raises as `index` does."""
    if self._searcher is None:
      raise TypeError(f"no searcher of {self.index.path}")
    return self._searcher

  def search(
    self, questions: tf.Tensor, embeddings: tf.Tensor, k: int
  ) -> retriever.Found:
    """Searches the index; see `retriever.Retriever.search`."""
    del questions
    return self.searcher.search(embeddings, k)

  def _dense(self, step: int) -> dense.DenseRetriever | None:
    """Returns the model's own retriever, with weights of a step, if any."""
    if self._index is None:
      return None
    return dense.DenseRetriever(
      _traced(self.graph.embed),
      self.searcher.search,
      self.corpus.tokenizer,
      self.config.query_length,
      self.index.path,
      step,
    )

  @classmethod
  def from_run(
    cls,
    model_dir: str,
    *,
    corpus: str = "",
    reader_beam: int | None = None,
    strategy: tf.distribute.Strategy | None = None,
    precision: str = "",
    hybrid_weight: float | None = None,
  ) -> Self:
    """Loads a fine-tuned run: its best weights, its corpus and its index.

    Args:
      model_dir: A run of `finetune`.
      corpus: Folder of the knowledge corpus; by default the run's.
      reader_beam: Passages a question that are read; None for the run's.
      strategy: Where to compute; by default the GPUs there are, else the CPU.
      precision: "float32" or "bfloat16", what tensors of the encoders are; by
        default as the device trains the run.
      hybrid_weight: Of the dense scores where retriever="hybrid"; None for what
        was chosen by `evaluate`, else 0.5.

    Raises:
      errors.UserError: If it is not such a run, or corpus and index do not fit.
    """
    run, config = read_run(model_dir)
    if reader_beam is not None:
      config = dataclasses.replace(config, reader_beam=reader_beam)
    opened = corpora.Corpus.open(corpus or run.corpus)
    hybrid = hybrid_settings.of_run(
      model_dir, run, opened.fingerprint, hybrid_weight
    )
    version = None
    if config.has_retriever:
      version = run_index.open_index(run, opened, model_dir)
    path, step = own_run.weights_path(model_dir)
    strategy = strategy or devices.make_strategy("")
    if not precision:
      precision = devices.answering_precision(config.precision, strategy)
    devices.set_precision(precision, on_cpu=False)
    with strategy.scope():
      model = orqa_lib.OrqaModel.of_task(
        config,
        opened.tokenizer.vocab_size,
        opened.tokenizer.sep_id,
        prompts.of(config, opened.tokenizer),
      )
      own_run.restore(path, **model.parts)
      knowledge = Knowledge.load(opened, config.passage_length)
      threshold = own_run.best_facts(model_dir).get(THRESHOLD, 0.0)
      return cls(model, config, knowledge, version, threshold, step, hybrid)

  @overload
  def __call__(
    self, questions: str, *, count: int = ..., retriever: str = ...
  ) -> replies.Answer: ...

  @overload
  def __call__(
    self,
    questions: list[str] | tuple[str, ...],
    *,
    count: int = ...,
    retriever: str = ...,
  ) -> list[replies.Answer]: ...

  def __call__(
    self,
    questions: str | list[str] | tuple[str, ...],
    *,
    count: int = 5,
    retriever: str = "",
  ) -> replies.Answer | list[replies.Answer]:
    """Answers a question, or each of several.

    Args:
      questions: One text or several.
      count: Different answers a question; see `replies.Answer.further`.
      retriever: One of `retriever_names.RETRIEVERS`; by default the run's.

    Raises:
      errors.UserError: If the retriever is unknown.
    """
    texts = [questions] if isinstance(questions, str) else list(questions)
    if not texts:
      return []
    beam = self.config.reader_beam
    _, best = self.find_answers(texts, beam, count, retriever)
    batch = (
      best.outputs(self.threshold) | self.memory.look_up(best.row).outputs()
    )
    answers = [
      reply_tensors.answer(text, reply_tensors.of_text(batch, place))
      for place, text in enumerate(texts)
    ]
    return answers[0] if isinstance(questions, str) else answers

  def best_answers(
    self,
    questions: Sequence[str],
    rows: np.ndarray,
    count: int,
    *,
    passage_scores: bool = True,
  ) -> answer_graph.Answers:
    """Reads what was retrieved; returns the best answers, as NumPy arrays.

    Args:
      questions: Their texts.
      rows: <int>[questions, k], of which the first `reader_beam` are read; -1
        for none.
      count: Answers a question.
      passage_scores: Whether f(x, z) is added to the scores of spans; see
        `retriever.Retriever.trained_with_reader`.
    """
    rows = rows[:, : self.config.reader_beam]
    texts, missing = self._filled_up(questions)
    rows = np.pad(rows, ((0, missing), (0, 0)), constant_values=-1)
    found = [
      self._read(
        tf.constant(texts[batch]),
        tf.constant(rows[batch], tf.int32),
        count,
        passage_scores=tf.constant(passage_scores),
      )
      for batch in self._batches(len(texts))
    ]
    return _join(found, len(questions))

  def find_answers(
    self,
    questions: Sequence[str],
    k: int,
    count: int,
    retriever: str = "",
  ) -> tuple[np.ndarray, answer_graph.Answers]:
    """Retrieves and reads.

    Args:
      questions: Their texts.
      k: Passages to retrieve, of which the first `reader_beam` are read.
      count: Answers a question.
      retriever: One of `retriever_names.RETRIEVERS`; by default the run's.

    Returns:
      The rows retrieved, <int>[questions, k], best first, -1 for none, fewer
      than k where the corpus has no more; and the best answers, as arrays.

    Raises:
      errors.UserError: If the retriever is unknown.
    """
    k = max(k, self.config.reader_beam)
    retriever = retriever or self.config.retriever
    passage_scores = self.retrievers[retriever].trained_with_reader
    if retriever != retriever_names.DENSE:
      rows, _ = self.retrievers.retrieve(questions, k, retriever)
      return rows, self.best_answers(
        questions, rows, count, passage_scores=passage_scores
      )
    k = min(k, self.corpus.num_passages)
    found = []
    answers = []
    texts, _ = self._filled_up(questions)
    for batch in self._batches(len(texts)):
      rows, best = self._answer(tf.constant(texts[batch]), k, count)
      found.append(rows.numpy())
      answers.append(best)
    return (
      np.concatenate(found)[: len(questions)],
      _join(answers, len(questions)),
    )

  def answer(
    self,
    ids: Sequence[str],
    questions: Sequence[str],
    *,
    k: int,
    retriever: str = "",
  ) -> prediction_records.Answered:
    """Retrieves and reads; returns the best answer to each question.

    Args:
      ids: Of the questions.
      questions: Their texts.
      k: Passages to retrieve, of which the first `reader_beam` are read.
      retriever: One of `retriever_names.RETRIEVERS`; by default the run's.

    Raises:
      errors.UserError: If the retriever is unknown.
    """
    rows, best = self.find_answers(questions, k, 1, retriever)
    found = self._predictions(
      ids,
      questions,
      rows,
      best,
      self.retrievers[retriever or self.config.retriever].trained_with_reader,
    )
    return prediction_records.Answered(found, rows)

  def _filled_up(self, questions: Sequence[str]) -> tuple[list[str], int]:
    """Adds empty questions to the last batch, if there are several.

    All batches are then of one size, for which the graph is traced once.

    Args:
      questions: Their texts.

    Returns:
      The texts, and how many were added.
    """
    several = len(questions) > self.config.batch_size
    missing = -len(questions) % self.config.batch_size if several else 0
    return [*questions, *[""] * missing], missing

  def _batches(self, count: int) -> Iterator[slice]:
    """Yields slices of the questions, one batch each."""
    for first in range(0, count, self.config.batch_size):
      yield slice(first, first + self.config.batch_size)

  def _predictions(
    self,
    ids: Sequence[str],
    questions: Sequence[str],
    rows: np.ndarray,
    best: answer_graph.Answers,
    passage_scores: bool,
  ) -> list[prediction_records.Prediction]:
    """Returns the best answer to each question, as a prediction.

    Args:
      ids: Of the questions.
      questions: Their texts.
      rows: See `best_answers`.
      best: One answer a question.
      passage_scores: See `best_answers`.
    """
    evidence = self.memory.look_up(best.row[:, 0]).replies()
    found = []
    for i, (id, question) in enumerate(zip(ids, questions, strict=True)):
      answer = answer_graph.Answers(*(part[i, 0] for part in best))
      prediction = prediction_records.Prediction(
        question,
        answer.answer.decode(),
        id=id,
        retrieved=self.retrievers.ids(rows[i]),
        probability=float(answer.probability),
      )
      if answer.valid:
        scores = float(answer.retriever_score), float(answer.reader_score)
        prediction = dataclasses.replace(
          prediction,
          passage_id=evidence[i].id,
          passage_title=evidence[i].title,
          passage_text=evidence[i].text,
          passage_metadata=evidence[i].metadata,
          span=(int(answer.byte_start), int(answer.byte_limit)),
          scores={
            "retriever": scores[0],
            "reader": scores[1],
            "total": sum(scores) if passage_scores else scores[1],
          },
        )
      found.append(prediction)
    return found


def _join(
  batches: Iterable[answer_graph.Answers], count: int
) -> answer_graph.Answers:
  """Returns the first `count` answers of all batches, as NumPy arrays."""
  arrays = [[part.numpy() for part in batch] for batch in batches]
  return answer_graph.Answers(
    *(np.concatenate(parts)[:count] for parts in zip(*arrays, strict=True))
  )


def _traced(function: Callable) -> Callable:
  """Returns the function as a graph, traced for sizes that differ at once."""
  return tf.function(function, autograph=False, reduce_retracing=True)


def read_run(
  model_dir: str,
) -> tuple[run_config.RunConfig, schema.OrqaConfig]:
  """Reads a run of `finetune`, and its settings.

  Raises:
    errors.UserError: If it is none.
  """
  run = run_config.read(model_dir)
  if not isinstance(run.config, schema.OrqaConfig):
    raise errors.UserError(
      f"model_dir={model_dir} is a run of {run.task}, which answers no "
      "questions: name a run of `finetune`."
    )
  if not run.config.train_reader:
    raise errors.UserError(
      f"model_dir={model_dir} has no reader (config.train_reader=false): give "
      "retrieval_only=True, or train a reader with finetune(init=...)."
    )
  return run, run.config
