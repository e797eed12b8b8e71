"""Compiles the steps of a config for a TPU, one core's share of each."""

import dataclasses
import logging
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import tensorflow as tf

from realm_tf import errors
from realm_tf import stack
from realm_tf.configs import loading
from realm_tf.plans import corpus_size
from realm_tf.tpu import chips
from realm_tf.tpu import compile_report
from realm_tf.tpu import compiler
from realm_tf.tpu import lowering
from realm_tf.tpu import step_programs

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Options:
  """What to compile.

  Attributes:
    config: A preset's name, or a JSON file.
    topology: See `chips.core`.
    python: See `compiler.check_python`.
    steps: Names in `step_programs.STEPS`.
    cores: What the batch is spread over; a batch of fewer examples, over one
      each.
    batch_size: Of all cores; 0 for the config's.
    precision: "float32" or "bfloat16"; "" for the config's.
    rematerializes: Whether trainings keep the inputs of layers alone.
    find_batch: Whether to look for the largest batch of a core.
    num_passages: Of the index that the cores hold with retrieval on them.
    refreshes_inline: Whether a step with such an index embeds some of them.
  """

  config: str
  topology: str
  python: str
  steps: Sequence[str]
  cores: int
  batch_size: int = 0
  precision: str = ""
  rematerializes: bool = False
  find_batch: bool = False
  num_passages: int = corpus_size.WIKIPEDIA_PASSAGES
  refreshes_inline: bool = False


class _Job(NamedTuple):
  """A step to compile: its name, its config, and a core's batch of how many."""

  name: str
  config: Any
  batch: int
  cores: int


def run(options: Options) -> bool:
  """Compiles, and logs a table.

  Args:
    options: What to compile.

  Returns:
    Whether all steps compile.

  Raises:
    errors.UserError: If an option does not fit.
  """
  core = chips.core(options.topology)
  unknown = set(options.steps) - step_programs.STEPS.keys()
  if unknown:
    raise errors.UserError(
      f"steps={','.join(sorted(unknown))} is none of "
      f"{', '.join(step_programs.STEPS)}."
    )
  jobs = [_job(options, name) for name in options.steps]
  compiler.check_python(options.python)
  stack.start_xla()
  rows = []
  for job in jobs:
    _log.info(f"Compiles {job.name} for {core.topology}, {job.batch} a core.")
    rows.append(_compile(job, core, options))
  _log.info(compile_report.table(rows))
  for row, job in zip(rows, jobs, strict=True):
    if row.compiled and step_programs.STEPS[job.name].trains:
      _log.info(compile_report.days(row, job.config.train_steps))
  return all(row.compiled for row in rows)


def _compile(
  job: _Job, core: chips.Core, options: Options
) -> compile_report.Row:
  """Compiles one step, with other batches if the options say so."""
  setting = step_programs.Setting(
    job.cores, options.num_passages, options.refreshes_inline
  )

  def attempt(batch: int) -> compile_report.Row:
    # What the last attempt's models hold goes first.
    tf.keras.backend.clear_session()
    row = compile_report.Row(job.name, batch, core, cores=job.cores)
    try:
      program = step_programs.STEPS[job.name].build(job.config, batch, setting)
      hlo = lowering.lower(program, job.cores)
      compiled = compiler.compile_program(hlo, core, options.python)
    except (lowering.Refused, compiler.TooLarge) as e:
      return dataclasses.replace(row, refusal=str(e))
    return dataclasses.replace(
      row, compiled=compiled, summed_bytes=hlo.summed_bytes
    )

  row = attempt(job.batch)
  if options.find_batch:
    largest = find_largest(lambda b: bool(attempt(b).compiled), row)
    row = dataclasses.replace(row, largest=largest)
  return row


def find_largest(fits: Callable[[int], bool], row: compile_report.Row) -> int:
  """Returns the largest batch that fits, by doubling and halving.

  Args:
    fits: Whether a core's batch does.
    row: What is known: whether `row.batch` does.

  Returns:
    `row.batch` times a power of two; 0 if a single example does not fit.
  """
  if row.compiled:
    batch = row.batch
    while fits(2 * batch):
      batch *= 2
    return batch
  batch = row.batch // 2
  while batch and not fits(batch):
    batch //= 2
  return batch


def _job(options: Options, name: str) -> _Job:
  """Returns a step's config, and the batch of a core."""
  kind = step_programs.STEPS[name]
  given: dict[str, Any] = {}
  if options.precision:
    given |= {"precision": options.precision}
    if name == "refresh_index":
      given |= {"export_precision": options.precision}
  if options.rematerializes:
    given |= {"rematerialize": True}
  config = loading.load(kind.task, options.config, given)
  batch: int = getattr(config, kind.batch_field)
  if not kind.is_spread:
    return _Job(name, config, batch, 1)
  batch = options.batch_size or batch
  cores = min(options.cores, batch)
  if batch % cores:
    raise errors.UserError(
      f"batch_size={batch} of {name} does not divide by cores={options.cores}."
    )
  return _Job(name, config, batch // cores, cores)
