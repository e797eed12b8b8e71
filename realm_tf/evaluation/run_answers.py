"""Loads the parts of a run that answer an evaluation's questions."""

import dataclasses
import functools
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from realm_tf import devices
from realm_tf import errors
from realm_tf.answering import closed_book as closed_books
from realm_tf.answering import open_qa
from realm_tf.answering import prediction_records
from realm_tf.answering import replies
from realm_tf.answering import run_retriever
from realm_tf.answering.retrievers import retriever_names
from realm_tf.answering.retrievers import retriever_set
from realm_tf.data.corpus import corpora
from realm_tf.evaluation import evaluation_inputs
from realm_tf.evaluation import evaluation_options
from realm_tf.evaluation import hybrid_choice
from realm_tf.runs import run_config

_BATCH = 64  # where nothing is read
_NUM_PASSAGES = 5

# From ids and texts of questions to what came of them.
Answer = Callable[[Sequence[str], Sequence[str]], prediction_records.Answered]


@dataclasses.dataclass(frozen=True)
class Answerers:
  """A run, ready to answer.

  Attributes:
    by_retriever: In the order that the retrievers were asked for.
    corpus: The corpus to search; None for a closed book.
    indices: Folder of the index version that a retriever searches, where one
      does.
    hybrid: How the hybrid retriever joins scores, in a few words; "" if it is
      not asked.
    width: Passages that are retrieved for a question; 0 if none are.
    reader_beam: Passages that are read for a question; 0 if none are.
    batch_size: Questions that are answered at once.
    read_passages: From rows <int>[n] of the corpus to its passages; None for a
      closed book.
    num_passages: How many of the passages found a prediction holds.
  """

  by_retriever: dict[str, Answer]
  corpus: corpora.Corpus | None = None
  indices: Mapping[str, str] = dataclasses.field(default_factory=dict)
  hybrid: str = ""
  width: int = 0
  reader_beam: int = 0
  batch_size: int = _BATCH
  read_passages: Callable[[np.ndarray], list[replies.Passage]] | None = None
  num_passages: int = _NUM_PASSAGES

  def with_passages(
    self,
    predictions: Sequence[prediction_records.Prediction],
    rows: np.ndarray,
  ) -> list[prediction_records.Prediction]:
    """Returns predictions with the first of the passages found.

    Args:
      predictions: For each question.
      rows: <int>[questions, k]. Rows of the corpus; -1 for none.
    """
    first = rows[:, : self.num_passages]
    unique = np.unique(first[first >= 0])
    if self.read_passages is None or not len(unique):
      return list(predictions)
    found = dict(zip(unique, self.read_passages(unique), strict=True))
    return [
      dataclasses.replace(
        prediction, passages=tuple(found[row] for row in places if row >= 0)
      )
      for prediction, places in zip(predictions, first, strict=True)
    ]


def load(
  options: evaluation_options.Options, run: run_config.RunConfig
) -> Answerers:
  """Loads the parts that the options need.

  Args:
    options: The flags, checked.
    run: That of `model_dir`.

  Raises:
    errors.UserError: If the run is of a kind that cannot answer so, or its
      corpus and index do not fit.
  """
  names = options.retrievers
  closed_book: Answerers | None = None
  if evaluation_options.NONE in names:
    closed_book = _load_closed_book(options)
  if closed_book is not None and len(names) == 1:
    return closed_book
  if not options.retrieval_only:
    if run.task != "finetune":
      raise errors.UserError(
        f"model_dir={options.model_dir} is a run of {run.task}, which "
        "answers no questions: name a run of `finetune`, or give "
        "retrieval_only=True."
      )
    loaded = _load_reading(options, run)
  else:
    loaded = _load_retrieval(options, run)
  ways = loaded.by_retriever
  if closed_book is not None:
    ways = ways | closed_book.by_retriever
  count = options.num_passages
  return dataclasses.replace(
    loaded,
    by_retriever={name: ways[name] for name in names},
    num_passages=_NUM_PASSAGES if count is None else count,
  )


