"""Refuses wrong paths before TensorFlow is imported, which takes seconds.

Checks only what this machine's disks show. Paths elsewhere ("://"), and the
contents of files, are checked when they are read. In a dry run, what is not
there is listed by the plan, and no error.
"""

import glob
import os
from collections.abc import Iterable

from realm_tf import absent
from realm_tf import encyclopedia
from realm_tf import errors
from realm_tf.launch import dry_run

_ENCYCLOPEDIA = "encyclopedia"
_SPLIT = "{split}"
_QUESTIONS = (".jsonl", ".ndjson", ".json", ".csv", ".txt")
_COMPRESSED = (".gz", ".bz2")
# What makes a folder one with weights; see `checkpoints/reading.py`.
_WEIGHTS = (
  "config.json",
  "modules.json",
  "saved_model.pb",
  "params.json",
  "checkpoint",
)
_INDEX = ".index"


def corpus(folder: str) -> None:
  """Raises if a folder holds no corpus; "" passes."""
  if _is_missing("corpus", folder):
    return
  if _is_here(folder) and not _has(folder, "manifest.json"):
    raise absent.corpus(folder, is_folder=os.path.isdir(folder))


def sentences(folder: str) -> None:
  """Raises if a corpus has not been annotated."""
  annotation = os.path.join(folder, "sentences")
  if _is_missing("corpus", annotation):
    return
  records = os.path.join(glob.escape(annotation), "*.tfrecord*")
  if _is_here(folder) and not glob.glob(records):
    raise absent.sentences(folder)


def run(model_dir: str) -> None:
  """Raises if a folder is no run."""
  if _is_missing("model_dir", model_dir):
    return
  if _is_here(model_dir) and not is_run(model_dir):
    raise absent.run(model_dir)


def is_run(model_dir: str) -> bool:
  """Whether a folder on this machine is a run."""
  return _has(model_dir, "config.json")


def weights(flag: str, sources: str) -> None:
  """Raises if a source is neither a run nor public weights.

  Args:
    flag: The flag's name.
    sources: Its value; commas separate several.
  """
  for source in filter(_is_here, sources.split(",")):
    is_prefix = os.path.exists(source + _INDEX)
    if _is_missing(flag, source, is_there=is_prefix or None) or is_prefix:
      continue
    if os.path.exists(source) and not os.path.isdir(source):
      continue  # The reader's error says more.
    checkpoints = glob.glob(os.path.join(glob.escape(source), "*" + _INDEX))
    if not checkpoints and not any(_has(source, name) for name in _WEIGHTS):
      raise errors.UserError(f"--{flag}: {absent.weights(source)}")


def there(flag: str, paths: Iterable[str]) -> None:
  """Raises if a path does not exist."""
  for path in filter(_is_here, paths):
    if not _is_missing(flag, path) and not os.path.exists(path):
      raise absent.path(flag, path)


def tpu_python(python: str) -> None:
  """Raises if a Python does not exist."""
  if _is_missing("tpu_python", python):
    return
  if not os.path.exists(python):
    raise absent.tpu_python(python)


def vocabulary(file: str) -> None:
  """Raises if a vocabulary is not a file."""
  if _is_missing("vocab", file):
    return
  if _is_here(file) and not os.path.isfile(file):
    raise absent.vocabulary(file)


def documents(flag: str, inputs: Iterable[str]) -> None:
  """Raises if a path, pattern or folder matches no file.

  Args:
    flag: The flag's name.
    inputs: Its values, as `data.sources.resolve` takes them.
  """
  for value in filter(_is_here, inputs):
    kind, _, kinds = value.partition(":")
    if kind == _ENCYCLOPEDIA:
      encyclopedia.select_kinds(kinds)
      continue
    is_there = os.path.exists(value) or bool(glob.glob(value))
    if not _is_missing(flag, value, is_there=is_there) and not is_there:
      raise absent.path(flag, value)


