"""A pre-trained retriever over its corpus, before any fine-tuning."""

from realm_tf import errors
from realm_tf.answering.retrievers import dense as dense_retrieval
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


def load(
  model_dir: str, corpus: str = "", *, dense: bool = True
) -> retriever_set.LoadedRetrievers:
  """Loads a pre-trained retriever.

  Questions are embedded by the tower of the step that made the index. Where a
  run has no index of its weights, as one of `pretrain_ict`, its corpus is
  embedded first, into the run's folder.

  Args:
    model_dir: A run of `pretrain` or `pretrain_ict`.
    corpus: Folder of the knowledge corpus; by default the run's.
    dense: Whether the run's own retriever is asked, not BM25 alone.

  Raises:
    errors.UserError: If it is no such run, or corpus and index do not fit.
  """
  run = run_config.read(model_dir)
  config = run.config
  if not isinstance(config, schema.CorpusConfig):
    raise errors.UserError(
      f"model_dir={model_dir} is a run of {run.task}, which has no corpus: "
      "name a run of `pretrain`, `pretrain_ict` or `finetune`."
    )
  opened = corpora.Corpus.open(corpus or run.corpus)
  passages = opened.load_passages()
  if not dense:
    found = retriever_set.RetrieverSet(passages, opened.tokenizer, None)
    return retriever_set.LoadedRetrievers(found, opened)
  step = corpus_index.newest(model_dir)
  if step is None:
    step = _build_index(model_dir, run, config, opened)
  with run_index.loading_own(model_dir, step, opened) as version:
    retrieve = dense_retrieval.DenseRetriever(
      embedder_export.QueryEmbedder(exports.find(model_dir, step).path),
      version.load_searcher().search,
      opened.tokenizer,
      config.query_length,
      version.path,
    )
  found = retriever_set.RetrieverSet(passages, opened.tokenizer, retrieve)
  return retriever_set.LoadedRetrievers(found, opened)


def _build_index(
  model_dir: str,
  run: run_config.RunConfig,
  config: schema.CorpusConfig,
  corpus: corpora.Corpus,
) -> int:
  """Embeds the corpus with a run's best or newest weights, of that step."""
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
  retriever = embedders.Retriever(
    config, config, corpus.tokenizer.vocab_size, corpus.tokenizer.sep_id
  )
  own_run.restore(path, retriever=retriever)
  corpus_index.build(model_dir, retriever, config, step, corpus.num_passages)
  return step