def _load_closed_book(options: evaluation_options.Options) -> Answerers:
  book = closed_books.ClosedBook.from_run(options.model_dir, options.corpus)
  return Answerers(
    {
      evaluation_options.NONE: lambda ids, texts: prediction_records.Answered(
        book.answer(ids, texts), None
      )
    }
  )


def _load_reading(
  options: evaluation_options.Options, run: run_config.RunConfig
) -> Answerers:
  loaded = open_qa.OpenQA.from_run(
    options.model_dir,
    corpus=options.corpus,
    reader_beam=options.reader_beam,
    strategy=devices.make_strategy(options.tpu),
  )
  width = max(_recall_beam(options), loaded.config.reader_beam)

  def read(
    name: str, ids: Sequence[str], texts: Sequence[str]
  ) -> prediction_records.Answered:
    return loaded.answer(ids, texts, k=width, retriever=name)

  return Answerers(
    {n: functools.partial(read, n) for n in retriever_names.RETRIEVERS},
    loaded.corpus,
    _indices(loaded.retrievers, options),
    _settle_hybrid(loaded.retrievers, loaded.corpus, options, run),
    width,
    loaded.config.reader_beam,
    loaded.config.batch_size,
    lambda rows: loaded.memory.look_up(rows).replies(),
  )


def _load_retrieval(
  options: evaluation_options.Options, run: run_config.RunConfig
) -> Answerers:
  is_tuned = run.task == "finetune"
  if options.tpu and not is_tuned:
    raise errors.UserError(
      f"`tpu` goes with a run of `finetune`: {options.model_dir} is asked "
      "without one."
    )
  loaded = run_retriever.Retriever.from_run(
    options.model_dir,
    corpus=options.corpus,
    strategy=devices.make_strategy(options.tpu) if is_tuned else None,
    dense=bool(
      {retriever_names.DENSE, retriever_names.HYBRID} & {*options.retrievers}
    ),
  )
  return Answerers(
    _retrieval(loaded.retrievers, _recall_beam(options)),
    loaded.corpus,
    _indices(loaded.retrievers, options),
    _settle_hybrid(loaded.retrievers, loaded.corpus, options, run),
    _recall_beam(options),
    read_passages=loaded.read_passages,
  )


def _retrieval(
  retrievers: retriever_set.RetrieverSet, width: int
) -> dict[str, Answer]:
  """Returns functions that only retrieve, by retriever."""

  def retrieve(
    name: str, ids: Sequence[str], texts: Sequence[str]
  ) -> prediction_records.Answered:
    rows, _ = retrievers.retrieve(texts, width, name)
    found = [
      prediction_records.Prediction(
        text, "", id=id, retrieved=retrievers.ids(places)
      )
      for id, text, places in zip(ids, texts, rows, strict=True)
    ]
    return prediction_records.Answered(found, rows)

  return {n: functools.partial(retrieve, n) for n in retriever_names.RETRIEVERS}


def _settle_hybrid(
  retrievers: retriever_set.RetrieverSet,
  corpus: corpora.Corpus,
  options: evaluation_options.Options,
  run: run_config.RunConfig,
) -> str:
  """Sets how the hybrid retriever joins scores, and returns it in words."""
  retriever = retrievers.hybrid
  if retriever_names.HYBRID not in options.retrievers or retriever is None:
    return ""
  hybrid_choice.settle(retriever, options, run, corpus)
  return str(retriever.settings)


def _indices(
  retrievers: retriever_set.RetrieverSet, options: evaluation_options.Options
) -> dict[str, str]:
  """Returns the index that each retriever searches, where it searches one."""
  names = [n for n in options.retrievers if n in retriever_names.RETRIEVERS]
  return {n: retrievers[n].index for n in names if retrievers[n].index}


def _recall_beam(options: evaluation_options.Options) -> int:
  return options.recall_beam or evaluation_inputs.DEFAULT_RECALL_BEAM
