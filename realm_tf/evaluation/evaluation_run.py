"""Runs `evaluate`: asks a run questions, or scores a file's answers."""

import dataclasses
import logging
import time
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from realm_tf import progress
from realm_tf import suggestions
from realm_tf.answering import prediction_records
from realm_tf.answering.retrievers import retriever_names
from realm_tf.configs import schema
from realm_tf.data.questions import qa_datasets
from realm_tf.data.questions import qa_splits
from realm_tf.evaluation import evaluate
from realm_tf.evaluation import evaluation_inputs
from realm_tf.evaluation import evaluation_options
from realm_tf.evaluation import reader_view
from realm_tf.evaluation import run_answers
from realm_tf.evaluation import scoring
from realm_tf.runs import run_config

_log = logging.getLogger(__name__)

# Questions between looks at the clock, at least.
CHUNK_QUESTIONS = 64
# Between two lines that say how far it is.
REPORT_SECS = 5.0


def run(options: evaluation_options.Options) -> dict[str, scoring.Scores]:
  """Evaluates, prints the figures, and writes the results.

  Args:
    options: The command's options.

  Returns:
    The scores by retriever; of a file, by "predictions". None where the
    questions have no answers.

  Raises:
    errors.UserError: If anything that the flags name does not fit.
  """
  evaluation_options.check(options)
  if options.model_dir:
    return _Evaluation(options).run()
  scores = evaluate.score_file(options)
  return {"predictions": scores}


