"""Reads the questions of TFDS's builders.

A module of its own, as TFDS takes a second to import.
"""

from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf
import tensorflow_datasets as tfds

import tfds_builders
from realm_tf import errors
from tfds_builders import open_qa
from tfds_builders import source_files

_BATCH = 1024


class Question(NamedTuple):
  """The first fields of `qa_datasets.Example`."""

  id: str
  question: str
  answers: tuple[str, ...]
  answer_type: str


class Split(NamedTuple):
  """A split of a builder's dataset.

  Attributes:
    questions: In the order of their source.
    published_size: How many the published split has.
  """

  questions: list[Question]
  published_size: int


def names() -> list[str]:
  """Returns the names of the builders."""
  return sorted(tfds_builders.BUILDERS)


def load(
  name: str, split: str, data_dir: str | None, manual_dir: str | None
) -> Split:
  """Loads a split; the data is prepared when it is first asked for.

  Args:
    name: Of the builder.
    split: "train", "dev" or "test".
    data_dir: As for `qa_datasets.load`.
    manual_dir: As for `qa_datasets.load`.

  Raises:
    errors.UserError: If a source is missing or wrong.
  """
  builder = tfds_builders.BUILDERS[name](data_dir=data_dir)
  is_test = split == open_qa.TEST
  try:
    if manual_dir is not None:
      sources: source_files.Sources = builder.SOURCES
      if is_test:
        sources = {split: sources[split]}
      _check_manual(builder, manual_dir, sources)
    if is_test and not builder.is_prepared():
      questions = [
        Question(q.id, q.question, q.answers, builder.ANSWER_TYPE)
        for q in builder.read_test(manual_dir)
      ]
    else:
      _prepare(builder, manual_dir)
      questions = list(_read(builder.as_dataset(split=split)))
  except source_files.SourceError as e:
    raise errors.UserError(str(e)) from e
  return Split(questions, builder.PUBLISHED_SIZES[split])


def _prepare(builder: open_qa.OpenQaBuilder, manual_dir: str | None) -> None:
  """Builds the dataset, unless TFDS has it."""
  if not builder.is_prepared():
    builder.download_and_prepare(
      download_config=tfds.download.DownloadConfig(
        manual_dir=manual_dir, try_download_gcs=False
      )
    )


def _check_manual(
  builder: open_qa.OpenQaBuilder,
  manual_dir: str,
  sources: source_files.Sources,
) -> None:
  """Raises if neither `manual_dir` nor TFDS has the data, or they differ.

  Args:
    builder: The builder.
    manual_dir: The folder.
    sources: Those of its sources that are needed.
  """
  found = source_files.find_manual(manual_dir, builder.name, sources)
  if found is None and not builder.is_prepared():
    raise source_files.SourceError(
      source_files.missing_message(manual_dir, builder.name, sources)
    )
  if found is None or not builder.is_prepared():
    return
  there = {
    source_files.sha256(file.read()) for fs in found.values() for file in fs
  }
  if not there <= {s["sha256"] for s in builder.info.metadata["sources"]}:
    raise source_files.SourceError(
      f"{builder.name} was prepared from other files than those in "
      f"{manual_dir}: delete {builder.data_path} to prepare it from these, or "
      "leave out `manual_dir`."
    )


def _read(dataset: tf.data.Dataset) -> Iterator[Question]:
  for batch in dataset.ragged_batch(_BATCH):
    columns = (
      batch["id"].numpy(),
      batch["question"].numpy(),
      batch["answers"].to_list(),
      batch["answer_type"].numpy(),
    )
    for question_id, question, answers, answer_type in zip(
      *columns, strict=True
    ):
      yield Question(
        question_id.decode(),
        question.decode(),
        tuple(answer.decode() for answer in answers),
        answer_type.decode(),
      )
