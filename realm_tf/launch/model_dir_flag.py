"""The flag --model_dir of the commands that hold locks in the run's folder."""

import os

from absl import flags


def define(text: str, *, required: bool = True) -> flags.FlagHolder[str]:
  """Defines the flag, and sees that its folder is there or can be made.

  Args:
    text: For --help.
    required: Whether it must be given; else it is "" by default.
  """
  flag = flags.DEFINE_string(
    "model_dir", None if required else "", text, required=required
  )

  def check(path: str) -> bool:
    if path or required:
      _check(path)
    return True

  flags.register_validator(flag, check)
  return flag


def _check(path: str) -> None:
  if not path:
    raise flags.ValidationError("it is empty: name a folder.")
  if "://" in path:
    raise flags.ValidationError(
      "processes lock files in it: name a folder on a disk, local or shared."
    )
  found = os.path.abspath(path)
  while not os.path.lexists(found):
    found = os.path.dirname(found)
  if not os.path.isdir(found):
    raise flags.ValidationError(f"{found} is no folder: name another.")
  if not os.access(found, os.W_OK | os.X_OK):
    raise flags.ValidationError(f"{found} cannot be written to: name another.")
