"""The refresh job: one version, or a run's versions to its end."""

import dataclasses
import threading
import time
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf.checkpoints import fitting
from realm_tf.index.build import claims
from realm_tf.index.build import embedding_engine
from realm_tf.index.build import index_builder
from realm_tf.index.build import refresh_config
from realm_tf.index.build import refresh_plan
from realm_tf.index.search import searcher_settings
from realm_tf.index.versions import run_index
from realm_tf.runs import exports
from realm_tf.runs import run_config
from realm_tf.runs import run_folder
from realm_tf.runs import run_state

_POLL_SECS = 0.5
# How long a trainer may take to start, or to be started again.
_START_DEADLINE_SECS = 600


@dataclasses.dataclass(frozen=True)
class RefreshOptions:
  """The options of a refresh job.

  Attributes:
    model_dir: The run.
    corpus: Folder of the knowledge corpus; empty for the run's.
    watch: Whether to follow the run to its end.
    step: The export to embed; None for the newest.
    verify_index: Whether to compare the sums of the versions that are there.
    takeover_secs: How long a worker may show no sign of life before others
      take its shard over.
    overrides: Fields of `IndexConfig` by name; None leaves the run's value.
    tpus: The TPUs that embed, one for each worker; empty for the GPUs that are
      there, else the CPU.
  """

  model_dir: str
  corpus: str = ""
  watch: bool = False
  step: int | None = None
  verify_index: bool = False
  takeover_secs: float = claims.TAKEOVER_SECS
  overrides: dict[str, Any] = dataclasses.field(default_factory=dict)
  tpus: Sequence[str] = ()


def prepare(
  options: RefreshOptions, report: refresh_plan.Report, num_threads: int = 0
) -> refresh_plan.RefreshContext:
  """Reads the run and its corpus, and checks that they fit.

  Args:
    options: The command's options.
    report: Prints a line.
    num_threads: Threads of an operation; 0 for all cores.

  Raises:
    errors.UserError: If the run, its corpus, a version or a flag is wrong.
  """
  if options.watch and options.step is not None:
    raise errors.UserError(
      "`step` names one export, watch=True takes each new one: give one of "
      "them."
    )
  if options.watch:
    _wait_for_config(options.model_dir)
  run = run_config.read(options.model_dir)
  if options.watch and run.is_imported:
    raise errors.UserError(
      f"watch=True follows a training, and {options.model_dir} is an imported "
      "encoder: leave it out."
    )
  overrides = {k: v for k, v in options.overrides.items() if v is not None}
  if options.tpus:
    count = overrides.setdefault("num_index_workers", len(options.tpus))
    if count != len(options.tpus):
      raise errors.UserError(
        f"num_workers={count}, but tpu={','.join(options.tpus)} names "
        f"{len(options.tpus)}: each worker has a TPU of its own. Name as many, "
        "or start a job on each TPU VM."
      )
  config = refresh_config.RefreshConfig.of(run.config)
  config = dataclasses.replace(
    config, index=dataclasses.replace(config.index, **overrides)
  )
  corpus = fitting.open_corpus(options.corpus, options.model_dir, run)
  if not run.is_imported and corpus.fingerprint != run.corpus_fingerprint:
    raise errors.UserError(
      f"corpus={corpus.path} is not the corpus of {options.model_dir}: its "
      f"fingerprint is {corpus.fingerprint}, the run's is "
      f"{run.corpus_fingerprint}. The run was started with {run.corpus}."
    )
  settings = searcher_settings.choose_settings(
    corpus.num_passages, config.index, config.num_candidates
  )
  if settings.exact:
    _refuse_settings_of_a_tree(overrides, corpus.num_passages, config)
  store = run_index.home(run, options.model_dir, corpus.fingerprint)
  for step in filter(store.is_usable, store.versions()):
    try:
      store.open(
        step,
        corpus.fingerprint,
        corpus.num_passages,
        verify=options.verify_index,
      )
    except errors.UserError:
      if store.is_usable(step):  # Not pruned meanwhile.
        raise
  context = refresh_plan.RefreshContext(
    store,
    corpus,
    config,
    report,
    num_threads,
    takeover_secs=options.takeover_secs,
    tpu=options.tpus[0] if options.tpus else "",
  )
  if options.watch:
    # A version that is unfinished when the trainer dies is useless.
    trainer = _Trainer(run_state.RunState(options.model_dir))
    context = dataclasses.replace(context, should_stop=trainer.has_failed)
  return context


