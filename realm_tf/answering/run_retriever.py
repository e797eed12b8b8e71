"""The retriever of a run over its corpus, without the reader."""

import functools
from collections.abc import Sequence
from typing import Self

import numpy as np
import tensorflow as tf

from realm_tf import devices
from realm_tf import errors
from realm_tf.answering import replies
from realm_tf.answering.retrievers import dense as dense_retrieval
from realm_tf.answering.retrievers import retriever_names
from realm_tf.answering.retrievers import retriever_set
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.export import embedder_export
from realm_tf.index.job import corpus_index
from realm_tf.index.versions import run_index
from realm_tf.models import embedders
from realm_tf.runs import exports
from realm_tf.runs import run_config


class Retriever:
  """Retrieves passages of a run's corpus.

  Example:
    retriever = Retriever.from_run("runs/demo/realm")
    [hits] = retriever.search(["who wrote hamlet"], k=5)
    hits[0].passage.title, hits[0].score

  Attributes:
    corpus: The corpus of the passages.
    retrievers: By name: the run's own, "dense", and "bm25".
  """

  def __init__(
    self, corpus: corpora.Corpus, dense: dense_retrieval.DenseRetriever | None
  ):
    """Takes the parts; see `from_run`."""
    self.corpus = corpus
    self._dense = dense
    self.retrievers = retriever_set.RetrieverSet(
      corpus.load_passages(), corpus.tokenizer, dense
    )

  @classmethod
  def from_run(
    cls,
    model_dir: str,
    *,
    corpus: str = "",
    strategy: tf.distribute.Strategy | None = None,
    dense: bool = True,
  ) -> Self:
    """Loads the retriever of a run, and no texts.

    A fine-tuned run gives its best query tower, other runs the tower that made
    their newest index. If a run has no index of its weights, such as a run of
    `pretrain_ict`, its corpus is embedded first, into the run's folder.

    Args:
      model_dir: A run of `finetune`, `pretrain` or `pretrain_ict`.
      corpus: Folder of the knowledge corpus; by default the run's.
      strategy: Where a fine-tuned run computes; by default the GPUs there are,
        else the CPU.
      dense: Whether to load the run's own retriever; else BM25 alone.

    Raises:
      errors.UserError: If it is not such a run, or corpus and index do not fit.
    """
    run = run_config.read(model_dir)
    if not isinstance(run.config, schema.CorpusConfig):
      raise errors.UserError(
        f"model_dir={model_dir} is a run of {run.task}, which has no corpus: "
        "name a run of `pretrain`, `pretrain_ict` or `finetune`."
      )
    opened = corpora.Corpus.open(corpus or run.corpus)
    if not dense:
      return cls(opened, None)
    if isinstance(run.config, schema.OrqaConfig):
      strategy = strategy or devices.make_strategy("")
      return cls(
        opened, _of_tuned(model_dir, run, run.config, opened, strategy)
      )
    return cls(opened, _of_pretrained(model_dir, run, run.config, opened))

  def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
    """Returns the embeddings of queries, <float32>[texts, D]."""
    _check_several(texts)
    if self._dense is None:
      raise errors.UserError("Queries are embedded with dense=True alone.")
    return self._dense.embed(texts)

  def search(
    self,
    texts: Sequence[str],
    k: int = 5,
    *,
    retriever: str = retriever_names.DENSE,
  ) -> list[list[replies.Retrieved]]:
    """Retrieves the best passages of each query, best first.

    Args:
      texts: Queries.
      k: Passages a query; fewer where the corpus has no more.
      retriever: One of `retriever_names.RETRIEVERS`.

    Raises:
      errors.UserError: If the retriever is unknown.
    """
    _check_several(texts)
    rows, scores = self.retrievers.retrieve(texts, k, retriever)
    unique, places = np.unique(rows[rows >= 0], return_inverse=True)
    ids = self.retrievers.ids(unique)
    passages = [
      replies.Passage(*fields)
      for fields in zip(ids, *self.corpus.read_texts(unique), strict=True)
    ]
    found = iter([passages[place] for place in places])
    return [
      [
        replies.Retrieved(next(found), float(score))
        for row, score in zip(*pair, strict=True)
        if row >= 0
      ]
      for pair in zip(rows, scores, strict=True)
    ]


def _check_several(texts: Sequence[str]) -> None:
  """Refuses one text, which is a sequence of letters."""
  if isinstance(texts, str):
    raise TypeError("`texts` must be a list of str, not one str")


def _of_tuned(
  model_dir: str,
  run: run_config.RunConfig,
  config: schema.OrqaConfig,
  corpus: corpora.Corpus,
  strategy: tf.distribute.Strategy,
) -> dense_retrieval.DenseRetriever:
  """Loads the retriever of a fine-tuned run."""
  tokenizer = corpus.tokenizer
  version = run_index.open_index(run, corpus, model_dir)
  path, _ = own_run.weights_path(model_dir)
  devices.set_precision(config.precision, on_cpu=devices.is_cpu(strategy))
  with strategy.scope():
    towers = embedders.TwoTowers(
      config, config, tokenizer.vocab_size, tokenizer.sep_id
    )
    own_run.restore(path, retriever=towers)
  embed = functools.partial(devices.run_once, strategy, towers.query_embedder)
  return dense_retrieval.DenseRetriever(
    tf.function(embed, autograph=False, reduce_retracing=True),
    version.load_searcher().search,
    tokenizer,
    config.query_length,
    version.path,
  )


def _of_pretrained(
  model_dir: str,
  run: run_config.RunConfig,
  config: schema.CorpusConfig,
  corpus: corpora.Corpus,
) -> dense_retrieval.DenseRetriever:
  """Loads the retriever of a pre-trained run, at the step of its index."""
  step = corpus_index.newest(model_dir)
  if step is None:
    step = _build_index(model_dir, run, config, corpus)
  with run_index.loading_own(model_dir, step, corpus) as version:
    return dense_retrieval.DenseRetriever(
      embedder_export.QueryEmbedder(exports.find(model_dir, step).path),
      version.load_searcher().search,
      corpus.tokenizer,
      config.query_length,
      version.path,
    )


def _build_index(
  model_dir: str,
  run: run_config.RunConfig,
  config: schema.CorpusConfig,
  corpus: corpora.Corpus,
) -> int:
  """Embeds the corpus with a run's best or newest weights."""
  path, step = own_run.weights_path(model_dir)
  if not (
    isinstance(config, schema.RetrievalConfig)
    and "retriever" in own_run.roles(path)
  ):
    raise errors.UserError(
      f"model_dir={model_dir} is a run of {run.task}, which trains no "
      "retriever: name a run of `pretrain`, `pretrain_ict` or `finetune`, or "
      "take retriever=bm25."
    )
  if corpus.fingerprint != run.corpus_fingerprint:
    raise errors.UserError(
      f"corpus={corpus.path} is not the corpus of {model_dir}, which was "
      f"started with {run.corpus}: their fingerprints differ."
    )
  towers = embedders.TwoTowers(
    config, config, corpus.tokenizer.vocab_size, corpus.tokenizer.sep_id
  )
  own_run.restore(path, retriever=towers)
  corpus_index.build(model_dir, towers, config, step, corpus.num_passages)
  return step
