"""What an evaluation is to do: the command's flags, checked."""

import dataclasses
import os
import re
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import errors
from realm_tf import files
from realm_tf.configs import run_config
from realm_tf.data import qa_datasets
from realm_tf.data import qa_splits
from realm_tf.evaluation import evaluate
from realm_tf.evaluation import retrievers as retrievers_lib
from realm_tf.evaluation import scoring

NONE = "none"  # the closed book
RETRIEVERS = (*retrievers_lib.RETRIEVERS, NONE)
FOLDER = "evaluation"
DEFAULT_RECALL_BEAM = max(scoring.RECALL_AT)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
  """What the flags say; what is empty or None was not given.

  Attributes:
    model_dir: The run that is asked; or
    predictions: JSONL of answers to score, ours or ORQA's.
    dataset: The questions, as `qa_splits.load` takes them.
    split: Which of them.
    data_dir: Where TFDS keeps what it prepared.
    manual_dir: Folder with a TFDS builder's sources.
    answer_type: Of a JSONL file that does not say; see `qa_datasets.load`.
    corpus: Folder of the corpus; by default the run's. Without it, what a
      file says of retrieval stays unjudged.
    retriever: Of `RETRIEVERS`, an evaluation for each; by default "dense".
    retrieval_only: Whether nothing is read: zero-shot recall.
    recall_beam: Passages a question that recall is measured on.
    reader_beam: Passages a question that are, or were, read.
    limit: How many of the questions are asked, from the first; 0 for all.
    output: Folder of what is written.
    seed: Of the intervals.
    tpu: See `devices.make_strategy`.
  """

  model_dir: str = ""
  predictions: str = ""
  dataset: str
  split: str = "test"
  data_dir: str | None = None
  manual_dir: str | None = None
  answer_type: str | None = None
  corpus: str = ""
  retriever: Sequence[str] = ()
  retrieval_only: bool = False
  recall_beam: int | None = None
  reader_beam: int | None = None
  limit: int = 0
  output: str = ""
  seed: int = 0
  tpu: str = ""

  @property
  def retrievers(self) -> tuple[str, ...]:
    """The retrievers to ask, each once."""
    return tuple(dict.fromkeys(self.retriever)) or (retrievers_lib.DENSE,)


def check(options: Options) -> None:
  """Sees that the flags go together.

  Raises:
    errors.UserError: If they do not.
  """
  if bool(options.model_dir) == bool(options.predictions):
    raise errors.UserError(
      "Give --model_dir, a run to ask, or --predictions, a file of answers to "
      "score: one of the two."
    )
  if options.predictions:
    for name in ("retriever", "retrieval_only", "recall_beam", "limit", "tpu"):
      if getattr(options, name):
        raise errors.UserError(
          f"--{name} goes with --model_dir: the answers of --predictions have "
          "been given already."
        )
    if options.reader_beam and not options.corpus:
      raise errors.UserError(
        "--reader_beam goes with --corpus, where the passages that were read "
        "are looked up: give both, or none."
      )
    return
  for name in options.retrievers:
    if name not in RETRIEVERS:
      raise errors.UserError(
        f"--retriever={name} must be of {', '.join(RETRIEVERS)}; several are "
        "separated by commas."
      )
  if options.retrieval_only and NONE in options.retrievers:
    raise errors.UserError(
      "--retriever=none retrieves nothing: leave it or --retrieval_only out."
    )
  if options.retrieval_only and options.reader_beam:
    raise errors.UserError(
      "--reader_beam counts passages that are read, and --retrieval_only reads "
      "none: leave one of them out."
    )
  if options.retrievers == (NONE,) and options.tpu:
    raise errors.UserError(
      "--tpu computes what is retrieved and read, and --retriever=none does "
      "neither: leave one of them out."
    )
  for name in ("recall_beam", "reader_beam"):
    if options.retrievers == (NONE,) and getattr(options, name):
      raise errors.UserError(
        f"--{name} counts passages, and --retriever=none finds none: leave one "
        "of them out."
      )


def load_questions(
  options: Options, run: run_config.RunConfig
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
        f"--dataset={options.dataset} is what {options.model_dir} was trained "
        "on: --split=dev asks what was held out, --split=train the rest."
      )
    train, dev = qa_splits.load_train_and_dev(
      run.dataset, run.dev_dataset, **where
    )
    dataset = dev if options.split == "dev" else train
  else:
    dataset = qa_splits.load(options.dataset, options.split, **where)
  if options.limit:
    return qa_splits.first(dataset, options.limit)
  return dataset


def folder(options: Options, run: run_config.RunConfig, retriever: str) -> str:
  """Returns where the files of one retriever's evaluation go.

  Args:
    options: The flags.
    run: The run that is asked.
    retriever: One of `options.retrievers`.

  Raises:
    errors.UserError: If --output is not given, and the folder holds what was
      found with other questions or another corpus of the same name.
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
      *(_departures(options, run) if retriever != NONE else []),
    ]
  )
  path = os.path.join(options.model_dir, FOLDER, name)
  _check_replaced(path, options, run)
  return path


def _departures(options: Options, run: run_config.RunConfig) -> list[str]:
  """Returns what is asked for otherwise than by default."""
  departures = []
  if options.corpus and not _is_same(options.corpus, run.corpus):
    departures.append(f"corpus_{_plain_name(options.corpus)}")
  for name, default in (
    ("recall_beam", DEFAULT_RECALL_BEAM),
    ("reader_beam", getattr(run.config, "reader_beam", None)),
  ):
    if getattr(options, name) not in (None, default):
      departures.append(f"{name}_{getattr(options, name)}")
  return departures


def _check_replaced(
  path: str, options: Options, run: run_config.RunConfig
) -> None:
  """Refuses to replace results that only share their folder's name."""
  file = os.path.join(path, evaluate.SUMMARY_NAME)
  if not tf.io.gfile.exists(file):
    return
  summary = files.read_json(file)
  wanted = {"dataset": options.dataset, "corpus": options.corpus or run.corpus}
  for name, value in wanted.items():
    if name in summary and not _is_same(summary[name], value):
      raise errors.UserError(
        f"{path} holds the evaluation of --{name}={summary[name]}: remove it, "
        "or name another folder by --output."
      )


def _is_same(path: str, other: str) -> bool:
  return os.path.realpath(path) == os.path.realpath(other)


def _was_trained_on(dataset: str, run: run_config.RunConfig) -> bool:
  """Whether a dataset is the one file that a run has learned from."""
  return (
    bool(run.dataset)
    and qa_splits.is_one_file(dataset)
    and _is_same(dataset, run.dataset)
  )


def _plain_name(dataset: str) -> str:
  """Returns a dataset's name as a part of a folder's."""
  name = os.path.basename(dataset.rstrip("/"))
  name = re.sub(r"(\.(jsonl|ndjson|json))?(\.(gz|bz2))?$", "", name)
  name = name.replace(".{split}", "").replace("{split}", "")
  return re.sub(r"[^\w.+-]+", "_", name).strip("._") or "questions"
