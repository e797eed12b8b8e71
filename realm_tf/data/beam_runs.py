"""Shared by all Beam pipelines: the local runner, and errors in one line."""

import contextlib
import re
from collections.abc import Iterator
from collections.abc import Sequence

from apache_beam.options import pipeline_options
from apache_beam.runners import runner

from realm_tf import errors

# The "DirectRunner" of this Beam would first try to fetch a program from the
# network; this is the runner that it falls back to.
_LOCAL_RUNNER = (
  "apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"
)
_LOCAL_RUNNER_NAMES = (None, "DirectRunner", "direct")
_USER_ERROR = re.compile(r"UserError: (.*?)(?: \[while running|\n|$)")


def options(beam_flags: Sequence[str]) -> pipeline_options.PipelineOptions:
  """Returns Beam's options; without a --runner, this machine runs it all.

  Args:
    beam_flags: Flags of Beam's own, such as "--runner=DataflowRunner".

  Raises:
    errors.UserError: If there is no such runner.
  """
  beam_options = pipeline_options.PipelineOptions(list(beam_flags))
  standard = beam_options.view_as(pipeline_options.StandardOptions)
  if standard.runner in _LOCAL_RUNNER_NAMES:
    standard.runner = _LOCAL_RUNNER
  try:
    runner.create_runner(standard.runner)
  except (ImportError, AttributeError, ValueError) as e:
    raise errors.UserError(f"runner={standard.runner}: {e}") from e
  return beam_options


@contextlib.contextmanager
def user_errors() -> Iterator[None]:
  """Raises a worker's UserError as one again.

  A runner wraps what a worker raised, or adds to it, or has text alone.
  """
  try:
    yield
  except Exception as e:
    message = _USER_ERROR.search(f"{type(e).__name__}: {e}")
    if not message:
      raise
    raise errors.UserError(message[1]) from e
