"""Lets a command take Apache Beam's flags beside its own."""

import importlib
import logging
import warnings
from collections.abc import Sequence

from absl import flags

BEAM_FLAG = flags.DEFINE_multi_string(
  "beam_flag",
  [],
  "A flag for Apache Beam, such as --beam_flag=--runner=DataflowRunner; "
  "Beam's flags may be written without --beam_flag= too.",
)


def quote(argv: Sequence[str]) -> list[str]:
  """Returns the arguments with each of Beam's as the value of --beam_flag.

  A flag that neither the command nor Beam knows is left as it is, so that a
  misspelt one is an error as ever.

  Args:
    argv: The arguments; argv[0] is the program.
  """
  quoted = list(argv[:1])
  beam_names = None
  for argument in argv[1:]:
    name = argument.lstrip("-").partition("=")[0]
    is_own = name in flags.FLAGS or name.removeprefix("no") in flags.FLAGS
    if argument.startswith("--") and name and not is_own:
      # Beam takes seconds to import, so only if there is a flag to look up.
      beam_names = beam_names or _beam_flag_names()
      if name in beam_names:
        argument = f"--beam_flag={argument}"
    quoted.append(argument)
  return quoted


def import_beam() -> None:
  """Imports Beam, without its warnings that concern Google's cloud alone."""
  logging.disable(logging.WARNING)
  with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    importlib.import_module("apache_beam")
  logging.disable(logging.NOTSET)
  logging.getLogger("apache_beam").setLevel(logging.ERROR)
  # A step's error is raised too, and then told in one line.
  for module in ("apache_beam.runners.common", "apache_beam.runners.worker"):
    logging.getLogger(module).setLevel(logging.CRITICAL)


def _beam_flag_names() -> set[str]:
  import_beam()
  from apache_beam.options import pipeline_options

  names: set[str] = set()
  for options in pipeline_options.PipelineOptions.__subclasses__():
    parser = pipeline_options._BeamArgumentParser()
    options._add_argparse_args(parser)
    for action in parser._actions:
      names.update(option.lstrip("-") for option in action.option_strings)
  return names
