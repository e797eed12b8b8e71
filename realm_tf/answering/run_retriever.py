"""The retriever of a run over its corpus, without the reader."""

import functools
from collections.abc import Sequence
from typing import NamedTuple
from typing import Self

import numpy as np
import tensorflow as tf

from realm_tf import devices
from realm_tf import errors
from realm_tf.answering import replies
from realm_tf.answering.retrievers import dense as dense_retrieval
from realm_tf.answering.retrievers import hybrid_settings
from realm_tf.answering.retrievers import retriever_names
from realm_tf.answering.retrievers import retriever_set
from realm_tf.checkpoints import fitting
from realm_tf.checkpoints.formats import own_run
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_metadata
from realm_tf.export import embedder_export
from realm_tf.index.job import corpus_index
from realm_tf.index.versions import run_index
from realm_tf.models import embedders
from realm_tf.models import prompts
from realm_tf.runs import exports
from realm_tf.runs import run_config


class _Dense(NamedTuple):
  """A run's own retriever.

  Attributes:
    retriever: The retriever.
    embeddings: <floating>[n, D] of each shard; those on a local disk are mapped
      into memory, not read.
  """

  retriever: dense_retrieval.DenseRetriever
  embeddings: list[np.ndarray]


class Retriever:
  """Retrieves passages of a run's corpus.

  Example:
    retriever = Retriever.from_run("runs/demo/realm")
    [hits] = retriever.search(["who wrote hamlet"], k=5)
    hits[0].passage.title, hits[0].score

  Attributes:
    corpus: The corpus of the passages.
    retrievers: By name: the run's own, "dense", then "bm25" and "hybrid".
  """

  def __init__(
    self,
    corpus: corpora.Corpus,
    dense: _Dense | None,
    hybrid: hybrid_settings.HybridSettings | None = None,
  ):
    """Takes the parts; see `from_run`."""
    self.corpus = corpus
    self._dense = dense.retriever if dense else None
    self.retrievers = retriever_set.RetrieverSet(
      corpus.load_passages(),
      corpus.tokenizer,
      self._dense,
      (lambda: np.concatenate(dense.embeddings)) if dense else None,
      hybrid,
    )

  @classmethod
  def from_run(
    cls,
    model_dir: str,
    *,
    corpus: str = "",
    strategy: tf.distribute.Strategy | None = None,
    dense: bool = True,
    hybrid_weight: float | None = None,
  ) -> Self:
    """Loads the retriever of a run, and no texts.

    A fine-tuned run gives its best query tower, other runs the tower that made
    their newest index. If a run has no index of its weights, such as a run of
    `pretrain_ict` or an imported encoder, the corpus is embedded first, into
    the run's folder.

    Args:
      model_dir: A run of `finetune`, `pretrain` or `pretrain_ict`, or an
        imported sentence encoder.
      corpus: Folder of the knowledge corpus; by default the run's. An imported
        encoder takes any of its vocabulary.
      strategy: Where a fine-tuned run computes; by default the GPUs there are,
        else the CPU.
      dense: Whether to load the run's own retriever; else BM25 alone.
      hybrid_weight: Of the dense scores where retriever="hybrid"; None for what
        was chosen by `evaluate`, else 0.5.

    Raises:
      errors.UserError: If it is not such a run, or corpus and index do not fit.
    """
    run = run_config.read(model_dir)
    if not isinstance(run.config, schema.CorpusConfig):
      raise errors.UserError(
        f"model_dir={model_dir} is a run of {run.task}, which has no corpus: "
        "name a run of `pretrain`, `pretrain_ict` or `finetune`."
      )
    opened = fitting.open_corpus(corpus, model_dir, run)
    if not dense:
      return cls(opened, None)
    hybrid = hybrid_settings.of_run(
      model_dir, run, opened.fingerprint, hybrid_weight
    )
    if isinstance(run.config, schema.OrqaConfig):
      strategy = strategy or devices.make_strategy("")
      own = _of_tuned(model_dir, run, run.config, opened, strategy)
    else:
      own = _of_pretrained(model_dir, run, run.config, opened)
    return cls(opened, own, hybrid)

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
    passages = self.read_passages(unique)
    found = iter([passages[place] for place in places])
    return [
      [
        replies.Retrieved(next(found), float(score))
        for row, score in zip(*pair, strict=True)
        if row >= 0
      ]
      for pair in zip(rows, scores, strict=True)
    ]

  def read_passages(self, rows: np.ndarray) -> list[replies.Passage]:
    """Reads passages from the corpus's files.

    Args:
      rows: <int>[n]. Rows of the corpus.
    """
    ids = self.retrievers.ids(rows)
    columns = self.corpus.read_passages(rows)
    return [
      replies.Passage(
        passage_id, title, body, passage_metadata.decode(metadata)
      )
      for passage_id, title, body, metadata in zip(ids, *columns, strict=True)
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
) -> _Dense:
  """Loads the retriever of a fine-tuned run."""
  tokenizer = corpus.tokenizer
  version = run_index.open_index(run, corpus, model_dir)
  path, step = own_run.weights_path(model_dir)
  precision = devices.answering_precision(config.precision, strategy)
  devices.set_precision(precision, on_cpu=False)
  with strategy.scope():
    towers = embedders.TwoTowers(
      config,
      config,
      tokenizer.vocab_size,
      tokenizer.sep_id,
      prompts.of(config, tokenizer),
    )
    own_run.restore(path, retriever=towers)
  embed = functools.partial(devices.run_once, strategy, towers.query_embedder)
  return _Dense(
    dense_retrieval.DenseRetriever(
      tf.function(embed, autograph=False, reduce_retracing=True),
      version.load_searcher().search,
      tokenizer,
      config.query_length,
      version.path,
      step,
    ),
    version.load_embeddings(),
  )


def _of_pretrained(
  model_dir: str,
  run: run_config.RunConfig,
  config: schema.CorpusConfig,
  corpus: corpora.Corpus,
) -> _Dense:
  """Loads the retriever of a pre-trained run, at the step of its index."""
  step = corpus_index.newest(model_dir, corpus.fingerprint)
  if step is None:
    step = _build_index(model_dir, run, config, corpus)
  with run_index.loading_own(model_dir, step, corpus) as version:
    return _Dense(
      dense_retrieval.DenseRetriever(
        embedder_export.QueryEmbedder(exports.find(model_dir, step).path),
        version.load_searcher().search,
        corpus.tokenizer,
        config.query_length,
        version.path,
        step,
      ),
      version.load_embeddings(),
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
  if not run.is_imported and corpus.fingerprint != run.corpus_fingerprint:
    raise errors.UserError(
      f"corpus={corpus.path} is not the corpus of {model_dir}, which was "
      f"started with {run.corpus}: their fingerprints differ."
    )
  towers = embedders.TwoTowers(
    config,
    config,
    corpus.tokenizer.vocab_size,
    corpus.tokenizer.sep_id,
    prompts.of(config, corpus.tokenizer),
  )
  own_run.restore(path, retriever=towers)
  corpus_index.build(model_dir, towers, config, step, corpus)
  return step
