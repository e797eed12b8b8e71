"""What `evaluate` does: asks a run questions, or scores a file's answers."""

import time
from collections.abc import Iterator

import numpy as np

from realm_tf.configs import run_config
from realm_tf.data import corpus as corpus_lib
from realm_tf.data import qa_datasets
from realm_tf.evaluation import closed_book
from realm_tf.evaluation import evaluate
from realm_tf.evaluation import predictions as predictions_lib
from realm_tf.evaluation import retrievers as retrievers_lib
from realm_tf.evaluation import scoring
from realm_tf.training import evaluation_options
from realm_tf.training import open_qa
from realm_tf.training import progress
from realm_tf.training import zero_shot

_READER_BEAM = 5  # of files, which do not say
_CHUNK = 64  # questions at once, at least
_REPORT_SECS = 5.0


def run(options: evaluation_options.Options) -> dict[str, scoring.Scores]:
  """Evaluates, prints the figures, and writes what was found.

  Args:
    options: What the flags say.

  Returns:
    The scores by retriever; of a file, by "predictions".

  Raises:
    errors.UserError: If anything that the flags name does not fit.
  """
  evaluation_options.check(options)
  if options.model_dir:
    return _Evaluation(options).run()
  scores = evaluate.score_file(
    evaluate.FileOptions(
      predictions=options.predictions,
      dataset=options.dataset,
      split=options.split,
      data_dir=options.data_dir,
      manual_dir=options.manual_dir,
      answer_type=options.answer_type,
      corpus=options.corpus,
      reader_beam=options.reader_beam or _READER_BEAM,
      output=options.output,
      seed=options.seed,
    )
  )
  return {"predictions": scores}


