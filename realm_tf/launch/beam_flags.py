"""Lets a command take Apache Beam's flags beside its own."""

import contextlib
import difflib
import importlib
import io
import logging
import warnings
from collections.abc import Sequence

from absl import flags

from realm_tf import errors
from realm_tf.launch import dry_run

_BEAM_FLAG = flags.DEFINE_multi_string(
  "beam_flag",
  [],
  "A flag for Apache Beam, such as --beam_flag=--runner=DataflowRunner. Beam's "
  "flags may be written without --beam_flag= too; it hands on any other that a "
  "runner knows.",
)


def take(unknown: Sequence[str]) -> list[str]:
  """Imports Beam and returns the flags for it.

  Args:
    unknown: Flags that the command has not defined.

  Raises:
    errors.UserError: If Beam does not know one of them either, or not its
      value.
  """
  if unknown or not dry_run.is_wanted():
    _import_beam()
  # One dash will do for the command's own flags, but not for Beam's.
  unknown = [f"--{argument.lstrip('-')}" for argument in unknown]
  if unknown:
    _check(unknown)
  return [*_BEAM_FLAG.value, *unknown]


def _check(unknown: Sequence[str]) -> None:
  from apache_beam.options import pipeline_options

  options = pipeline_options.PipelineOptions(list(unknown))
  with io.StringIO() as said, contextlib.redirect_stderr(said):
    try:
      known = options.get_all_options()
      found = options.get_all_options(retain_unknown_options=True)
    except SystemExit as e:  # as argparse ends a program
      why = said.getvalue().strip().rpartition("error: ")[2]
      raise errors.UserError(f"Apache Beam: {why}.") from e
  for argument in unknown:
    name = argument.removeprefix("--").partition("=")[0]
    if name.replace("-", "_") in found.keys() - known.keys():
      close = difflib.get_close_matches(name, [*flags.FLAGS, *known])
      raise errors.UserError(
        str(flags.UnrecognizedFlagError(name, suggestions=close))
      )


def _import_beam() -> None:
  """Imports Beam, without its warnings that concern Google's cloud alone."""
  logging.disable(logging.WARNING)
  with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    importlib.import_module("apache_beam")
  logging.disable(logging.NOTSET)
  logging.getLogger("apache_beam").setLevel(logging.ERROR)
  # A step's error is raised, too, and then reported in one line.
  for module in ("apache_beam.runners.common", "apache_beam.runners.worker"):
    logging.getLogger(module).setLevel(logging.CRITICAL)
