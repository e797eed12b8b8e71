"""Runs REALM pre-training: trainer, refresher, summary."""

import dataclasses
import logging
import shlex

import tensorflow as tf

from realm_tf import errors
from realm_tf import suggestions
from realm_tf.configs import schema
from realm_tf.data.corpus import corpora
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

  task: realm_task.RealmTask | device_task.DeviceRealmTask
  hook: pretrain_hook.PretrainHook | device_hook.DeviceHook
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
  tokenizer, passages = setup.corpus.tokenizer, setup.corpus.load_passages()
  parts = (config, tokenizer, setup.sentences, passages)
  task: realm_task.RealmTask | device_task.DeviceRealmTask
  # A new version is loaded while the old one still feeds the model.
  index_bytes = 2 * setup.corpus.num_passages * config.embedding_size * 4
  device_lines: dict[str, str] = {}
  with setup.strategy.scope():
    if retrieval == "device":
      task = device_task.DeviceRealmTask(
        *parts, refreshes_inline=refresh_mode == refresh_modes.INLINE
      )
      index_bytes = task.index_bytes
      device_lines = {"index": task.share_bytes.describe()}
    else:
      task = realm_task.RealmTask(*parts)
  run_setup.print_plan(
    setup,
    task,
    setup.lines()
    | corpus_lines.sources(setup.sentences, passages, setup.corpus)
    | corpus_lines.cut_passages(
      passages.title_ids.lengths,
      passages.body_ids.lengths,
      config.passage_length,
    )
    | ({"questions": asked.describe()} if asked else {})
    | device_lines,
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
  judge = None
  if asked:
    view = reader_view.ReaderView(tokenizer, config)
    judge = recall.Judge(asked.examples, setup.corpus.read_texts, view)
  run_parts = (
    setup.run,
    config,
    setup.model_dir,
    setup.corpus.num_passages,
    refresh_mode,
    judge,
    setup.hosts,
  )
  hook: pretrain_hook.PretrainHook | device_hook.DeviceHook
  if isinstance(task, device_task.DeviceRealmTask):
    of_device = (
      inline_hook.InlineHook
      if refresh_mode == refresh_modes.INLINE
      else device_hook.DeviceHook
    )
    hook = of_device(task, *run_parts)
  else:
    hook = pretrain_hook.PretrainHook(task, *run_parts)
  with hook.running(), run_setup.claimed(setup):
    result = loop.train(task, setup.run, setup.model_dir, setup.strategy, hook)
  used = ", ".join(map(str, hook.versions_used)) or "none"
  following = suggestions.finetuning(
    config,
    "pretrain",
    setup.model_dir,
    setup.run.corpus,
    questions if qa_splits.has_split(questions, "train") else "",
    data_dir=data_dir,
    manual_dir=manual_dir,
  )
  curves = shlex.quote(
    f"--logdir={run_folder.RunFolder(setup.model_dir).tensorboard()}"
  )
  _log.info(
    f"Wrote {setup.model_dir}: step {result.step}; index versions used: "
    f"{used}. Next:\n"
    f"  {following}\n"
    "Its curves:\n"
    f"  tensorboard {curves}"
  )
  return Pretrained(task, hook, setup.corpus, result, setup.strategy)
