"""`config.json` in a run's folder: what the other processes read.

Paths of this machine are written whole, so that a run can be read from any
working directory. `beside` says where those that lie in the run's folder or
beside it are from there, so that a run can be moved with what it needs.
"""

import dataclasses
import os
from typing import Any

import tensorflow as tf

from realm_tf import absent
from realm_tf import errors
from realm_tf import files
from realm_tf import typed
from realm_tf.configs import loading
from realm_tf.configs import schema
from realm_tf.runs import run_folder


@dataclasses.dataclass(frozen=True)
class RunConfig:
  """A run: its task, its settings and its data.

  Attributes:
    task: "pretrain", "pretrain_ict", "pretrain_mlm", "finetune" or
      "train_tagger"; "import_checkpoint" for an imported sentence encoder.
    config: The task's settings.
    corpus: Folder of the knowledge corpus Z; for the tagger, the files and
      folders of its labelled sentences, separated by commas. Of an imported
      encoder, the corpus that it was made for; it may be empty.
    corpus_fingerprint: Of that corpus, so that another one is not taken.
    vocab_sha256: Of the vocabulary.
    pretrain_corpus: Folder of the corpus X whose sentences are masked; the
      same as `corpus` unless X and Z differ; empty in fine-tuning. Of the
      tagger, whose best weights are those that suit certain sentences best,
      these; empty for `corpus`.
    sentences_fingerprint: Of the annotation of X; empty if its manifest is
      unknown, and where no sentences are masked.
    init_checkpoint: Where the first weights came from; empty for none. In
      fine-tuning, where the retriever came from.
    init_reader: Where the reader came from, a run or public weights; in
      fine-tuning only.
    dataset: The questions that are learned from; in fine-tuning only.
    dev_dataset: The questions that are held out; empty for the dataset's own.
    index_run: The run whose index is searched, or that a run whose own index
      follows its training starts from; empty for the run's own.
    index_step: The version of that index.
  """

  task: str
  config: schema.ModelConfig
  corpus: str
  corpus_fingerprint: str
  vocab_sha256: str
  pretrain_corpus: str
  init_checkpoint: str = ""
  init_reader: str = ""
  dataset: str = ""
  dev_dataset: str = ""
  index_run: str = ""
  index_step: int = 0
  sentences_fingerprint: str = ""

  @property
  def other_pretrain_corpus(self) -> str:
    """The corpus X where it is not Z; else "", as `pretrain_corpus` says it."""
    return "" if self.pretrain_corpus == self.corpus else self.pretrain_corpus

  @property
  def training(self) -> schema.TaskConfig:
    """The settings of its training.

    Raises:
      TypeError: If there was none.
    """
    if not isinstance(self.config, schema.TaskConfig):
      raise TypeError(f"a run of {self.task} is not trained")
    return self.config

  @property
  def is_imported(self) -> bool:
    """Whether it is an imported encoder, which embeds any corpus."""
    return self.task == loading.IMPORT

  @property
  def retriever(self) -> str:
    """What finds passages for the reader: "dense", unless the config tells."""
    return getattr(self.config, "retriever", "dense")

  @property
  def has_own_index(self) -> bool:
    """Whether the index follows the training, from `index_run`'s on."""
    return getattr(self.config, "train_passage_tower", False)

  def to_json(self) -> dict[str, Any]:
    """Returns a JSON object that `read` understands."""
    return dataclasses.asdict(self)


def read(model_dir: str) -> RunConfig:
  """Reads a run's `config.json`.

  Raises:
    errors.UserError: If there is none, it is another program's, or it is
      damaged.
  """
  path = run_folder.RunFolder(model_dir).config
  if not tf.io.gfile.exists(path):
    raise absent.run(model_dir)
  try:
    fields = files.read_json(path)
    if fields.get("task") not in loading.RUNS:
      raise errors.UserError(
        f"{model_dir} is no run: {path} names no training command under `task`."
      )
    if fields["task"] == loading.IMPORT and "config" not in fields:
      raise errors.UserError(
        f"{model_dir} is no run: import_checkpoint has made it of a BERT that "
        "is no sentence encoder, and embeds nothing."
      )
    for name, beside in fields.pop("beside", {}).items():
      fields[name] = _resolve(fields[name], beside, model_dir)
    kind = loading.RUNS[fields["task"]]
    fields["config"] = loading.from_run(kind, fields["config"], {}, path)
    run = RunConfig(**fields)
    typed.check(run)
    return run
  except errors.UserError:
    raise
  except errors.MALFORMED as e:
    raise errors.UserError(f"{path} is damaged: {e!r}.") from e


