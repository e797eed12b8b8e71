"""Runs the trainings that come before REALM: language model and ICT."""

import logging

import numpy as np

from realm_tf import suggestions
from realm_tf.configs import schema
from realm_tf.plans import host_memory
from realm_tf.training import loop
from realm_tf.training.recipes import corpus_lines
from realm_tf.training.recipes import run_setup
from realm_tf.training.tasks import ict_task
from realm_tf.training.tasks import mlm_task

_log = logging.getLogger(__name__)

_TASKS = {"pretrain_mlm": mlm_task.MlmTask, "pretrain_ict": ict_task.IctTask}
_NEXT = {"pretrain_mlm": "pretrain_ict", "pretrain_ict": "pretrain"}


def run(task_name: str, config: schema.TaskConfig, **where: str) -> None:
  """Trains a language model or a retriever.

  Args:
    task_name: "pretrain_mlm" or "pretrain_ict".
    config: Its settings.
    **where: Folders and devices; see `run_setup.set_up`.

  Raises:
    errors.UserError: If anything that the flags name does not fit.
  """
  setup = run_setup.set_up(task_name, config, **where)
  with setup.strategy.scope():
    task = _TASKS[task_name](config, setup.corpus.tokenizer, setup.sentences)
  run_setup.print_plan(
    setup,
    task,
    setup.lines() | _cut_passages(setup),
    task.dropped,
    host_memory.HostBytes(
      run_setup.data_bytes(setup.sentences), task.example_bytes
    ),
  )
  with run_setup.claimed(setup):
    result = loop.train(task, setup.run, setup.model_dir, setup.strategy)
  sources = setup.model_dir
  if task_name == "pretrain_ict" and setup.run.init_checkpoint:
    # A retriever alone would leave REALM a reader of random weights.
    sources = f"{setup.run.init_checkpoint},{sources}"
  flags = {
    "corpus": setup.run.corpus,
    "pretrain_corpus": setup.run.other_pretrain_corpus,
    "init_checkpoint": sources,
  }
  following = suggestions.training(
    _NEXT[task_name], config, task_name, setup.model_dir, flags
  )
  _log.info(
    f"Wrote {setup.model_dir}: step {result.step}. Next:\n  {following}"
  )


def _cut_passages(setup: run_setup.SentenceSetup) -> dict[str, str]:
  """Returns a line on passages that ICT cuts; a language model reads pairs."""
  config = setup.run.config
  if not isinstance(config, schema.IctConfig):
    return {}
  return corpus_lines.cut_passages(
    np.diff(setup.sentences.title_splits),
    np.diff(setup.sentences.passage_splits),
    config.passage_length,
  )
