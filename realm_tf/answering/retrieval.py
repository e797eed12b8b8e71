"""A fine-tuned retriever over its corpus, without what reads."""

import functools

import tensorflow as tf

from realm_tf import devices
from realm_tf.answering import open_qa
from realm_tf.checkpoints import own_run
from realm_tf.data import corpus as corpus_lib
from realm_tf.evaluation import recall
from realm_tf.evaluation import retrievers as retrievers_lib
from realm_tf.index import run_index
from realm_tf.models import embedder as embedder_lib


def load(
  model_dir: str,
  corpus: str,
  strategy: tf.distribute.Strategy,
  *,
  dense: bool = True,
) -> retrievers_lib.LoadedRetrievers:
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
  opened = corpus_lib.Corpus.open(corpus or run.corpus)
  tokenizer = opened.tokenizer
  passages = opened.load_passages()
  if not dense:
    found = retrievers_lib.Retrievers(passages, tokenizer, None)
    return retrievers_lib.LoadedRetrievers(found, opened, "")
  version = run_index.open_index(run, opened, model_dir)
  path, _ = own_run.weights_path(model_dir)
  devices.set_precision(config.precision, on_cpu=devices.is_cpu(strategy))
  with strategy.scope():
    retriever = embedder_lib.Retriever(
      config, tokenizer.vocab_size, tokenizer.sep_id
    )
    own_run.restore(path, retriever=retriever)
  embed = functools.partial(
    devices.run_once, strategy, retriever.query_embedder
  )
  retrieve = recall.dense_retriever(
    tf.function(embed, autograph=False, reduce_retracing=True),
    version.load_searcher().search,
    tokenizer,
    config.query_length,
  )
  found = retrievers_lib.Retrievers(passages, tokenizer, retrieve)
  return retrievers_lib.LoadedRetrievers(found, opened, version.path)
