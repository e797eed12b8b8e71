"""Compiles the steps of a config for a TPU, one core's share of each."""

import dataclasses
import logging
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from realm_tf import errors
from realm_tf import stack
from realm_tf.configs import loading
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
    cores: What the batch is spread over.
    batch_size: Of all cores; 0 for the config's.
    precision: "float32" or "bfloat16"; "" for the config's.
    find_batch: Whether to look for the largest batch of a core.
  """

  config: str
  topology: str
  python: str
  steps: Sequence[str]
  cores: int
  batch_size: int = 0
  precision: str = ""
  find_batch: bool = False


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
  jobs = [(name, *_config(options, name)) for name in options.steps]
  compiler.check_python(options.python)
  stack.start_xla()
  rows = []
  for name, config, batch in jobs:
    _log.info(f"Compiles {name} for {options.topology}, {batch} a core.")
    row = compile_step(
      step_programs.STEPS[name].build, config, name, batch, core, options
    )
    rows.append(row)
  _log.info(compile_report.table(rows))
  for row, (_, config, _) in zip(rows, jobs, strict=True):
    if row.compiled and row.gradient_bytes:
      _log.info(compile_report.days(row, config.train_steps))
  return all(row.compiled for row in rows)


def compile_step(
  build: Callable[[Any, int], step_programs.Program],
  config: Any,
  name: str,
  batch: int,
  core: chips.Core,
  options: Options,
) -> compile_report.Row:
  """Compiles one step.

  Args:
    build: From a config and a core's batch to the step's program.
    config: Of the step.
    name: For the table.
    batch: A core's.
    core: What to compile for.
    options: Cores, Python, and whether to look for the largest batch.
  """

  def attempt(batch: int) -> compile_report.Row:
    # What the last attempt's models hold goes first.
    tf.keras.backend.clear_session()
    row = compile_report.Row(name, batch, core, cores=options.cores)
    try:
      program = build(config, batch)
      hlo = lowering.lower(program)
      compiled = compiler.compile_program(hlo, core, options.python)
    except (lowering.Refused, compiler.TooLarge) as e:
      return dataclasses.replace(row, refusal=str(e))
    return dataclasses.replace(
      row, compiled=compiled, gradient_bytes=program.gradient_bytes
    )

  row = attempt(batch)
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


def _config(options: Options, name: str) -> tuple[Any, int]:
  """Returns a step's config, and the batch of a core."""
  kind = step_programs.STEPS[name]
  given: dict[str, Any] = {}
  if options.precision:
    given |= {"precision": options.precision}
    if name == "refresh_index":
      given |= {"export_precision": options.precision}
  config = loading.load(kind.task, options.config, given)
  batch: int = getattr(config, kind.batch_field)
  if not kind.is_spread:
    return config, batch
  batch = options.batch_size or batch
  if batch % options.cores:
    raise errors.UserError(
      f"batch_size={batch} of {name} does not divide by cores={options.cores}."
    )
  return config, batch // options.cores
