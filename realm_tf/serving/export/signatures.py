"""The signatures of an exported run, each a graph over its variables.

docs/serving.md describes them for clients.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from realm_tf.answering import answer_graph
from realm_tf.answering import fill_mask
from realm_tf.answering import mask_filling
from realm_tf.answering import open_qa
from realm_tf.answering import passage_memory
from realm_tf.configs import schema
from realm_tf.data.examples import packing
from realm_tf.export import variables
from realm_tf.models import embedders
from realm_tf.serving.export import export_retrievers
from realm_tf.text import wordpiece

Outputs = dict[str, tf.Tensor]


class ServedModel(tf.Module):
  """A run as a SavedModel holds it; its signatures are attributes too."""

  def __init__(
    self,
    memory: passage_memory.PassageMemory,
    retriever: export_retrievers.ServedRetriever,
    towers: embedders.TwoTowers | None,
    config: schema.RealmConfig | schema.OrqaConfig,
    tokenizer: wordpiece.Tokenizer,
    *,
    num_passages: int,
    with_texts: bool,
  ):
    """Takes the parts that all runs have; adds the retriever's signatures.

    Args:
      memory: The corpus, in variables.
      retriever: Finds passages for `retrieve`.
      towers: The run's own retriever; None if it has none.
      config: Lengths of queries and passages.
      tokenizer: Of the corpus.
      num_passages: That `retrieve` returns.
      with_texts: Whether titles, bodies and metadata of passages are returned,
        beside their ids.
    """
    super().__init__(name="served_model")
    self.memory = memory
    self.retriever = retriever
    self._with_texts = with_texts
    self.default = ""
    self._names: tuple[str, ...] = ()
    if towers is None:
      self._add_retrieve(lambda question: None, retriever, num_passages)
    else:
      self._add_towers(towers, config, tokenizer, retriever, num_passages)

  def _add_towers(
    self,
    towers: embedders.TwoTowers,
    config: schema.RealmConfig | schema.OrqaConfig,
    tokenizer: wordpiece.Tokenizer,
    retriever: export_retrievers.ServedRetriever,
    num_passages: int,
  ) -> None:
    """Adds the signatures of a run with a retriever; see `__init__`."""
    self.towers = variables.without_layers(towers)

    def embed_query(text: tf.Tensor) -> Outputs:
      token_ids = packing.pack_queries(
        tokenizer.tokenize(text), config.query_length, tokenizer
      )
      return {"embedding": towers.query_embedder(token_ids, training=False)}

    query_embedder = _signature(embed_query, "text")

    def embed_passage(title: tf.Tensor, text: tf.Tensor) -> Outputs:
      token_ids = packing.passage_inputs(
        tokenizer.tokenize(title),
        tokenizer.tokenize(text),
        config.passage_length,
        tokenizer,
      )
      embedding = towers.passage_embedder(token_ids, training=False)
      return {"embedding": embedding}

    self._add_retrieve(
      lambda question: query_embedder(question)["embedding"],
      retriever,
      num_passages,
    )
    self.add("embed_query", query_embedder)
    self.add("embed_passage", _signature(embed_passage, "title", "text"))

  def _add_retrieve(
    self,
    embed: Callable[[tf.Tensor], tf.Tensor | None],
    retriever: export_retrievers.ServedRetriever,
    num_passages: int,
  ) -> None:
    """Adds the signature `retrieve`.

    Args:
      embed: From questions <string>[batch] to their embeddings, if there are.
      retriever: Finds passages.
      num_passages: How many.
    """

    def retrieve(question: tf.Tensor) -> Outputs:
      scores, rows, valid = retriever.search(
        question, embed(question), num_passages
      )
      rows = tf.where(valid, rows, -1)
      scores = tf.where(valid, scores, 0.0)
      return self.evidence(rows) | {"score": scores}

    self.add("retrieve", _signature(retrieve, "question"))

  def add(
    self, name: str, signature: Callable[..., Outputs], *, default: bool = False
  ) -> None:
    """Adds a signature.

    Args:
      name: Of the signature.
      signature: A `tf.function` with an input signature.
      default: Whether it answers requests that name no signature.
    """
    setattr(self, name, signature)
    self._names = (*self._names, name)
    if default:
      self.default = name

  def trace(self) -> None:
    """Traces each signature once, over the variables that the model has now.

    Else it would be traced when it is saved, and again when it is called. From
    here on the signatures are concrete functions, without `input_signature`.
    """
    for name in self._names:
      setattr(self, name, getattr(self, name).get_concrete_function())

  @property
  def signatures(self) -> dict[str, Any]:
    """The signatures by name, as `tf.saved_model.save` takes them."""
    found = {name: getattr(self, name) for name in self._names}
    key = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    return found | {key: found[self.default]}

  def evidence(self, rows: tf.Tensor) -> Outputs:
    """Returns the outputs on passages; empty strings for row -1.

    Args:
      rows: <int32>[...].
    """
    told = self.memory.read_texts(rows).outputs()
    if self._with_texts:
      return told
    return {"passage_id": told["passage_id"]}


def of_open_qa(
  run: open_qa.OpenQA,
  memory: passage_memory.PassageMemory,
  retriever: export_retrievers.ServedRetriever,
  *,
  count: int,
  threshold: float,
  with_texts: bool,
) -> ServedModel:
  """Returns a fine-tuned run for export.

  Args:
    run: The run, on the CPU.
    memory: Its corpus, in variables.
    retriever: Finds passages.
    count: Answers a question, and passages that `retrieve` returns.
    threshold: Probability below which the model abstains.
    with_texts: Whether titles, bodies and metadata of passages are returned,
      beside their ids.
  """
  tokenizer, config = run.corpus.tokenizer, run.config
  served = ServedModel(
    memory,
    retriever,
    run.model.retriever,
    config,
    tokenizer,
    num_passages=count,
    with_texts=with_texts,
  )
  served.reader = variables.without_layers(run.model.reader)
  graph = answer_graph.AnswerGraph(
    run.model,
    config,
    memory,
    tokenizer,
    retriever.search,
    passage_scores=retriever.scores_passages,
  )

  def answer_with_threshold(
    question: tf.Tensor, threshold: tf.Tensor
  ) -> Outputs:
    _, best = graph.answer(question, config.reader_beam, count)
    return best.outputs(threshold) | served.evidence(best.row)

  # One graph for both: tracing it takes seconds.
  answerer = _signature(answer_with_threshold, "question", threshold=tf.float32)

  def answer(question: tf.Tensor) -> Outputs:
    return answerer(question, tf.fill(tf.shape(question), threshold))

  served.add("answer", _signature(answer, "question"), default=True)
  served.add("answer_with_threshold", answerer)
  return served


def of_mask_filling(
  run: mask_filling.MaskFilling,
  memory: passage_memory.PassageMemory,
  searcher: tf.Module,
  *,
  count: int,
  with_texts: bool,
) -> ServedModel:
  """Returns a pre-trained run for export.

  Args:
    run: The run, on the CPU.
    memory: Its corpus, in variables.
    searcher: Of its embeddings.
    count: Tokens a mask, and passages that `retrieve` returns.
    with_texts: Whether titles, bodies and metadata of passages are returned,
      beside their ids.
  """
  tokenizer, config = run.corpus.tokenizer, run.config
  served = ServedModel(
    memory,
    export_retrievers.ServedDense(searcher, config.score_scale),
    run.retriever,
    config,
    tokenizer,
    num_passages=count,
    with_texts=with_texts,
  )
  served.reader = variables.without_layers(run.reader)
  graph = fill_mask.FillMaskGraph(
    run.reader,
    run.retriever.query_embedder,
    run.retriever.passage_embedder,
    config,
    memory,
    tokenizer,
    searcher.search,
  )

  def fill(text: tf.Tensor) -> Outputs:
    filled = graph.fill(text, count)
    return filled.outputs() | served.evidence(filled.row)

  served.add("fill_mask", _signature(fill, "text"), default=True)
  return served


def _signature(
  function: Callable[..., Outputs],
  *strings: str,
  **others: tf.DType,
) -> Callable[..., Outputs]:
  """Returns a function of inputs [batch] as a graph.

  Args:
    function: Takes them in this order.
    *strings: Names of the strings.
    **others: Types of the others, by name.
  """
  dtypes = dict.fromkeys(strings, tf.string) | others
  return tf.function(
    function,
    input_signature=[
      tf.TensorSpec([None], dtype, name) for name, dtype in dtypes.items()
    ],
    autograph=False,
  )
