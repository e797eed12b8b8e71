"""Runs open-QA fine-tuning: questions, index, training, best checkpoint."""

import dataclasses
import itertools
import logging

import numpy as np
import tensorflow as tf

from realm_tf import errors
from realm_tf import suggestions
from realm_tf.answering import open_qa
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_texts
from realm_tf.data.questions import qa_datasets
from realm_tf.data.questions import qa_splits
from realm_tf.data.questions import regex_answers
from realm_tf.data.questions import token_answers
from realm_tf.evaluation import answer_matching
from realm_tf.evaluation import probability_calibration
from realm_tf.index.job import corpus_index
from realm_tf.index.versions import run_index
from realm_tf.runs import run_config
from realm_tf.training import base_task
from realm_tf.training import loop
from realm_tf.training import training_checkpoints
from realm_tf.training.init import first_weights
from realm_tf.training.init import orqa_init
from realm_tf.training.recipes import corpus_lines
from realm_tf.training.recipes import run_setup
from realm_tf.training.tasks import orqa_task

_log = logging.getLogger(__name__)

METRIC = "exact_match"  # what "best checkpoint" means


@dataclasses.dataclass(frozen=True)
class Finetuned:
  """A finished run in memory.

  Attributes:
    task: The model.
    hook: Answers questions with it.
    corpus: The knowledge corpus.
    result: Of the training loop.
  """

  task: orqa_task.OrqaTask
  hook: "FinetuneHook"
  corpus: corpora.Corpus
  result: loop.TrainingResult


def run(
  config: schema.TaskConfig,
  *,
  dataset: str,
  dev_dataset: str,
  corpus: str,
  init: str,
  init_retriever: str,
  init_reader: str,
  rebuild_index: bool,
  model_dir: str,
  tpu: str,
  data_dir: str | None = None,
  manual_dir: str | None = None,
) -> Finetuned:
  """Fine-tunes retriever and reader on questions.

  Args:
    config: The settings, of `finetune`.
    dataset: The training questions; see `qa_splits.load_train_and_dev`.
    dev_dataset: The dev questions, if they are another dataset.
    corpus: Folder of the knowledge corpus.
    init: The run that retriever, reader and index come from.
    init_retriever: Another run for retriever and index, or "".
    init_reader: Another run, or public weights, for the reader; or "".
    rebuild_index: Whether to embed the corpus, even if there is an index.
    model_dir: The run's folder.
    tpu: See `devices.make_strategy`.
    data_dir: TFDS's folder of prepared data.
    manual_dir: Folder with a TFDS builder's sources.

  Raises:
    errors.UserError: If anything that the flags name does not fit.
  """
  if not isinstance(config, schema.OrqaConfig):
    raise TypeError(f"`config` must be an OrqaConfig, got {config!r}.")
  train, dev = qa_splits.load_train_and_dev(
    dataset, dev_dataset, data_dir=data_dir, manual_dir=manual_dir
  )
  setup = _set_up(
    config,
    orqa_init.choose(
      init,
      init_retriever,
      init_reader,
      model_dir=model_dir,
      rebuild_index=rebuild_index,
    ),
    dataset=dataset,
    dev_dataset=dev_dataset,
    corpus=corpus,
    model_dir=model_dir,
    tpu=tpu,
  )
  knowledge = open_qa.Knowledge.load(setup.corpus, config.passage_length)
  answers = _answers((train, dev), knowledge)
  with setup.strategy.scope():
    task = orqa_task.OrqaTask(
      config,
      setup.corpus.tokenizer,
      knowledge.packed,
      [example.question for example in train],
      [example.question for example in dev],
      answers,
    )
    hook = FinetuneHook(task, config, setup, knowledge, dev)
  # As stored, two or four bytes each; and the searcher's own, of four.
  index_bytes = setup.corpus.num_passages * config.projection_size * 8
  run_setup.print_plan(
    setup,
    task,
    setup.lines()
    | _cut_passages(knowledge, train, config)
    | {
      "train": train.describe(),
      "dev": dev.describe(),
      "index": f"{setup.run.index_home(model_dir)}, version "
      f"{setup.run.index_step}: stays as it is, as does what embeds passages",
    },
    _left_out((train, dev), answers),
    knowledge.nbytes + answers.nbytes + index_bytes,
  )
  with run_setup.claimed(setup):
    result = loop.train(task, setup.run, model_dir, setup.strategy, hook)
  best, step = training_checkpoints.best(model_dir, METRIC)
  following = suggestions.command(
    "evaluate",
    {
      "dataset": dataset,
      # Of one file, the questions that were held out are the dev split.
      "split": "test" if qa_splits.has_split(dataset, "test") else "dev",
      "data_dir": data_dir,
      "manual_dir": manual_dir,
      "model_dir": model_dir,
    },
  )
  _log.info(
    f"Wrote {model_dir}: step {result.step}; best weights, with an exact "
    f"match of {best:.3f} on dev, of step {step}. Next:\n"
    f"  {following}"
  )
  return Finetuned(task, hook, setup.corpus, result)


def _cut_passages(
  knowledge: open_qa.Knowledge,
  questions: qa_datasets.QaDataset,
  config: schema.OrqaConfig,
) -> dict[str, str]:
  """Returns lines on passages that retriever and reader cut, if they do."""
  table = knowledge.table
  texts = tf.constant([example.question for example in questions])
  ids = knowledge.corpus.tokenizer.tokenize(texts)
  return corpus_lines.cut_passages(
    table.title_ids.lengths, table.body_ids.lengths, config.passage_length
  ) | corpus_lines.cut_by_reader(table, ids.row_lengths().numpy() + 2, config)


