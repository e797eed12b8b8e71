"""The inputs and the output folder of an evaluation."""

import os
import re

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.answering.retrievers import retriever_names
from realm_tf.data.questions import qa_datasets
from realm_tf.data.questions import qa_splits
from realm_tf.evaluation import evaluate
from realm_tf.evaluation import evaluation_options
from realm_tf.evaluation import scoring
from realm_tf.runs import run_config
from realm_tf.runs import run_folder

DEFAULT_RECALL_BEAM = max(scoring.RECALL_AT)


def load_questions(
  options: evaluation_options.Options, run: run_config.RunConfig
) -> qa_datasets.QaDataset:
  """Loads the questions.

  Of one file that the run was trained on, the split is the part that training
  held out, or the rest.

  Args:
    options: The flags.
    run: The run that is asked.

  Raises:
    errors.UserError: If there are no such questions, or if they were trained
      on and the split does not say so.
  """
  where = {
    "data_dir": options.data_dir,
    "manual_dir": options.manual_dir,
    "answer_type": options.answer_type,
  }
  if _was_trained_on(options.dataset, run):
    if options.split not in ("train", "dev"):
      raise errors.UserError(
        f"dataset={options.dataset} is what {options.model_dir} was trained "
        "on: split=dev asks what was held out, split=train the rest."
      )
    train, dev = qa_splits.load_train_and_dev(
      run.dataset, run.dev_dataset, **where
    )
    dataset = dev if options.split == "dev" else train
  else:
    dataset = qa_splits.load(
      options.dataset, options.split, **where, unanswered=True
    )
  if options.limit:
    return qa_splits.first(dataset, options.limit)
  return dataset


def folder(
  options: evaluation_options.Options, run: run_config.RunConfig, retriever: str
) -> str:
  """Returns the output folder of one retriever's evaluation.

  Args:
    options: The flags.
    run: The run that is asked.
    retriever: One of `options.retrievers`.

  Raises:
    errors.UserError: If `output` is not given, and the folder holds results of
      other questions or another corpus of the same name.
  """
  if options.output:
    several = len(options.retrievers) > 1
    return os.path.join(options.output, *([retriever] if several else []))
  name = "-".join(
    [
      _plain_name(options.dataset),
      options.split,
      *([f"first{options.limit}"] if options.limit else []),
      retriever,
      *(["retrieval_only"] if options.retrieval_only else []),
      *(
        _departures(options, run, retriever)
        if retriever != evaluation_options.NONE
        else []
      ),
    ]
  )
  path = os.path.join(run_folder.RunFolder(options.model_dir).evaluation, name)
  _check_replaced(path, options, run)
  return path


def _departures(
  options: evaluation_options.Options,
  run: run_config.RunConfig,
  retriever: str,
) -> list[str]:
  """Returns the options that are not at their defaults, as parts of a name."""
  departures = []
  if options.corpus and not _is_same(options.corpus, run.corpus):
    departures.append(f"corpus_{_plain_name(options.corpus)}")
  if retriever == retriever_names.HYBRID:
    if options.hybrid_method not in (None, retriever_names.CONVEX):
      departures.append(options.hybrid_method)
    if options.hybrid_weight is not None:
      departures.append(f"weight_{options.hybrid_weight:g}")
  for name, default in (
    ("recall_beam", DEFAULT_RECALL_BEAM),
    ("reader_beam", getattr(run.config, "reader_beam", None)),
  ):
    if getattr(options, name) not in (None, default):
      departures.append(f"{name}_{getattr(options, name)}")
  return departures


def _check_replaced(
  path: str, options: evaluation_options.Options, run: run_config.RunConfig
) -> None:
  """Refuses to replace the results of other questions or another corpus."""
  file = os.path.join(path, evaluate.SUMMARY_NAME)
  if not tf.io.gfile.exists(file):
    return
  summary = files.read_json(file)
  wanted = {"dataset": options.dataset, "corpus": options.corpus or run.corpus}
  for name, value in wanted.items():
    if name in summary and not _is_same(summary[name], value):
      raise errors.UserError(
        f"{path} holds the evaluation of {name}={summary[name]}: remove it, "
        "or name another folder by `output`."
      )


def _is_same(path: str, other: str) -> bool:
  return os.path.realpath(path) == os.path.realpath(other)


def _was_trained_on(dataset: str, run: run_config.RunConfig) -> bool:
  """Whether a dataset is the only file that a run was trained on."""
  return (
    bool(run.dataset)
    and qa_splits.is_one_file(dataset)
    and _is_same(dataset, run.dataset)
  )


def _plain_name(dataset: str) -> str:
  """Returns a dataset's name as a part of a folder's."""
  name = os.path.basename(dataset.rstrip("/"))
  name = re.sub(r"(\.(jsonl|ndjson|json|csv|txt))?(\.(gz|bz2))?$", "", name)
  name = name.replace(".{split}", "").replace("{split}", "")
  return re.sub(r"[^\w.+-]+", "_", name).strip("._") or "questions"
