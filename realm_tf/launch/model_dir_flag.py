"""The flag --model_dir of the commands that hold locks in the run's folder."""

from absl import flags

from realm_tf.launch import path_checks


def define(text: str, *, required: bool = True) -> flags.FlagHolder[str]:
  """Defines the flag, which must be a folder that exists or can be made.

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
  if why := path_checks.why_no_folder(path):
    raise flags.ValidationError(why)
