"""Which passages fine-tuning finds for a question: `config.retriever`."""

import tensorflow as tf

from realm_tf.answering import open_qa
from realm_tf.answering.retrievers import hybrid_searcher
from realm_tf.answering.retrievers import hybrid_settings
from realm_tf.answering.retrievers import retriever_names
from realm_tf.configs import schema
from realm_tf.data.examples import candidates


def make(
  config: schema.OrqaConfig,
  knowledge: open_qa.Knowledge,
  search: candidates.SearchFunction,
  embeddings: tf.Tensor | None,
) -> candidates.QuestionSearch:
  """Returns the search over an index version.

  Args:
    config: The settings.
    knowledge: The corpus.
    search: By embeddings, in the index.
    embeddings: <floating>[N, D]. Of the index; for the hybrid retriever alone.
  """
  if config.retriever != retriever_names.HYBRID:
    return lambda token_ids, vectors, k: search(vectors, k)
  hybrid = hybrid_searcher.HybridSearcher(
    search, embeddings, knowledge.bm25.searcher
  )
  settings = hybrid_settings.HybridSettings(weight=config.hybrid_weight)
  return lambda token_ids, vectors, k: hybrid.search(
    token_ids, vectors, k, settings
  )
