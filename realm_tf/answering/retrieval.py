"""A fine-tuned retriever over its corpus, without what reads."""

import functools

import tensorflow as tf

from realm_tf import devices
from realm_tf.answering import open_qa
from realm_tf.answering.retrievers import dense as dense_retrieval
from realm_tf.answering.retrievers import retriever_set
from realm_tf.checkpoints.formats import own_run
from realm_tf.data.corpus import corpora
from realm_tf.index.versions import run_index
from realm_tf.models import embedders


def load(
  model_dir: str,
  corpus: str,
  strategy: tf.distribute.Strategy,
  *,
  dense: bool = True,
) -> retriever_set.LoadedRetrievers:
  """Loads what finds passages for a fine-tuned run, and no texts.

  Args:
    model_dir: A run of `finetune`.
    corpus: Folder of the knowledge corpus; "" for the run's.
    strategy: Where to compute.
    dense: Whether the run's own retriever is asked, not BM25 alone.

  Raises:
    errors.UserError: If it is no such run, or corpus and index do not fit.
  """
  run, config = open_qa.read_run(model_dir)
  opened = corpora.Corpus.open(corpus or run.corpus)
  tokenizer = opened.tokenizer
  passages = opened.load_passages()
  if not dense:
    found = retriever_set.RetrieverSet(passages, tokenizer, None)
    return retriever_set.LoadedRetrievers(found, opened)
  version = run_index.open_index(run, opened, model_dir)
  path, _ = own_run.weights_path(model_dir)
  devices.set_precision(config.precision, on_cpu=devices.is_cpu(strategy))
  with strategy.scope():
    retriever = embedders.Retriever(
      config, config, tokenizer.vocab_size, tokenizer.sep_id
    )
    own_run.restore(path, retriever=retriever)
  embed = functools.partial(
    devices.run_once, strategy, retriever.query_embedder
  )
  retrieve = dense_retrieval.DenseRetriever(
    tf.function(embed, autograph=False, reduce_retracing=True),
    version.load_searcher().search,
    tokenizer,
    config.query_length,
    version.path,
  )
  found = retriever_set.RetrieverSet(passages, tokenizer, retrieve)
  return retriever_set.LoadedRetrievers(found, opened)