class _Evaluation:
  """Asks a run, with one retriever after the other."""

  def __init__(self, options: evaluation_options.Options):
    """Reads the questions and loads what is asked."""
    self._options = options
    self._names = options.retrievers
    self._run = run_config.read(options.model_dir)
    self._dataset = evaluation_options.load_questions(options, self._run)
    self._closed_book: closed_book.ClosedBook | None = None
    self._open_qa: open_qa.OpenQa | None = None
    self._retrievers: retrievers_lib.Retrievers | None = None
    self._corpus: corpus_lib.Corpus | None = None
    self._index = ""
    if evaluation_options.NONE in self._names:
      self._closed_book = open_qa.load_closed_book(
        options.model_dir, options.corpus
      )
    if self._names != (evaluation_options.NONE,):
      self._load_retrievers()

  def _load_retrievers(self) -> None:
    options = self._options
    if options.retrieval_only and self._run.task != "finetune":
      found = zero_shot.load(
        options.model_dir,
        options.corpus,
        dense=retrievers_lib.DENSE in self._names,
      )
      self._retrievers, self._corpus = found.retrievers, found.corpus
      self._index = found.index
    else:
      self._open_qa = open_qa.load(
        options.model_dir, options.corpus, options.tpu, options.reader_beam
      )
      self._retrievers = self._open_qa.retrievers
      self._corpus = self._open_qa.corpus
      self._index = self._open_qa.index.path

  def run(self) -> dict[str, scoring.Scores]:
    """See `run` above."""
    self._print_plan()
    folders = {
      name: evaluation_options.folder(self._options, name)
      for name in self._names
    }
    for folder in folders.values():
      evaluate.make_folder(folder)
    given, rows = {}, {}
    for name, folder in folders.items():
      if name == evaluation_options.NONE:
        given[name] = self._ask_closed_book()
      else:
        given[name], rows[name] = self._ask(name)
      # What took long is kept, whatever becomes of its scoring.
      evaluate.write_predictions(folder, given[name])
    retrieval = self._judge(rows)
    scores = {}
    for name, folder in folders.items():
      scores[name] = self._score(given[name], retrieval.get(name))
      print(f"\n{name}")
      evaluate.print_scores(scores[name])
      evaluate.write(folder, self._facts(name), scores[name])
    if len(scores) > 1:
      print()
      evaluate.print_table(scores)
    print(f"Next:\n  python -m realm_tf.launch.{self._next()}", flush=True)
    return scores

  @property
  def _examples(self) -> tuple[qa_datasets.Example, ...]:
    return self._dataset.examples

  @property
  def _reader_beam(self) -> int:
    """Passages a question that are read."""
    return self._open_qa.config.reader_beam if self._open_qa else 1

  @property
  def _width(self) -> int:
    """Passages a question that are retrieved."""
    beam = self._options.recall_beam or max(scoring.RECALL_AT)
    return max(beam, self._reader_beam)

  def _print_plan(self) -> None:
    print(f"evaluate {self._options.model_dir}, a run of {self._run.task}")
    print(f"  questions  {self._dataset.describe()}")
    print(f"  retriever  {', '.join(self._names)}")
    if self._corpus is not None:
      read = f"{self._reader_beam} read"
      read = "none read" if self._options.retrieval_only else read
      print(
        f"  corpus     {self._corpus.path}: {self._corpus.num_passages:,} "
        f"passages; {self._width} found for a question, {read}"
      )
    if self._index:
      print(f"  index      {self._index}", flush=True)

  def _ask(
    self, retriever: str
  ) -> tuple[list[predictions_lib.Prediction], np.ndarray]:
    """Retrieves, and reads unless retrieval alone is wanted.

    Returns:
      A prediction for each question, and <int>[questions, width], the rows of
      the corpus that were found; -1 for none.
    """
    assert self._retrievers is not None
    given: list[predictions_lib.Prediction] = []
    rows = np.full([len(self._examples), self._width], -1)
    for first, ids, texts in self._chunks(retriever):
      found = self._retrievers.retrieve(texts, self._width, retriever)
      # A small corpus has fewer passages than that.
      rows[first : first + len(found), : found.shape[1]] = found
      if self._options.retrieval_only or self._open_qa is None:
        given += (
          predictions_lib.Prediction(
            text, "", id=id, retrieved=self._retrievers.ids(row)
          )
          for id, text, row in zip(ids, texts, found, strict=True)
        )
      else:
        given += self._open_qa.read(ids, texts, found, retriever)
    return given, rows

  def _ask_closed_book(self) -> list[predictions_lib.Prediction]:
    """Answers without any passage."""
    assert self._closed_book is not None
    given: list[predictions_lib.Prediction] = []
    for _, ids, texts in self._chunks(evaluation_options.NONE):
      given += self._closed_book.answer(ids, texts)
    return given

  def _chunks(self, name: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yields the questions, some at a time, and prints how far it is.

    Yields:
      Number of the first, ids and texts.
    """
    batch = self._open_qa.config.batch_size if self._open_qa else _CHUNK
    size = batch * -(-_CHUNK // batch)  # All batches but the last are whole.
    count = len(self._examples)
    meter = progress.Progress(0, count, examples_per_step=1)
    started = reported = time.monotonic()
    for first in range(0, count, size):
      chunk = self._examples[first : first + size]
      yield first, [e.id for e in chunk], [e.question for e in chunk]
      done = first + len(chunk)
      if time.monotonic() - reported > _REPORT_SECS and done < count:
        meter.measure(done)
        print(f"  {name}: {meter.line(done, {}, 'question')}", flush=True)
        reported = time.monotonic()
    took = progress.format_duration(time.monotonic() - started)
    print(f"  {name}: {count} questions asked in {took}", flush=True)

  def _judge(self, rows: dict[str, np.ndarray]) -> dict[str, scoring.Retrieval]:
    """Looks for the answers in what was found."""
    if not rows:
      return {}
    assert self._corpus is not None
    print("  looking for the answers in the passages ...", flush=True)
    return scoring.judge_rows(
      self._examples, rows, self._corpus, self._reader_beam
    )

  def _score(
    self,
    given: list[predictions_lib.Prediction],
    retrieval: scoring.Retrieval | None,
  ) -> scoring.Scores:
    seed = self._options.seed
    if self._options.retrieval_only and retrieval is not None:
      return scoring.score_retrieval(self._examples, given, retrieval, seed)
    return scoring.score(self._examples, given, retrieval, seed)

  def _facts(self, retriever: str) -> dict[str, str]:
    """Returns what the summary says was evaluated."""
    facts = {
      "dataset": self._options.dataset,
      "split": self._options.split,
      "asked": self._dataset.describe(),
      "model_dir": self._options.model_dir,
      "task": self._run.task,
      "retriever": retriever,
    }
    if retriever == evaluation_options.NONE or self._corpus is None:
      return facts
    facts["corpus"] = self._corpus.path
    if retriever == retrievers_lib.DENSE:
      facts["index"] = self._index
    if not self._options.retrieval_only:
      facts["reader_beam"] = str(self._reader_beam)
    return facts

  def _next(self) -> str:
    """Returns a command to try, without the package's name."""
    options = self._options
    if options.retrieval_only and self._run.task != "finetune":
      return (
        f"finetune --config=... --dataset={options.dataset} "
        f"--corpus={self._run.corpus} --init={options.model_dir} "
        "--model_dir=..."
      )
    changed = f"--reader_beam={2 * self._reader_beam}"
    if not {*retrievers_lib.RETRIEVERS} <= {*self._names}:
      changed = f"--retriever={','.join(retrievers_lib.RETRIEVERS)}"
    return (
      f"evaluate --dataset={options.dataset} --split={options.split} "
      f"--model_dir={options.model_dir} {changed}"
    )
