"""Loads the questions of a training or an evaluation."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from realm_tf import encyclopedia
from realm_tf import errors
from realm_tf.data.ingest import sources
from realm_tf.data.questions import qa_datasets

_SPLIT_FIELD = "{split}"


def load(
  dataset: str,
  split: str,
  *,
  data_dir: str | None = None,
  manual_dir: str | None = None,
  answer_type: str | None = None,
  unanswered: bool = False,
) -> qa_datasets.QaDataset:
  """Loads one split of a dataset.

  Args:
    dataset: As `qa_datasets.load` takes it; or "encyclopedia", perhaps with
      kinds such as "encyclopedia:countries+rivers", for questions about the
      embedded corpus.
    split: "train", "dev" or "test".
    data_dir: TFDS's folder of prepared data.
    manual_dir: Folder with a builder's sources.
    answer_type: Of a file that does not say; see `qa_datasets.load`.
    unanswered: Whether a file may have questions alone.

  Raises:
    errors.UserError: If the dataset or split does not exist, or it is damaged.
  """
  if dataset.partition(":")[0] == sources.ENCYCLOPEDIA:
    if answer_type is not None:
      raise errors.UserError(
        f"The answers of {dataset} are strings: leave out the answer type."
      )
    return _load_encyclopedia(dataset, split)
  return qa_datasets.load(
    dataset,
    split,
    data_dir=data_dir,
    manual_dir=manual_dir,
    answer_type=answer_type,
    unanswered=unanswered,
  )


def load_train_and_dev(
  dataset: str,
  dev_dataset: str,
  *,
  data_dir: str | None = None,
  manual_dir: str | None = None,
  answer_type: str | None = None,
) -> tuple[qa_datasets.QaDataset, qa_datasets.QaDataset]:
  """Loads the training questions and the dev questions.

  A single file is split as ORQA splits: a question's hash says whether it is
  held out, one in ten.

  Args:
    dataset: As for `load`.
    dev_dataset: Where the dev split is, if that is another dataset; else "".
    data_dir: TFDS's folder of prepared data.
    manual_dir: Folder with a builder's sources.
    answer_type: As for `load`.

  Raises:
    errors.UserError: As `load`; or if a split is empty.
  """
  where: dict[str, Any] = {
    "data_dir": data_dir,
    "manual_dir": manual_dir,
    "answer_type": answer_type,
  }
  train = load(dataset, "train", **where)
  if not dev_dataset and is_one_file(dataset):
    from tfds_builders import open_qa

    in_dev = open_qa.in_dev([example.question for example in train])
    dev = _select(train, "dev", in_dev)
    train = _select(train, "train", [not held_out for held_out in in_dev])
    if not dev.examples or not train.examples:
      raise errors.UserError(
        f"dataset={dataset} leaves a split empty where the question's hash "
        "parts train from dev: name the dev questions by `dev_dataset`."
      )
    return train, dev
  return train, load(dev_dataset or dataset, "dev", **where)


def first(dataset: qa_datasets.QaDataset, count: int) -> qa_datasets.QaDataset:
  """Returns the first questions of a dataset, in its order."""
  return _with_examples(dataset, dataset.examples[:count])


def is_one_file(dataset: str) -> bool:
  """Whether a dataset is a file that stands for any split."""
  is_builder = dataset in qa_datasets.names()
  is_encyclopedia = dataset.partition(":")[0] == sources.ENCYCLOPEDIA
  return not (is_builder or is_encyclopedia or _SPLIT_FIELD in dataset)


def has_split(dataset: str, split: str) -> bool:
  """Whether a dataset has a split of its own.

  Args:
    dataset: As for `load`. One file has none: it stands for any.
    split: "train", "dev" or "test".
  """
  if is_one_file(dataset):
    return False
  path = dataset.replace(_SPLIT_FIELD, split)
  return path == dataset or tf.io.gfile.exists(path)


def _select(
  dataset: qa_datasets.QaDataset, split: str, kept: Sequence[bool]
) -> qa_datasets.QaDataset:
  examples = tuple(itertools.compress(dataset, kept))
  return dataclasses.replace(_with_examples(dataset, examples), split=split)


def _with_examples(
  dataset: qa_datasets.QaDataset, examples: tuple[qa_datasets.Example, ...]
) -> qa_datasets.QaDataset:
  """Returns a dataset with other examples."""
  ids = {example.id for example in examples}
  invalid = {k: v for k, v in dataset.invalid_patterns.items() if k in ids}
  return dataclasses.replace(
    dataset, examples=examples, invalid_patterns=invalid
  )


def _load_encyclopedia(dataset: str, split: str) -> qa_datasets.QaDataset:
  kinds = encyclopedia.select_kinds(dataset.partition(":")[2])
  examples = tuple(
    qa_datasets.Example(q.id, q.question, q.answers, subject=q.subject)
    for q in encyclopedia.questions(kinds)
    if q.split == split
  )
  if not examples:
    raise errors.UserError(
      f"{dataset} has no split {split!r}: choose one of "
      f"{', '.join(qa_datasets.SPLITS)}."
    )
  return qa_datasets.QaDataset(
    name=dataset,
    split=split,
    examples=examples,
    published_size=None,
    complete=True,
    invalid_patterns={},
  )