def dataset(
  flag: str, name: str, split: str | None, builders: Iterable[str]
) -> None:
  """Raises if a dataset does not exist.

  Args:
    flag: The flag's name.
    name: Its value, as `data.qa_splits.load` takes it; "" for none.
    split: The split that is read, where it is known.
    builders: Names of TFDS builders.
  """
  kind, _, kinds = name.partition(":")
  if not _is_here(name) or name in builders:
    return
  if kind == _ENCYCLOPEDIA:
    encyclopedia.select_kinds(kinds)
  elif not _is_file_name(name):
    raise absent.dataset(name, builders)
  elif _SPLIT not in name:
    there(flag, [name])
  else:
    is_there = bool(glob.glob(glob.escape(name).replace(_SPLIT, split or "*")))
    path = name.replace(_SPLIT, split or _SPLIT)
    if not _is_missing(flag, path, is_there=is_there) and not is_there:
      raise absent.path(flag, path)


def tagger(source: str) -> None:
  """Raises if a tagger is neither the rules, nor an export, nor installed."""
  manifests = (
    "manifest.json",
    os.path.join("exports", "tagger", "manifest.json"),
  )
  if source == "rules" or not _is_here(source):
    return
  from realm_tf.text import spacy_tagger

  if source.startswith(spacy_tagger.PREFIX):
    spacy_tagger.check(source)
    return
  if _is_missing("tagger", source):
    return
  if not any(_has(source, name) for name in manifests):
    raise absent.tagger(source)


def folder(flag: str, path: str) -> None:
  """Raises if a path is not a folder."""
  if _is_missing(flag, path):
    return
  if _is_here(path) and not os.path.isdir(path):
    raise absent.path(flag, path)


def output(path: str, *, new: bool = False) -> None:
  """Raises if --output is not a folder and cannot be made one.

  Args:
    path: Its value; "" for none.
    new: Whether it must not hold anything.
  """
  if not _is_here(path):
    return
  if new and os.path.exists(path) and not _is_empty_folder(path):
    raise absent.new_folder(path)
  if why := why_no_folder(path):
    raise errors.UserError(f"--output={path}: {why}")


def demo(path: str) -> None:
  """Raises if --output holds anything but a demo."""
  output(path)
  if _is_foreign(path, "demo.json"):
    raise absent.demo(path)


def reproduction(path: str) -> None:
  """Raises if --output holds anything but tables and their runs."""
  output(path)
  if _is_foreign(path, "reproduction.json"):
    raise absent.reproduction(path)


def why_no_folder(path: str) -> str:
  """Returns why no folder can be made at a path, or written to; "" if it can.

  Args:
    path: On a local disk; missing folders would be made.
  """
  found = os.path.abspath(path)
  while not os.path.lexists(found):
    found = os.path.dirname(found)
  if not os.path.isdir(found):
    return f"{found} is no folder: name another."
  if not os.access(found, os.W_OK | os.X_OK):
    return f"{found} cannot be written to: name another."
  return ""


def _is_here(path: str) -> bool:
  """Whether a path is given and on a disk of this machine."""
  return bool(path) and "://" not in path


def _is_missing(flag: str, path: str, *, is_there: bool | None = None) -> bool:
  """Whether a path is not there, and need not be: in a dry run.

  Args:
    flag: The flag that names it.
    path: Its value; "" for none.
    is_there: Whether there is such a path; None to look.
  """
  if not path:
    return False
  if is_there is None:
    is_there = not _is_here(path) or os.path.lexists(path)
  return dry_run.is_missing(flag, path, is_there=is_there)


def _has(folder_: str, name: str) -> bool:
  return os.path.exists(os.path.join(folder_, name))


def _is_foreign(path: str, marker: str) -> bool:
  """Whether a path on this machine holds something, but no marker."""
  is_new = not os.path.exists(path) or _is_empty_folder(path)
  return _is_here(path) and not is_new and not _has(path, marker)


def _is_empty_folder(path: str) -> bool:
  return os.path.isdir(path) and not os.listdir(path)


def _is_file_name(dataset_: str) -> bool:
  """Whether a dataset is a path, as `questions/qa_datasets.py` has it."""
  name = dataset_.lower()
  for suffix in _COMPRESSED:
    name = name.removesuffix(suffix)
  return "/" in dataset_ or name.endswith(_QUESTIONS)
