"""The refresh job: one version, or a run's versions to its end."""

import dataclasses
import threading
import time
from typing import Any

from realm_tf import errors
from realm_tf.configs import run_config
from realm_tf.data import corpus as corpus_lib
from realm_tf.index import exports
from realm_tf.index import plan as plan_lib
from realm_tf.index import refresh
from realm_tf.index import run_state
from realm_tf.index import settings as settings_lib
from realm_tf.index import store as store_lib

_POLL_SECS = 0.5
_START_DEADLINE_SECS = 600


@dataclasses.dataclass(frozen=True)
class RefreshOptions:
  """What the command's flags say.

  Attributes:
    model_dir: The run.
    corpus: Folder of the knowledge corpus; empty for the run's.
    watch: Whether to follow the run to its end.
    step: The export to embed; None for the newest.
    verify_index: Whether to compare the sums of the versions that are there.
    overrides: Fields of `IndexConfig` by name; None leaves the run's value.
  """

  model_dir: str
  corpus: str = ""
  watch: bool = False
  step: int | None = None
  verify_index: bool = False
  overrides: dict[str, Any] = dataclasses.field(default_factory=dict)


def prepare(
  options: RefreshOptions, report: plan_lib.Report, num_threads: int = 0
) -> plan_lib.RefreshContext:
  """Reads the run and its corpus, and checks that they fit.

  Args:
    options: What the flags say.
    report: Takes lines for people.
    num_threads: Threads of an operation; 0 for all cores.

  Raises:
    errors.UserError: If the run, its corpus, a version or a flag is wrong.
  """
  if options.watch and options.step is not None:
    raise errors.UserError(
      "--step names one export, --watch takes each new one: give one of them."
    )
  run = run_config.read(options.model_dir)
  overrides = {k: v for k, v in options.overrides.items() if v is not None}
  config = dataclasses.replace(
    settings_lib.IndexConfig.from_task(run.config), **overrides
  )
  corpus = corpus_lib.Corpus.open(options.corpus or run.corpus)
  if corpus.fingerprint != run.corpus_fingerprint:
    raise errors.UserError(
      f"--corpus={corpus.path} is not the corpus of {options.model_dir}: its "
      f"fingerprint is {corpus.fingerprint}, the run's is "
      f"{run.corpus_fingerprint}. The run was started with {run.corpus}."
    )
  settings_lib.choose_settings(corpus.num_passages, config)
  store = store_lib.IndexStore(options.model_dir)
  for step in store.versions():
    store.open(
      step,
      corpus.fingerprint,
      corpus.num_passages,
      verify=options.verify_index,
    )
  context = plan_lib.RefreshContext(store, corpus, config, report, num_threads)
  if options.watch:
    # A version that is not finished when the trainer dies helps nobody.
    state = run_state.RunState(options.model_dir)
    context = dataclasses.replace(context, should_stop=lambda: _failed(state))
  return context


def describe(
  options: RefreshOptions, context: plan_lib.RefreshContext
) -> list[str]:
  """Returns lines on what the job will do and what it needs."""
  corpus, config = context.corpus, context.config
  what = (
    f"each new export until {options.model_dir} ends"
    if options.watch
    else "one export"
  )
  export = exports.EmbedderExport(path="", step=0, dim=config.projection_size)
  plan = plan_lib.VersionPlan.of(context, export)
  return [
    (
      f"refresh_index: {corpus.num_passages} passages of {corpus.path} in "
      f"{len(corpus.shard_paths)} shards, {what}, with "
      f"{config.num_index_workers} worker(s)."
    ),
    (
      f"  search: {plan.settings.describe()}; disk for a version: "
      f"{plan.needed_bytes / 1e6:.1f} MB; memory while the searcher is built: "
      f"about {plan.peak_bytes / 1e6:.1f} MB; in the trainer: "
      f"{plan.searcher_bytes / 1e6:.1f} MB, twice that while it changes "
      "versions."
    ),
  ]


def run_job(options: RefreshOptions, context: plan_lib.RefreshContext) -> int:
  """Does the work in this process; returns the exit status.

  Args:
    options: What the flags say.
    context: From `prepare`.

  Raises:
    errors.UserError: If an export or the disk makes the work impossible.
  """
  state = run_state.RunState(options.model_dir)
  with state.hold_refresher():
    if options.watch:
      return _follow(options.model_dir, context, state)
    export = exports.find(options.model_dir, options.step)
    if context.store.is_published(export.step):
      context.report(
        f"index {export.step} is there: {context.store.path(export.step)}"
      )
      return 0
    refresh.VersionBuilder(context, export).build()
    return 0


def _follow(
  model_dir: str,
  context: plan_lib.RefreshContext,
  state: run_state.RunState,
) -> int:
  """Builds the version of the newest export, over and over."""
  pause, started = threading.Event(), time.monotonic()
  while True:
    if _failed(state):
      context.report(
        f"refresh_index: the training of {model_dir} failed or was killed; "
        "nothing more is embedded. Resume it with the command that started it."
      )
      return 1
    # Before looking for exports: what a run exports last, it exports before
    # it says that it is done.
    ended = not state.is_alive() and state.state() == run_state.DONE
    newest = max(exports.steps(model_dir), default=None)
    latest = context.store.latest()
    if newest is not None and (latest is None or newest > latest):
      export = exports.find(model_dir, newest)
      refresh.VersionBuilder(context, export).build()
      continue
    if ended:
      return 0
    if (
      state.state() is None
      and time.monotonic() - started > _START_DEADLINE_SECS
    ):
      raise errors.UserError(
        f"--model_dir={model_dir} has not started to train within "
        f"{_START_DEADLINE_SECS} s. Start pretrain, then refresh_index."
      )
    pause.wait(_POLL_SECS)


def _failed(state: run_state.RunState) -> bool:
  """Returns whether the trainer is gone without having finished."""
  # Liveness first: a trainer leaves its last word before it lets go.
  alive = state.is_alive()
  return not alive and state.state() in (run_state.RUNNING, run_state.FAILED)
