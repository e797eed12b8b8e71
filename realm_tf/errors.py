"""The error that a command turns into one line and exit status 2."""


class UserError(Exception):
  """A user's mistake: a wrong flag, file, record or field.

  The message is one line that names the flag, file, record or field at fault
  and what to do. Commands print it and exit with status 2, without traceback.
  """