def check(model_dir: str, run: RunConfig) -> bool:
  """Raises if a run's folder holds another run.

  A run that is resumed may differ in fields that say how long and how often,
  not in what is learned from what.

  Returns:
    Whether the run is resumed: a `config.json` was there.

  Raises:
    errors.UserError: If the folder holds another run; names the field.
  """
  resumed = tf.io.gfile.exists(run_folder.RunFolder(model_dir).config)
  if resumed:
    _check_same(model_dir, read(model_dir).to_json(), run.to_json())
  return resumed


def write_or_match(model_dir: str, run: RunConfig) -> bool:
  """Writes `config.json`, after `check`.

  Returns:
    Whether the run is resumed.

  Raises:
    errors.UserError: If the folder holds another run; names the field.
  """
  resumed = check(model_dir, run)
  tf.io.gfile.makedirs(model_dir)
  fields = run.to_json()
  beside = {}
  for name in _PATHS:
    fields[name] = _whole(fields[name])
    if nearby := _beside(fields[name], model_dir):
      beside[name] = nearby
  files.write_json(
    run_folder.RunFolder(model_dir).config, {**fields, "beside": beside}
  )
  return resumed


# Fields that hold paths, or names; several are separated by commas.
_PATHS = (
  "corpus",
  "pretrain_corpus",
  "init_checkpoint",
  "init_reader",
  "dataset",
  "dev_dataset",
  "index_run",
)


def _whole(paths: str) -> str:
  """Returns paths of this machine from its root; what else there is stays."""
  return ",".join(
    os.path.abspath(path) if os.path.exists(path) else path
    for path in paths.split(",")
  )


def _beside(paths: str, model_dir: str) -> dict[str, str]:
  """Returns where paths lie from a run's folder, in it or beside it."""
  home = os.path.abspath(model_dir)
  parent = os.path.dirname(home)
  return {
    path: os.path.relpath(path, home)
    for path in paths.split(",")
    if os.path.isabs(path)
    and "://" not in model_dir
    and os.path.commonpath([path, parent]) == parent
  }


def _resolve(paths: str, beside: dict[str, str], model_dir: str) -> str:
  """Returns paths as they are to be opened: beside the run, if they are there.

  Args:
    paths: Of a field of `config.json`.
    beside: From `_beside`.
    model_dir: The run's folder, which may have been moved.
  """
  found = []
  for path in paths.split(","):
    nearby = os.path.normpath(os.path.join(model_dir, beside.get(path, "")))
    is_there = path in beside and os.path.exists(nearby)
    found.append(nearby if is_there else path)
  return ",".join(found)


def _is_same(name: str, old: Any, new: Any) -> bool:
  """Whether a field has the same value, however its paths are written."""
  if name in _PATHS:
    return _whole(old) == _whole(new)
  return bool(old == new)


_MAY_CHANGE = frozenset(
  {
    "summary_every_steps",
    "checkpoint_every_steps",
    "evaluate_every_steps",
    "eval_batches",
    "dev_questions",
    "patience",
    "embed_batch_size",
    "num_index_workers",
    "index_age_warning_steps",
    "index_age_limit_steps",
  }
)


def _check_same(
  model_dir: str, found: dict[str, Any], wanted: dict[str, Any]
) -> None:
  pairs = [
    (name, found[name], wanted[name])
    for name in (
      "task",
      "corpus_fingerprint",
      "vocab_sha256",
      "pretrain_corpus",
      "init_checkpoint",
      "init_reader",
      "dataset",
      "dev_dataset",
      "index_run",
      "index_step",
    )
  ]
  annotation = found["sentences_fingerprint"]
  if annotation:
    pairs.append(
      ("sentences_fingerprint", annotation, wanted["sentences_fingerprint"])
    )
  pairs += [
    (f"config.{name}", value, wanted["config"].get(name))
    for name, value in found["config"].items()
    if name not in _MAY_CHANGE
  ]
  for name, old, new in pairs:
    if not _is_same(name, old, new):
      raise errors.UserError(
        f"model_dir={model_dir} holds another run: its {name} is {old!r}, "
        f"not {new!r}. Give the same settings to resume it, or another "
        "`model_dir`."
      )
