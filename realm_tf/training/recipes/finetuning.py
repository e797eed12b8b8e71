"""Runs open-QA fine-tuning: questions, index, training, best checkpoint."""

import contextlib
import dataclasses
import logging

import tensorflow as tf

from realm_tf import suggestions
from realm_tf.answering import open_qa
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.questions import qa_datasets
from realm_tf.data.questions import qa_splits
from realm_tf.plans import host_memory
from realm_tf.plans import refresh_modes
from realm_tf.runs import run_config
from realm_tf.training import loop
from realm_tf.training import training_checkpoints
from realm_tf.training.init import orqa_init
from realm_tf.training.recipes import corpus_lines
from realm_tf.training.recipes import dev_questions
from realm_tf.training.recipes import finetune_hook
from realm_tf.training.recipes import following_hook
from realm_tf.training.recipes import question_answers
from realm_tf.training.recipes import run_setup
from realm_tf.training.tasks import following_task
from realm_tf.training.tasks import orqa_task
from realm_tf.training.tasks import reader_task

_log = logging.getLogger(__name__)

Hook = finetune_hook.FinetuneHook | following_hook.FollowingHook


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
  hook: Hook
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
  refresh_mode: str = "off",
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
    refresh_mode: One of `refresh_modes.MODES`; "off" unless the passage tower
      is trained.
    model_dir: The run's folder.
    tpu: See `devices.make_strategy`.
    data_dir: TFDS's folder of prepared data.
    manual_dir: Folder with a TFDS builder's sources.

  Raises:
    errors.UserError: If anything that the flags name does not fit.
  """
  if not isinstance(config, schema.OrqaConfig):
    raise TypeError(f"`config` must be an OrqaConfig, got {config!r}.")
  refresh_modes.check_finetuning(refresh_mode, config)
  # First: workers of a cluster meet before TensorFlow does anything else.
  strategy = run_setup.find_devices(config, tpu)
  train, dev = qa_splits.load_train_and_dev(
    dataset, dev_dataset, data_dir=data_dir, manual_dir=manual_dir
  )
  setup = _set_up(
    config,
    strategy,
    orqa_init.choose(
      init,
      init_retriever,
      init_reader,
      model_dir=model_dir,
      corpus=corpus,
      rebuild_index=rebuild_index,
      config=config,
    ),
    dataset=dataset,
    dev_dataset=dev_dataset,
    corpus=corpus,
    model_dir=model_dir,
  )
  knowledge = open_qa.Knowledge.load(setup.corpus, config.passage_length)
  answers = question_answers.match(
    (train, dev),
    setup.corpus,
    knowledge.table,
    packed=knowledge.packed,
    bodies=(
      knowledge.texts.bodies if config.answer_match == "substring" else None
    ),
  )
  with setup.strategy.scope():
    task, hook = _make(
      config,
      setup,
      knowledge,
      (train, dev),
      answers,
      refresh_mode,
    )
  _print_plan(
    config, setup, knowledge, (train, dev), answers, task, refresh_mode
  )
  with _running(hook), run_setup.claimed(setup):
    result = loop.train(task, setup.run, model_dir, setup.strategy, hook)
  following = suggestions.command(
    "evaluate",
    {
      "dataset": dataset,
      # Of one file, the questions that were held out are the dev split.
      "split": "test" if qa_splits.has_split(dataset, "test") else "dev",
      "data_dir": data_dir,
      "manual_dir": manual_dir,
      "model_dir": model_dir,
      "retrieval_only": None if config.train_reader else "true",
    },
  )
  _report(config, model_dir, result.step, following)
  return Finetuned(task, hook, setup.corpus, result)


def _print_plan(
  config: schema.OrqaConfig,
  setup: run_setup.CorpusSetup,
  knowledge: open_qa.Knowledge,
  datasets: tuple[qa_datasets.QaDataset, qa_datasets.QaDataset],
  answers: question_answers.Answers,
  task: orqa_task.OrqaTask,
  refresh_mode: str,
) -> None:
  """Prints what is trained on what, and checks that the memory holds it."""
  train, dev = datasets
  run_setup.print_plan(
    setup,
    task,
    setup.lines()
    | _cut_passages(knowledge, train, config)
    | {"train": train.describe(), "dev": dev.describe()}
    | _index_line(setup, config, refresh_mode),
    _left_out(datasets, answers, config),
    host_memory.HostBytes(
      mapped=knowledge.table.nbytes + knowledge.packed.nbytes,
      # As stored, two or four bytes each; and the searcher's own, of four.
      index=setup.corpus.num_passages * config.embedding_size * 8,
      other=knowledge.texts.nbytes + answers.nbytes,
    ),
  )


def _report(
  config: schema.OrqaConfig, model_dir: str, step: int, following: str
) -> None:
  """Says what was written, how good it is, and which command comes next."""
  metric = dev_questions.metric(config)
  best, best_step = training_checkpoints.best(model_dir, metric)
  _log.info(
    f"Wrote {model_dir}: step {step}; best weights, with "
    f"{metric.replace('exact_match', 'an exact match')} of {best:.3f} on dev, "
    f"of step {best_step}. Next:\n"
    f"  {following}"
  )


def _index_line(
  setup: run_setup.CorpusSetup, config: schema.OrqaConfig, refresh_mode: str
) -> dict[str, str]:
  """Returns a line on the index and what becomes of it, if there is one."""
  if not config.has_retriever:
    return {"passages": "found by BM25"}
  if not config.train_passage_tower:
    future = "stays as it is, as does what embeds passages"
  elif refresh_mode == "off":
    future = "stays until the last step, whose index is built then"
  else:
    future = (
      f"follows the training, from every {config.export_every_steps} steps"
    )
  home, step = setup.run.index_run or setup.model_dir, setup.run.index_step
  return {"index": f"{home}, version {step}: {future}"}


def _make(
  config: schema.OrqaConfig,
  setup: run_setup.CorpusSetup,
  knowledge: open_qa.Knowledge,
  datasets: tuple[qa_datasets.QaDataset, qa_datasets.QaDataset],
  answers: question_answers.Answers,
  refresh_mode: str,
) -> tuple[orqa_task.OrqaTask, Hook]:
  """Makes the task and its callbacks; call it in the strategy's scope.

  Args:
    config: Says what is trained.
    setup: The run.
    knowledge: The corpus.
    datasets: The training and the dev questions.
    answers: Of both.
    refresh_mode: See `run`.
  """
  train, dev = ([e.question for e in dataset] for dataset in datasets)
  parts = (
    config,
    setup.corpus.tokenizer,
    knowledge.packed,
    train,
    dev,
    answers,
  )
  asked = dev_questions.DevQuestions(datasets[1], knowledge, config)
  if config.train_passage_tower:
    words = knowledge.bm25.searcher.search if config.bm25_negatives else None
    following = following_task.FollowingTask(*parts, words)
    return following, following_hook.FollowingHook(
      following, config, setup, knowledge, asked, refresh_mode
    )
  task = (
    orqa_task.OrqaTask(*parts)
    if config.has_retriever
    else reader_task.ReaderTask(*parts, knowledge.bm25.searcher.search)
  )
  return task, finetune_hook.FinetuneHook(task, config, setup, knowledge, asked)


def _running(hook: Hook) -> contextlib.AbstractContextManager:
  """Returns what ends a refresher with the training, if there is one."""
  if isinstance(hook, following_hook.FollowingHook):
    return hook.running()
  return contextlib.nullcontext()


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
  strategy: tf.distribute.Strategy,
  sources: orqa_init.Sources,
  *,
  dataset: str,
  dev_dataset: str,
  corpus: str,
  model_dir: str,
) -> run_setup.CorpusSetup:
  """Opens the corpus, and checks that all fits."""
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
  run_setup.prepare_devices(config, strategy)
  return run_setup.CorpusSetup(run, model_dir, strategy, opened)


def _left_out(
  datasets: tuple[qa_datasets.QaDataset, ...],
  answers: question_answers.Answers,
  config: schema.OrqaConfig,
) -> dict[str, int]:
  """Returns how many questions cannot be learned from, by reason."""
  invalid = sum(len(dataset.invalid_patterns) for dataset in datasets)
  unusable = answers.shortest == 0
  too_long = config.train_reader & (answers.shortest > config.max_span_length)
  return {
    "questions with a pattern that is no regular expression": invalid,
    "questions whose answers the vocabulary cannot spell": int(unusable.sum()),
    "questions to the reader, as their answers are longer than "
    f"max_span_length={config.max_span_length}": int(too_long.sum()),
  }
