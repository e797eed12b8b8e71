"""Errors for paths and names that do not exist or are of the wrong kind.

Commands raise them before TensorFlow is imported, for paths on this machine's
disks (`launch/path_checks.py`); modules that read files raise them for others.
"""

from collections.abc import Iterable

from realm_tf import errors


def path(flag: str, value: str) -> errors.UserError:
  """Returns the error for a path that does not exist."""
  return errors.UserError(f"{flag}={value} does not exist.")


def corpus(folder: str, *, is_folder: bool) -> errors.UserError:
  """Returns the error for a folder that holds no corpus."""
  what = (
    "has no manifest.json: it is no corpus, or was not built to the end"
    if is_folder
    else "does not exist"
  )
  return errors.UserError(
    f"corpus={folder} {what}. Make one with build_corpus(output={folder})."
  )


def sentences(folder: str) -> errors.UserError:
  """Returns the error for a corpus that has not been annotated."""
  return errors.UserError(
    f"{folder} has no sentences/: run annotate_spans(corpus={folder}) first."
  )


def run(model_dir: str) -> errors.UserError:
  """Returns the error for a folder that is no run."""
  return errors.UserError(
    f"{model_dir} is no run: it has no config.json. A training command writes "
    "it when it starts."
  )


def weights(source: str) -> errors.UserError:
  """Returns the error for a path with neither a run nor public weights."""
  return errors.UserError(
    f"{source} is no run and holds no weights that are read: neither "
    "config.json (a run, Hugging Face), nor saved_model.pb (TF Hub), nor "
    "params.json (ORQA), nor a checkpoint (Google's BERT, Model Garden)."
  )


def vocabulary(file: str) -> errors.UserError:
  """Returns the error for a vocabulary that cannot be read."""
  return errors.UserError(f"Cannot read the vocabulary {file}.")


def tagger(source: str) -> errors.UserError:
  """Returns the error for a tagger that is neither rules nor trained."""
  return errors.UserError(
    f"tagger={source} is no tagger: give rules, a finished run of "
    "train_tagger, or spacy:PACKAGE."
  )


def tpu_python(python: str) -> errors.UserError:
  """Returns the error for a Python without the TPU compiler."""
  return errors.UserError(
    f"tpu_python={python} is no Python with jax and libtpu: make one by "
    "launch/make_tpu_compiler.sh, or name one."
  )


def dataset(name: str, names: Iterable[str]) -> errors.UserError:
  """Returns the error for an unknown dataset."""
  return errors.UserError(
    f"There is no dataset {name!r}: choose one of {', '.join(names)}, or give "
    "the path of a JSONL or CSV file."
  )


def new_folder(output: str) -> errors.UserError:
  """Returns the error for an output that exists already."""
  return errors.UserError(f"output={output} is there: name a new folder.")


def demo(output: str) -> errors.UserError:
  """Returns the error for a folder with other files than a demo's."""
  return errors.UserError(
    f"output={output} is not empty and no demo: give another folder."
  )


def reproduction(output: str) -> errors.UserError:
  """Returns the error for a folder with other files than those of tables."""
  return errors.UserError(
    f"output={output} is not empty and holds no tables: give another folder."
  )
