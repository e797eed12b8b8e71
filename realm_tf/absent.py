"""What is said of a path or name that is not what it must be.

Commands say it before TensorFlow is imported, of paths on this machine's disks
(`launch/path_checks.py`), and whoever reads the files says it of all others.
"""

from collections.abc import Iterable

from realm_tf import errors


def path(flag: str, value: str) -> errors.UserError:
  """Nothing is there."""
  return errors.UserError(f"{flag}={value} does not exist.")


def corpus(folder: str, *, is_folder: bool) -> errors.UserError:
  """A folder without a corpus's manifest, or no folder."""
  what = (
    "has no manifest.json: it is no corpus, or was not built to the end"
    if is_folder
    else "does not exist"
  )
  return errors.UserError(
    f"corpus={folder} {what}. Make one with build_corpus(output={folder})."
  )


def sentences(folder: str) -> errors.UserError:
  """A corpus that has not been annotated."""
  return errors.UserError(
    f"{folder} has no sentences/: run annotate_spans(corpus={folder}) first."
  )


def run(model_dir: str) -> errors.UserError:
  """A folder that is not a run's."""
  return errors.UserError(
    f"{model_dir} is no run: it has no config.json. A training command writes "
    "it when it starts."
  )


def weights(source: str) -> errors.UserError:
  """Neither a run nor public weights."""
  return errors.UserError(
    f"{source} is no run and holds no weights that are read: neither "
    "config.json (a run, Hugging Face), nor saved_model.pb (TF Hub), nor a "
    "checkpoint (Google's BERT, Model Garden)."
  )


def vocabulary(file: str) -> errors.UserError:
  """A vocabulary that cannot be read."""
  return errors.UserError(f"Cannot read the vocabulary {file}.")


def tagger(source: str) -> errors.UserError:
  """Neither the rules nor a trained tagger."""
  return errors.UserError(
    f"tagger={source} is no tagger: give rules, or a finished run of "
    "train_tagger."
  )


def dataset(name: str, names: Iterable[str]) -> errors.UserError:
  """A name that no dataset has."""
  return errors.UserError(
    f"There is no dataset {name!r}: choose one of {', '.join(names)}, or give "
    "the path of a JSONL file."
  )


def new_folder(output: str) -> errors.UserError:
  """An output that is to be new, and is not."""
  return errors.UserError(f"output={output} is there: name a new folder.")


def demo(output: str) -> errors.UserError:
  """A folder that holds something else than a demo."""
  return errors.UserError(
    f"output={output} is not empty and no demo: give another folder."
  )