def _refuse_settings_of_a_tree(
  overrides: dict[str, Any],
  num_passages: int,
  config: refresh_config.RefreshConfig,
) -> None:
  for name in ("num_leaves", "leaves_to_search", "reordering_candidates"):
    if overrides.get(name):
      raise errors.UserError(
        f"{name}={overrides[name]} is of a tree, but {num_passages} passages "
        "are searched exactly: a tree is for "
        f"{config.index.exact_search_below} and more (the run's "
        "exact_search_below). Leave it out."
      )


def describe(
  options: RefreshOptions, context: refresh_plan.RefreshContext
) -> list[str]:
  """Returns lines on the work of the job and the room it needs."""
  corpus, config = context.corpus, context.config
  what = (
    f"each new export until {options.model_dir} ends"
    if options.watch
    else "one export"
  )
  export = exports.EmbedderExport(path="", step=0, dim=config.embedding_size)
  plan = refresh_plan.VersionPlan.of(context, export)
  most, read = corpus.manifest.max_passage_tokens, config.passage_length
  cut = (
    f"  passages of more than {read} wordpieces are cut, and the corpus was "
    f"built with up to {most}: build_corpus(max_passage_tokens={read}) packs "
    "passages that fit."
  )
  return [
    (
      f"refresh_index: {corpus.num_passages} passages of {corpus.path} in "
      f"{len(corpus.shard_paths)} shards, {what}, with "
      f"{config.index.num_index_workers} worker(s), by "
      f"{embedding_engine.name(context.tpu)}."
    ),
    (f"  search: {plan.settings.describe()}; {plan.bytes.describe()}."),
    *([cut] if most > read else []),
  ]


def run_job(
  options: RefreshOptions, context: refresh_plan.RefreshContext
) -> int:
  """Does the work in this process; returns the exit status.

  Args:
    options: The command's options.
    context: From `prepare`.

  Raises:
    errors.UserError: If an export or the disk makes the work impossible.
  """
  state = run_state.RunState(options.model_dir)
  with state.hold_refresher():
    if options.watch:
      return _follow(options.model_dir, context, state)
    export = exports.find(options.model_dir, options.step)
    if context.store.is_usable(export.step):
      context.report(
        f"index {export.step} is there: {context.store.path(export.step)}"
      )
      return 0
    index_builder.VersionBuilder(context, export).build()
    return 0


def _wait_for_config(model_dir: str) -> None:
  """Waits for a run to begin, as both may be started at the same time."""
  pause, started = threading.Event(), time.monotonic()
  path = run_folder.RunFolder(model_dir).config
  while not tf.io.gfile.exists(path):
    if time.monotonic() - started > _START_DEADLINE_SECS:
      raise errors.UserError(
        f"model_dir={model_dir} has not started to train within "
        f"{_START_DEADLINE_SECS} s. Start pretrain there."
      )
    pause.wait(_POLL_SECS)


class _Trainer:
  """The state of the trainer, as a refresher sees it."""

  def __init__(self, state: run_state.RunState):
    self._state = state
    self._seen = False
    self._deadline_secs = time.monotonic() + _START_DEADLINE_SECS

  def has_failed(self) -> bool:
    """Returns whether the trainer has ended without finishing.

    One that has not been seen alive may be about to be resumed.
    """
    # Liveness first: a trainer leaves its last word before it lets go.
    alive = self._state.is_alive()
    self._seen |= alive
    if alive or self._state.state() == run_state.DONE:
      return False
    return self._seen or time.monotonic() > self._deadline_secs


def _follow(
  model_dir: str,
  context: refresh_plan.RefreshContext,
  state: run_state.RunState,
) -> int:
  """Builds the version of the newest export, over and over."""
  pause = threading.Event()
  while True:
    if context.should_stop():
      how = (
        "was interrupted"
        if state.state() == run_state.INTERRUPTED
        else "failed or was killed"
      )
      context.report(
        f"refresh_index: the training of {model_dir} {how}; nothing more is "
        "embedded. Resume it with the command that started it."
      )
      return 1
    # Before looking for exports: what a run exports last, it exports before
    # it says that it is done.
    ended = not state.is_alive() and state.state() == run_state.DONE
    newest = max(exports.steps(model_dir), default=None)
    if newest is not None and not context.store.is_usable(newest):
      _build(context, model_dir, newest)
      continue
    if ended:
      return 0
    pause.wait(_POLL_SECS)


def _build(
  context: refresh_plan.RefreshContext, model_dir: str, step: int
) -> None:
  """Builds the version of an export, unless the export is removed meanwhile."""
  try:
    export = exports.find(model_dir, step)
    index_builder.VersionBuilder(context, export).build()
  except (errors.UserError, OSError, tf.errors.OpError):
    if step in exports.steps(model_dir):
      raise
    context.report(
      f"index {step}: the trainer has removed this export; going on with the "
      "newest."
    )
