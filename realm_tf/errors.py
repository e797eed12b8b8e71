"""The error that a caller's mistake raises, and what damaged values raise."""

# What comes of using a parsed JSON value that is not of the form it should be:
# a number that no float or integer holds is an OverflowError.
MALFORMED = (AttributeError, KeyError, OverflowError, TypeError, ValueError)

_MOST_CHARACTERS = 1500  # of a message
_LAST_CHARACTERS = 500  # of these, those that say what to do


class UserError(ValueError):
  """A caller's mistake: a wrong argument, file, record or field.

  The message is one line. It names the argument, file, record or field at
  fault, and what to do. It speaks of arguments as Python does: `corpus=PATH`.
  Commands print it with flags in their place (`launch/console.py`), and exit
  with status 2, without a traceback.

  The middle of a very long message is left out: it repeats a value of a file
  that may be of any length.
  """

  def __init__(self, message: str):
    """Takes the message."""
    if len(message) > _MOST_CHARACTERS:
      first = message[: _MOST_CHARACTERS - _LAST_CHARACTERS]
      message = f"{first} ... {message[-_LAST_CHARACTERS:]}"
    super().__init__(message)
