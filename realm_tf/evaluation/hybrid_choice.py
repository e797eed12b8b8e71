"""Chooses the weight of the hybrid retriever on dev questions."""

import dataclasses
import logging
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf.answering.retrievers import hybrid
from realm_tf.answering.retrievers import hybrid_searcher
from realm_tf.answering.retrievers import hybrid_settings
from realm_tf.answering.retrievers import retriever_names
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.questions import qa_datasets
from realm_tf.data.questions import qa_splits
from realm_tf.evaluation import evaluation_options
from realm_tf.evaluation import reader_view
from realm_tf.evaluation import recall
from realm_tf.runs import run_config

_log = logging.getLogger(__name__)

_WEIGHTS = [step / 10 for step in range(11)]
# What is best on average over these numbers of passages is chosen.
_RECALL_AT = (1, 5, 20)
# More questions would hardly change what is chosen.
_MOST_QUESTIONS = 2000


def settle(
  retriever: hybrid.Hybrid,
  options: evaluation_options.Options,
  run: run_config.RunConfig,
  corpus: corpora.Corpus,
) -> None:
  """Sets how a run's hybrid retriever joins scores, for an evaluation.

  By the weight that is given; else by the one that the run holds for this
  corpus and these weights; else by one that is chosen on dev questions, and
  recorded.

  Args:
    retriever: The retriever.
    options: The flags.
    run: The run.
    corpus: The corpus that is searched.

  Raises:
    errors.UserError: If the dev questions cannot be loaded, or what the run
      holds is damaged.
  """
  known = hybrid_settings.read(options.model_dir, run, corpus.fingerprint)
  method = options.hybrid_method or retriever.settings.method
  if options.hybrid_weight is not None:
    retriever.use(
      hybrid_settings.HybridSettings(
        weight=options.hybrid_weight, method=method, source="as given"
      )
    )
    return
  fits = known is not None and (known.step, known.settings.method) == (
    retriever.step,
    method,
  )
  if fits and not options.hybrid_dev:
    return
  dev = _load_dev(options, run)
  if dev is None:
    retriever.use(dataclasses.replace(retriever.settings, method=method))
    _log.warning(
      f"retriever=hybrid: {retriever.settings}. Name dev questions by "
      "`hybrid_dev` to choose the weight on them."
    )
    return
  _log.info(f"Choosing the weight of retriever=hybrid on {dev.describe()} ...")
  choice = choose(retriever, dev, run.config, corpus, method)
  hybrid_settings.write(options.model_dir, corpus.fingerprint, choice)
  retriever.use(choice.settings)


def choose(
  retriever: hybrid.Hybrid,
  dev: qa_datasets.QaDataset,
  config: schema.ModelConfig,
  corpus: corpora.Corpus,
  method: str = retriever_names.CONVEX,
) -> hybrid_settings.Choice:
  """Returns the weight with the best mean of recall@1, @5 and @20.

  Of several that are as good, the one nearest to 0.5.

  Args:
    retriever: The retriever.
    dev: The questions; the first thousands are asked.
    config: Of the run, whose lengths cut what a reader sees of a passage.
    corpus: The corpus that is searched.
    method: How scores are joined.
  """
  questions = dev.examples[:_MOST_QUESTIONS]
  parts = retriever.candidates([example.question for example in questions])
  found = hybrid_searcher.Candidates(
    *(tf.concat(part, axis=0) for part in zip(*parts, strict=True))
  )
  view = None
  if isinstance(config, schema.CorpusConfig):
    view = reader_view.ReaderView(corpus.tokenizer, config)
  judge = recall.Judge(questions, corpus.read_texts, view)
  hits = judge.hits(tf.where(found.valid, found.rows, -1).numpy())
  means = {}
  for weight in _WEIGHTS:
    settings = hybrid_settings.HybridSettings(weight=weight, method=method)
    _, best = tf.math.top_k(
      hybrid_searcher.join(found, settings), max(_RECALL_AT)
    )
    ranked = np.take_along_axis(hits, best.numpy(), axis=1)
    means[weight] = float(
      np.mean([ranked[:, :k].any(axis=1).mean() for k in _RECALL_AT])
    )
  chosen = max(means, key=lambda weight: (means[weight], -abs(weight - 0.5)))
  _log.info(
    "  mean of "
    + ", ".join(f"recall@{k}" for k in _RECALL_AT)
    + " by weight of dense: "
    + ", ".join(f"{w:g}: {100 * mean:.1f}" for w, mean in means.items())
  )
  return hybrid_settings.Choice(
    settings=hybrid_settings.HybridSettings(
      weight=chosen,
      method=method,
      source=f"chosen on {len(questions):,} questions of {_name(dev)}",
    ),
    step=retriever.step,
    recall=means,
  )


def _load_dev(
  options: evaluation_options.Options, run: run_config.RunConfig
) -> qa_datasets.QaDataset | None:
  """Loads the questions to choose on; None if no dev questions are known.

  Those that are named, else the run's, else those of the dataset that is asked.
  """
  where: dict[str, Any] = {
    "data_dir": options.data_dir,
    "manual_dir": options.manual_dir,
  }
  try:
    if options.hybrid_dev:
      return qa_splits.load(options.hybrid_dev, "dev", **where)
    if run.dataset:
      _, dev = qa_splits.load_train_and_dev(
        run.dataset, run.dev_dataset, **where
      )
      return dev
    if qa_splits.has_split(options.dataset, "dev"):
      where["answer_type"] = options.answer_type
      return qa_splits.load(options.dataset, "dev", **where)
  except errors.UserError as e:
    raise errors.UserError(
      f"The weight of retriever=hybrid is chosen on dev questions: {e} Name "
      "other questions by `hybrid_dev`, or give `hybrid_weight`."
    ) from e
  return None


def _name(dataset: qa_datasets.QaDataset) -> str:
  """Returns a dataset's name, and its split."""
  return f"{dataset.name} {dataset.split}" if dataset.split else dataset.name