class _Evaluation:
  """Evaluates a run, with one retriever after the other."""

  def __init__(self, options: evaluation_options.Options):
    """Reads the questions and loads the run."""
    self._run = run_config.read(options.model_dir)
    if not options.retriever:
      options = dataclasses.replace(options, retriever=[self._run.retriever])
    self._options = options
    self._dataset = evaluation_inputs.load_questions(options, self._run)
    self._examples = self._dataset.examples
    self._folders = {
      name: evaluation_inputs.folder(options, self._run, name)
      for name in options.retrievers
    }
    self._answerers = run_answers.load(options, self._run)

  def run(self) -> dict[str, scoring.Scores]:
    """See `run` above."""
    self._print_plan()
    for folder in self._folders.values():
      evaluate.make_folder(folder)
    answered = {}
    for name, folder in self._folders.items():
      answered[name] = self._ask(name)
      # What took long is kept, whatever becomes of its scoring.
      evaluate.write_predictions(folder, answered[name].predictions)
    if not self._dataset.has_answers:
      self._show_answers(answered)
      return {}
    retrieval = self._judge(answered)
    scores = {}
    for name, folder in self._folders.items():
      predictions = answered[name].predictions
      scores[name] = self._score(predictions, retrieval.get(name))
      _log.info(f"\n{name}")
      evaluate.print_scores(scores[name])
      evaluate.write(folder, self._facts(name), scores[name])
    if len(scores) > 1:
      _log.info("")
      evaluate.print_table(scores)
    if following := self._next(scores):
      _log.info(f"Next:\n  {following}")
    return scores

  def _show_answers(
    self, answered: Mapping[str, prediction_records.Answered]
  ) -> None:
    """Reports the answers, which nothing is known to score by."""
    for name, folder in self._folders.items():
      predictions = answered[name].predictions
      _log.info(f"\n{name}")
      evaluate.print_answers(predictions)
      evaluate.write_answers(folder, self._facts(name), predictions)

  def _print_plan(self) -> None:
    asked = self._answerers
    _log.info(f"evaluate {self._options.model_dir}, a run of {self._run.task}")
    _log.info(f"  questions  {self._dataset.describe()}")
    _log.info(f"  retriever  {', '.join(self._options.retrievers)}")
    if asked.corpus is not None:
      _log.info(
        f"  corpus     {asked.corpus.path}: {asked.corpus.num_passages:,} "
        f"passages; {asked.width} found for a question, "
        f"{asked.reader_beam or 'none'} read"
      )
    for index in dict.fromkeys(asked.indices.values()):
      _log.info(f"  index      {index}")
    if asked.hybrid:
      _log.info(f"  hybrid     {asked.hybrid}")

  def _ask(self, retriever: str) -> prediction_records.Answered:
    """Answers all questions."""
    answer = self._answerers.by_retriever[retriever]
    predictions: list[prediction_records.Prediction] = []
    rows = []
    for chunk in self._chunks(retriever):
      answered = answer([e.id for e in chunk], [e.question for e in chunk])
      predictions += answered.predictions
      if answered.rows is not None:
        rows.append(answered.rows)
    if not rows:
      return prediction_records.Answered(predictions, None)
    found = np.concatenate(rows)
    return prediction_records.Answered(
      self._answerers.with_passages(predictions, found), found
    )

  def _chunks(self, name: str) -> Iterator[Sequence[qa_datasets.Example]]:
    """Yields the questions in chunks, and prints the progress."""
    batch = self._answerers.batch_size
    # All batches but the last are whole.
    size = batch * -(-CHUNK_QUESTIONS // batch)
    count = len(self._examples)
    meter = progress.Progress(0, count, examples_per_step=1)
    started = reported = time.monotonic()
    for first in range(0, count, size):
      yield self._examples[first : first + size]
      done = min(first + size, count)
      if time.monotonic() - reported > REPORT_SECS and done < count:
        meter.measure(done)
        _log.info(f"  {name}: {meter.line(done, {}, 'question')}")
        reported = time.monotonic()
    took = progress.format_duration(time.monotonic() - started)
    _log.info(f"  {name}: {count} questions asked in {took}")

  def _judge(
    self, answered: dict[str, prediction_records.Answered]
  ) -> dict[str, scoring.Retrieval]:
    """Judges which retrieved passages hold an answer."""
    rows = {
      name: _padded(found.rows, self._answerers.width)
      for name, found in answered.items()
      if found.rows is not None
    }
    corpus, config = self._answerers.corpus, self._run.config
    if not rows or corpus is None:
      return {}
    _log.info("  looking for the answers in the passages ...")
    return scoring.judge_rows(
      self._examples,
      rows,
      corpus,
      self._answerers.reader_beam,
      reader_view.ReaderView(corpus.tokenizer, config)
      if isinstance(config, schema.CorpusConfig)
      else None,
    )

  def _score(
    self,
    predictions: Sequence[prediction_records.Prediction],
    retrieval: scoring.Retrieval | None,
  ) -> scoring.Scores:
    """Scores the answers or the recall of one retriever."""
    seed = self._options.seed
    if retrieval is not None and self._options.retrieval_only:
      return scoring.score_retrieval(
        self._examples, predictions, retrieval, seed
      )
    return scoring.score(self._examples, predictions, retrieval, seed)

  def _facts(self, retriever: str) -> dict[str, str]:
    """Returns the summary's facts about what was evaluated."""
    asked, options = self._answerers, self._options
    facts = {
      "dataset": options.dataset,
      "split": options.split,
      "asked": self._dataset.describe(),
      "model_dir": options.model_dir,
      "task": self._run.task,
      "retriever": retriever,
    }
    if asked.corpus is None or retriever == evaluation_options.NONE:
      return facts
    return facts | {
      "corpus": asked.corpus.path,
      "index": asked.indices.get(retriever, ""),
      "hybrid": asked.hybrid if retriever == retriever_names.HYBRID else "",
      "reader_beam": str(asked.reader_beam or ""),
    }

  def _next(self, scores: Mapping[str, scoring.Scores]) -> str:
    """Returns a command to try next; "" if there is none."""
    options, config = self._options, self._run.config
    if not isinstance(config, schema.OrqaConfig):
      return self._next_training()
    given = dataclasses.asdict(options)
    del given["retrieval_only"], given["output"]
    for name in ("limit", "seed"):  # by default 0
      given[name] = given[name] or None
    ways = retriever_names.RETRIEVERS
    if options.retrieval_only or not {*ways} <= {*options.retrievers}:
      return suggestions.command("evaluate", given | {"retriever": ways})
    beam = min(2 * self._answerers.reader_beam, config.retriever_beam)
    # More passages help only if an answer was retrieved further down.
    helps = any(one.classes.get(scoring.NOT_READ) for one in scores.values())
    if helps and beam > self._answerers.reader_beam:
      return suggestions.command("evaluate", given | {"reader_beam": beam})
    if evaluation_options.NONE not in options.retrievers:
      every = evaluation_options.RETRIEVERS
      return suggestions.command("evaluate", given | {"retriever": every})
    return ""

  def _next_training(self) -> str:
    """Returns the training that comes after the run's."""
    options, run = self._options, self._run
    corpus = options.corpus or run.corpus
    if run.task == "pretrain_mlm":
      return suggestions.training(
        "pretrain_ict",
        run.config,
        run.task,
        options.model_dir,
        {
          "corpus": corpus,
          "pretrain_corpus": run.other_pretrain_corpus,
          "init_checkpoint": options.model_dir,
        },
      )
    # A file that was asked here is no longer for training.
    known = qa_splits.has_split(options.dataset, "train")
    return suggestions.finetuning(
      run.config,
      run.task,
      options.model_dir,
      corpus,
      options.dataset if known else "",
      data_dir=options.data_dir,
      manual_dir=options.manual_dir,
    )


def _padded(rows: np.ndarray, width: int) -> np.ndarray:
  """Returns rows of passages with -1 where a small corpus has no more."""
  missing = width - rows.shape[1]
  return np.pad(rows, [[0, 0], [0, missing]], constant_values=-1)
