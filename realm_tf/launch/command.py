"""Starts a command: environment check, flags, one-line errors, exit status.

`run` is the last line of each module in `realm_tf/launch`. It sees to it that
a user's mistake ends in one line on stderr and exit status 2, and a signal in
one line and 128 + its number.
"""

import contextlib
import difflib
import os
import signal
import sys
import warnings
from collections.abc import Callable
from collections.abc import Iterator

from realm_tf import environment
from realm_tf import errors
from realm_tf import interruption
from realm_tf.launch import console
from realm_tf.launch import help_text


def run(
  main: Callable[..., None],
  *,
  keeps_unknown: bool = False,
  takes_arguments: bool = False,
) -> None:
  """Checks the environment, parses the flags, runs `main`, and exits.

  Args:
    main: The command. It reads its flags from `absl.flags.FLAGS` and imports
      TensorFlow only when it is called, so that `--help` and wrong flags
      answer at once.
    keeps_unknown: Whether `main` is called with the flags that the command has
      not defined, which are another program's; else they are refused.
    takes_arguments: Whether `main` is called with the arguments that are no
      flags; else they are refused.
  """
  if help_text.is_wanted(sys.argv):
    help_text.show(sys.modules["__main__"].__doc__ or "")
    sys.exit(0)
  interruption.install()
  with interruption.in_one_line(), mistakes_in_one_line():
    environment.check()
    environment.configure()
  environment.collect_garbage_rarely()
  from absl import app
  from absl import flags
  from absl import logging

  def parse(argv: list[str]) -> list[str]:
    try:
      left = flags.FLAGS(argv, known_only=keeps_unknown)
    except flags.Error as e:
      _fail(_misspelt(argv) or e if keeps_unknown else e)
    for argument in left[1:]:
      is_kept = keeps_unknown and argument.startswith("-")
      if not (is_kept or takes_arguments):
        _fail(
          f"Unexpected argument {argument!r}. Flags are written --name=value."
        )
    return left

  def run_main(argv: list[str]) -> None:
    logging.set_verbosity(logging.ERROR)
    console.show_log(_names())
    # Libraries warn of what is to come in versions that are not ours.
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    try:
      with mistakes_in_one_line(), interruption.in_one_line():
        main(*[argv[1:]] if keeps_unknown or takes_arguments else [])
        sys.stdout.flush()
    except BrokenPipeError:
      # Whoever reads, such as `head`, has seen enough. Python would complain
      # of what is left to write at its exit.
      os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
      sys.exit(128 + signal.SIGPIPE)
    except Exception as e:
      from realm_tf import files

      full = files.full_disk(e)
      if full is None:
        raise
      _fail(
        f"No room to write: {full}. Make room and run the same command again; "
        "what was finished stays."
      )

  app.run(run_main, flags_parser=parse)


@contextlib.contextmanager
def mistakes_in_one_line() -> Iterator[None]:
  """Reports a user's mistake in one line on stderr, with exit status 2."""
  try:
    yield
  except errors.UserError as e:
    _fail(console.in_flags(str(e), _names()))


def _names() -> set[str]:
  """Returns the names of the command's flags, and of those it passes on."""
  from absl import flags

  passed_on = {argument.lstrip("-").partition("=")[0] for argument in sys.argv}
  return {*flags.FLAGS} | passed_on


def _misspelt(argv: list[str]) -> Exception | None:
  """Returns the error of a flag whose name is nearly one of the command's."""
  from absl import flags

  for argument in argv[1:]:
    name = argument.lstrip("-").partition("=")[0]
    is_known = name in flags.FLAGS or name.removeprefix("no") in flags.FLAGS
    if not argument.startswith("-") or is_known:
      continue
    if close := difflib.get_close_matches(name, flags.FLAGS, cutoff=0.8):
      return flags.UnrecognizedFlagError(name, suggestions=close)
  return None


def _fail(error: Exception | str) -> None:
  message = " ".join(str(error).split())
  print(f"error: {message}", file=sys.stderr)
  sys.exit(2)
