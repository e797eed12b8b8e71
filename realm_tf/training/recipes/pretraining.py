"""Runs REALM pre-training: trainer, refresher, summary."""

import dataclasses
import logging
import shlex
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import errors
from realm_tf import suggestions
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
from realm_tf.data.corpus import passage_table
from realm_tf.data.questions import qa_datasets
from realm_tf.data.questions import qa_splits
from realm_tf.evaluation import reader_view
from realm_tf.evaluation import recall
from realm_tf.plans import host_memory
from realm_tf.plans import refresh_modes
from realm_tf.runs import run_folder
from realm_tf.training import loop
from realm_tf.training.recipes import corpus_lines
from realm_tf.training.recipes import device_hook
from realm_tf.training.recipes import inline_hook
from realm_tf.training.recipes import pretrain_hook
from realm_tf.training.recipes import run_setup
from realm_tf.training.tasks import device_task
from realm_tf.training.tasks import realm_task

_log = logging.getLogger(__name__)

Task = realm_task.RealmTask | device_task.DeviceRealmTask
Hook = pretrain_hook.PretrainHook | device_hook.DeviceHook


@dataclasses.dataclass(frozen=True)
class Pretrained:
  """A finished run in memory.

  Attributes:
    task: The model with its held-out examples.
    hook: Opens index versions; of `retrieval`.
    corpus: The knowledge corpus.
    result: Of the training loop.
    strategy: Where the model is.
  """

  task: Task
  hook: Hook
  corpus: corpora.Corpus
  result: loop.TrainingResult
  strategy: tf.distribute.Strategy


def run(
  config: schema.TaskConfig,
  *,
  refresh_mode: str,
  retrieval: str = "host",
  questions: str = "",
  data_dir: str | None = None,
  manual_dir: str | None = None,
  **where: str,
) -> Pretrained:
  """Pre-trains REALM while the index is rebuilt beside it.

  Args:
    config: The settings, of `pretrain`.
    refresh_mode: One of `refresh_modes.MODES`, or `refresh_modes.INLINE`.
    retrieval: One of `refresh_modes.RETRIEVAL`: where queries are embedded and
      the index is searched.
    questions: A dataset whose dev questions' zero-shot recall each evaluation
      measures (paper, Table 2), as `qa_splits.load` takes it; empty for none.
    data_dir: TFDS's folder of prepared data.
    manual_dir: Folder with a TFDS builder's sources.
    **where: Folders and devices; see `run_setup.set_up`.

  Raises:
    errors.UserError: If anything that the flags name does not fit.
  """
  if not isinstance(config, schema.RealmConfig):
    raise TypeError(f"`config` must be a RealmConfig, got {config!r}.")
  refresh_modes.check_retrieval(refresh_mode, retrieval)
  # First: workers of a cluster meet before TensorFlow does anything else.
  setup = run_setup.set_up("pretrain", config, **where)
  if retrieval == "device" and setup.hosts.count > 1:
    raise errors.UserError(
      "retrieval=device trains in one process: give retrieval=host, or leave "
      "TF_CONFIG out."
    )
  asked = None
  if questions:
    asked = qa_splits.load(
      questions, "dev", data_dir=data_dir, manual_dir=manual_dir
    )
  passages = setup.corpus.load_passages()
  with setup.strategy.scope():
    task = _make_task(config, setup, passages, retrieval, refresh_mode)
  _print_plan(config, setup, passages, task, asked)
  judge = None
  if asked:
    view = reader_view.ReaderView(setup.corpus.tokenizer, config)
    judge = recall.Judge(asked.examples, setup.corpus.read_texts, view)
  hook = _make_hook(config, setup, task, refresh_mode, judge)
  with hook.running(), run_setup.claimed(setup):
    result = loop.train(task, setup.run, setup.model_dir, setup.strategy, hook)
  following = suggestions.finetuning(
    config,
    "pretrain",
    setup.model_dir,
    setup.run.corpus,
    questions if qa_splits.has_split(questions, "train") else "",
    data_dir=data_dir,
    manual_dir=manual_dir,
  )
  _report(setup.model_dir, result.step, hook.versions_used, following)
  return Pretrained(task, hook, setup.corpus, result, setup.strategy)


def _make_task(
  config: schema.RealmConfig,
  setup: run_setup.SentenceSetup,
  passages: passage_table.PassageTable,
  retrieval: str,
  refresh_mode: str,
) -> Task:
  """Makes the model and its examples; call it in the strategy's scope."""
  parts = (config, setup.corpus.tokenizer, setup.sentences, passages)
  if retrieval == "device":
    return device_task.DeviceRealmTask(
      *parts, refreshes_inline=refresh_mode == refresh_modes.INLINE
    )
  return realm_task.RealmTask(*parts)


def _print_plan(
  config: schema.RealmConfig,
  setup: run_setup.SentenceSetup,
  passages: passage_table.PassageTable,
  task: Task,
  asked: qa_datasets.QaDataset | None,
) -> None:
  """Prints what is trained on what, and checks that the memory holds it."""
  lines = (
    setup.lines()
    | corpus_lines.sources(setup.sentences, passages, setup.corpus)
    | corpus_lines.cut_passages(
      passages.title_ids.lengths,
      passages.body_ids.lengths,
      config.passage_length,
    )
  )
  if asked:
    lines["questions"] = asked.describe()
  if isinstance(task, device_task.DeviceRealmTask):
    lines["index"] = task.share_bytes.describe()
    index_bytes = task.index_bytes
  else:
    # A new version is loaded while the old one still feeds the model.
    index_bytes = 2 * setup.corpus.num_passages * config.embedding_size * 4
  run_setup.print_plan(
    setup,
    task,
    lines,
    task.source.dropped,
    host_memory.HostBytes(
      mapped=run_setup.data_bytes(setup.sentences)
      + passages.nbytes
      + task.packed_bytes,
      examples=task.example_bytes,
      index=index_bytes,
      other=task.data_bytes,
    ),
  )


def _make_hook(
  config: schema.RealmConfig,
  setup: run_setup.SentenceSetup,
  task: Task,
  refresh_mode: str,
  judge: recall.Judge | None,
) -> Hook:
  """Makes what opens index versions for the task."""
  parts = (
    setup.run,
    config,
    setup.model_dir,
    setup.corpus.num_passages,
    refresh_mode,
    judge,
    setup.hosts,
  )
  if not isinstance(task, device_task.DeviceRealmTask):
    return pretrain_hook.PretrainHook(task, *parts)
  if refresh_mode == refresh_modes.INLINE:
    return inline_hook.InlineHook(task, *parts)
  return device_hook.DeviceHook(task, *parts)


def _report(
  model_dir: str, step: int, versions: Sequence[int], following: str
) -> None:
  """Says what was written, and which command comes next."""
  used = ", ".join(map(str, versions)) or "none"
  curves = shlex.quote(
    f"--logdir={run_folder.RunFolder(model_dir).tensorboard()}"
  )
  _log.info(
    f"Wrote {model_dir}: step {step}; index versions used: {used}. Next:\n"
    f"  {following}\n"
    "Its curves:\n"
    f"  tensorboard {curves}"
  )
