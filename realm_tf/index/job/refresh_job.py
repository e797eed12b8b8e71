"""Runs `refresh_index`."""

import dataclasses
import os
import sys
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import suggestions
from realm_tf import tf_config
from realm_tf.index.job import follow
from realm_tf.index.job import workers
from realm_tf.runs import run_config
from realm_tf.runs import run_state


def run(options: follow.RefreshOptions, worker_command: Sequence[str]) -> int:
  """Refreshes the index; returns the exit status.

  Args:
    options: The command's options.
    worker_command: Starts a process that calls `run_worker` with the same
      options; takes `--num_workers`, and `--tpu` for its own, too.

  Raises:
    errors.UserError: If the run, its corpus, a version or a flag is wrong.
  """
  set_up_process()
  context = follow.prepare(options, report)
  for line in follow.describe(options, context):
    report(line)
  num_workers = context.config.index.num_index_workers
  of_workers = [["--num_workers=1", f"--tpu={tpu}"] for tpu in options.tpus]
  if not of_workers:
    of_workers = [[f"--num_workers={num_workers}"]] * num_workers
  if num_workers == 1:
    status = follow.run_job(options, context)
  else:
    pool = workers.WorkerPool(
      [[*worker_command, *flags] for flags in of_workers],
      context.store,
      report,
    )
    with run_state.RunState(options.model_dir).hold_refresher():
      status = pool.run()
  latest = context.store.latest()
  if status == 0 and latest is not None:
    trained = run_config.read(options.model_dir)
    following = suggestions.finetuning(
      trained.config, trained.task, options.model_dir, context.corpus.path
    )
    report(
      f"The newest index is {context.store.path(latest)}. Next: {following}"
    )
  return status


def run_worker(options: follow.RefreshOptions) -> int:
  """Works for a job that another process supervises; returns the status.

  Args:
    options: The command's options.

  Raises:
    errors.UserError: As `run`.
  """
  set_up_process()
  num_workers = options.overrides.get("num_index_workers") or 1
  threads = workers.threads_of_worker(num_workers)
  tf.config.threading.set_intra_op_parallelism_threads(threads)
  tf.config.threading.set_inter_op_parallelism_threads(threads)
  # The supervisor has verified what is there.
  options = dataclasses.replace(options, verify_index=False)
  context = follow.prepare(options, report, threads)
  return follow.run_job(options, context)


def set_up_process() -> None:
  """Silences Estimator's log of each session, and has it work alone.

  Estimator would take the cluster of a trainer's `TF_CONFIG` for its own.
  """
  os.environ.pop(tf_config.NAME, None)
  tf.get_logger().setLevel("ERROR")


def report(line: str) -> None:
  """Prints a whole line at once: several processes share the output."""
  sys.stdout.write(f"{line}{os.linesep}")
  sys.stdout.flush()
