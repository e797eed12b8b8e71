"""The error that a caller's mistake raises."""


class UserError(ValueError):
  """A caller's mistake: a wrong argument, file, record or field.

  The message is one line. It names the argument, file, record or field at
  fault, and what to do. It speaks of arguments as Python does: `corpus=PATH`.
  Commands print it with flags in their place (`launch/console.py`), and exit
  with status 2, without a traceback.
  """