def _set_up(
  config: schema.OrqaConfig,
  sources: orqa_init.Sources,
  *,
  dataset: str,
  dev_dataset: str,
  corpus: str,
  model_dir: str,
  tpu: str,
) -> run_setup.CorpusSetup:
  """Opens the corpus, finds the devices, and checks that all fits."""
  opened = corpora.Corpus.open(corpus)
  run = run_config.RunConfig(
    task=orqa_task.OrqaTask.name,
    config=config,
    corpus=corpus,
    corpus_fingerprint=opened.fingerprint,
    vocab_sha256=opened.tokenizer.sha256,
    pretrain_corpus="",
    init_checkpoint=sources.retriever,
    init_reader=sources.reader,
    dataset=dataset,
    dev_dataset=dev_dataset,
    index_run=sources.index_run,
    index_step=sources.index_step,
  )
  if not run_config.check(model_dir, run):
    orqa_init.check(run, opened, model_dir)
  strategy = run_setup.find_devices(config, tpu)
  run_setup.prepare_devices(config, strategy)
  return run_setup.CorpusSetup(run, model_dir, strategy, opened)


def _answers(
  datasets: tuple[qa_datasets.QaDataset, ...],
  knowledge: open_qa.Knowledge,
) -> token_answers.TokenAnswers | regex_answers.RegexAnswers:
  """Prepares the answers of all questions, train and dev, numbered through."""
  examples = list(itertools.chain.from_iterable(datasets))
  types = {example.answer_type for example in examples}
  if types == {answer_matching.STRING}:
    return token_answers.TokenAnswers(
      [example.answers for example in examples],
      knowledge.table,
      knowledge.corpus.tokenizer,
    )
  if types == {answer_matching.REGEX}:
    compiled = (
      map(answer_matching.compile_regex, example.answers)
      for example in examples
    )
    return regex_answers.RegexAnswers(
      [[p for p in patterns if p is not None] for patterns in compiled],
      passage_texts.PassageTexts(knowledge.corpus),
      knowledge.corpus.num_passages,
      knowledge.corpus.tokenizer,
    )
  raise errors.UserError(
    "`dataset` and `dev_dataset` mix answers that are strings with answers "
    "that are patterns: give questions of one kind."
  )


def _left_out(
  datasets: tuple[qa_datasets.QaDataset, ...],
  answers: token_answers.TokenAnswers | regex_answers.RegexAnswers,
) -> dict[str, int]:
  invalid = sum(len(dataset.invalid_patterns) for dataset in datasets)
  unusable = getattr(answers, "without_tokens", 0)
  return {
    "questions with a pattern that is no regular expression": invalid,
    "questions whose answers the vocabulary cannot spell": unusable,
  }


class FinetuneHook(loop.Hook):
  """Opens the index, answers the dev questions, keeps the best, stops early.

  Attributes:
    open_qa: Answers questions; there once training has begun.
  """

  def __init__(
    self,
    task: orqa_task.OrqaTask,
    config: schema.OrqaConfig,
    setup: run_setup.CorpusSetup,
    knowledge: open_qa.Knowledge,
    dev: qa_datasets.QaDataset,
  ):
    """Takes the parts; `before_training` opens or builds the index.

    Args:
      task: Its model answers.
      config: The run's settings.
      setup: The run.
      knowledge: The corpus.
      dev: The dev questions; an evaluation asks the first `dev_questions`.
    """
    self._task = task
    self._config = config
    self._setup = setup
    self._knowledge = knowledge
    count = config.dev_questions or len(dev)
    self._dev = dev.examples[:count]
    self._references = [
      answer_matching.AnswerSet.of(example) for example in self._dev
    ]
    self._best = training_checkpoints.BestWeights(
      setup.model_dir, task.parts, METRIC
    )
    self.open_qa: open_qa.OpenQA | None = None

  def initialize(
    self, task: base_task.Task, run: run_config.RunConfig
  ) -> first_weights.InitReport:
    """See base class."""
    return orqa_init.initialize(self._task.model, run)

  def before_training(self, state: training_checkpoints.TrainerState) -> None:
    """Opens the index; embeds the corpus first if there is none."""
    run, model_dir = self._setup.run, self._setup.model_dir
    if not run.index_run:
      # By the passage tower, which is never trained.
      corpus_index.build(
        model_dir,
        self._task.model.retriever,
        self._config,
        run.index_step,
        self._setup.corpus.num_passages,
      )
    version = run_index.open_index(run, self._setup.corpus, model_dir)
    state.index_version.assign(version.step)
    with self._setup.strategy.scope():
      self.open_qa = open_qa.OpenQA(
        self._task.model, self._config, self._knowledge, version
      )
    self._task.set_index(self.open_qa.search, self.open_qa.beam)

  def after_evaluation(
    self, step: int, means: dict[str, float]
  ) -> dict[str, float]:
    """Answers the dev questions; keeps the weights if they are the best."""
    if self.open_qa is None:
      raise RuntimeError("`before_training` must come first.")
    found = self.open_qa.answer(
      [example.id for example in self._dev],
      [example.question for example in self._dev],
      k=self._config.reader_beam,
    ).predictions
    right = [
      reference.is_right(prediction.answer)
      for reference, prediction in zip(self._references, found, strict=True)
    ]
    exact_match = float(np.mean(right))
    threshold = probability_calibration.abstention_threshold(
      np.array([prediction.probability for prediction in found]),
      np.array(right),
    )
    self._best.offer(step, exact_match, {open_qa.THRESHOLD: threshold})
    return {METRIC: exact_match}

  def should_stop(self, step: int) -> bool:
    """Whether `patience` evaluations have brought nothing better."""
    return loop.has_stalled(self._config, METRIC, step, self._best.step)
