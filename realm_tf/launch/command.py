"""Starts a command: environment check, flags, one-line errors, exit status.

`run` is the last line of each module in `realm_tf/launch`. It sees to it that
a user's mistake ends in one line on stderr and exit status 2, and a signal in
one line and 128 + its number.
"""

import contextlib
import sys
import warnings
from collections.abc import Callable
from collections.abc import Iterator

from realm_tf import environment
from realm_tf import errors
from realm_tf import interruption


def run(main: Callable[[], None]) -> None:
  """Checks the environment, parses the flags, runs `main`, and exits.

  Args:
    main: The command. It reads its flags from `absl.flags.FLAGS` and imports
      TensorFlow only when it is called, so that `--help` and wrong flags
      answer at once.
  """
  interruption.install()
  with interruption.in_one_line(), mistakes_in_one_line():
    environment.check()
    environment.configure()
  from absl import app
  from absl import flags
  from absl import logging

  def parse(argv: list[str]) -> list[str]:
    try:
      positional = flags.FLAGS(argv)
    except flags.Error as e:
      _fail(e)
    if len(positional) > 1:
      _fail(
        f"Unexpected argument {positional[1]!r}. Flags are written "
        "--name=value."
      )
    return positional

  def run_main(argv: list[str]) -> None:
    del argv
    logging.set_verbosity(logging.ERROR)
    # Libraries warn of what is to come in versions that are not ours.
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    try:
      with mistakes_in_one_line(), interruption.in_one_line():
        main()
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
  """Turns a user's mistake into one line on stderr and exit status 2."""
  try:
    yield
  except errors.UserError as e:
    _fail(e)


def _fail(error: Exception | str) -> None:
  message = " ".join(str(error).split())
  print(f"error: {message}", file=sys.stderr)
  sys.exit(2)
