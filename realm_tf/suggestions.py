"""Commands to run next, ready to paste."""

import dataclasses
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from realm_tf.configs import loading
from realm_tf.configs import schema

_DATASET = "nq_open"  # where nothing tells which questions are meant

# What the folders of runs and corpora are called in the README.
_FOLDERS = {
  "pretrain_mlm": "mlm",
  "pretrain_ict": "ict",
  "pretrain": "realm",
  "finetune": "qa",
}
# Of the model, what a run need not share with the one that it starts from.
_OWN = ("dropout", "query_length", "passage_length")
# What is kept where the run had changed it.
_KEPT_IF_CHANGED = {
  *_OWN,
  "precision",
  "score_scale",
  "train_retriever_encoder",
}


def command(name: str, flags: Mapping[str, Any]) -> str:
  """Returns a command line.

  Args:
    name: A module in `realm_tf.launch`.
    flags: Values by flag, sequences for those that take several; None, "" and
      an empty sequence are not given.
  """
  words = [_python(), "-m", f"realm_tf.launch.{name}"]
  for flag, value in flags.items():
    text = ",".join(value) if isinstance(value, tuple | list) else value
    if text is not None and text != "":
      words.append(f"--{flag}={text}")
  return shlex.join(words)


def training(
  task: str,
  after: schema.ModelConfig,
  after_task: str,
  model_dir: str,
  flags: Mapping[str, Any],
) -> str:
  """Returns the command that trains on from a run.

  Its preset is the one that the run's config is nearest to. The fields that
  two runs must share are given where that preset has others, and those that
  the run had changed.

  Args:
    task: The training to suggest.
    after: The run's config.
    after_task: The run's task.
    model_dir: The run's folder; the suggested one lies beside it.
    flags: The other flags.
  """
  if after_task in loading.TASKS:
    preset, changed = _nearest_preset(after, after_task)
  else:  # An imported encoder was not trained by any preset.
    preset, changed = _nearest_preset(after, task)
    changed -= {"dropout", "precision"}
  encoder = {f.name for f in dataclasses.fields(schema.EncoderConfig)}
  retrieval = {f.name for f in dataclasses.fields(schema.RetrievalConfig)}
  general = {f.name for f in dataclasses.fields(schema.TaskConfig)}
  shared = (encoder | (retrieval - general)) - {*_OWN, "score_scale"}
  kept = shared | (changed & _KEPT_IF_CHANGED)
  if task == "finetune":
    kept.discard("tied_embedders")
  fields = {k: v for k, v in vars(after).items() if k in kept}
  return command(
    task,
    {
      **config_flags(task, preset, fields),
      **flags,
      "model_dir": new_folder(model_dir, _FOLDERS[task]),
    },
  )


def finetuning(
  after: schema.ModelConfig,
  after_task: str,
  model_dir: str,
  corpus: str,
  dataset: str = "",
  **where: str | None,
) -> str:
  """Returns the command that fine-tunes a run.

  Args:
    after: The run's config.
    after_task: The run's task.
    model_dir: The run's folder.
    corpus: The corpus.
    dataset: Questions that were named, if they are for training.
    **where: Folders of these questions.
  """
  questions = {"dataset": dataset, **where} if dataset else {}
  return training(
    "finetune",
    after,
    after_task,
    model_dir,
    {"dataset": _DATASET} | questions | {"corpus": corpus, "init": model_dir},
  )


def first_training(task: str, corpus: str, **fields: Any) -> str:
  """Returns the command of a training that starts from no run.

  Args:
    task: The training to suggest.
    corpus: The corpus; the run's folder lies beside it.
    **fields: Of the config, that the preset may have otherwise; and
      `init_checkpoint`.
  """
  init = fields.pop("init_checkpoint", "")
  return command(
    task,
    {
      **config_flags(task, "mini", fields),
      "corpus": corpus,
      "init_checkpoint": init,
      "model_dir": new_folder(corpus, _FOLDERS[task]),
    },
  )


def config_flags(
  task: str, preset: str, fields: Mapping[str, Any]
) -> dict[str, Any]:
  """Returns --config and the --config.FIELDs that differ from the preset.

  Inputs that would be longer than the model has positions are shortened.

  Args:
    task: A key of `loading.TASKS`.
    preset: One of `loading.PRESETS`.
    fields: Of the model; those that the task does not have are left out.
  """
  own = vars(loading.load(task, preset, {}))
  wanted = own | {k: v for k, v in fields.items() if k in own}
  most = wanted["max_positions"]
  joined = task in ("pretrain_mlm", "pretrain")  # query and passage, in one
  query = min(wanted["query_length"], most // 2)
  limits = {
    "query_length": query,
    "passage_length": most - query if joined else most,
    "reader_length": most,
  }
  for name in limits.keys() & own.keys():
    wanted[name] = min(wanted[name], limits[name])
  differing = {k: v for k, v in wanted.items() if v != own[k]}
  return {"config": preset, **{f"config.{k}": v for k, v in differing.items()}}


def new_folder(beside: str, name: str) -> str:
  """Returns an unused path for a new run or corpus.

  Args:
    beside: A run or corpus; the new folder lies next to it.
    name: Its name; numbered if the name is taken.
  """
  on_disk = "://" not in beside
  parent = os.path.dirname(beside.rstrip("/")) if on_disk else "runs"
  path, number = os.path.join(parent, name), 1
  while os.path.lexists(path):
    number += 1
    path = os.path.join(parent, f"{name}-{number}")
  return path


def _nearest_preset(
  config: schema.ModelConfig, task: str
) -> tuple[str, set[str]]:
  """Returns the nearest preset, and the fields in which the config differs."""
  changed = {}
  for preset in loading.PRESETS:
    values = vars(loading.load(task, preset, {}))
    changed[preset] = {
      k for k, v in vars(config).items() if k in values and v != values[k]
    }
  nearest = min(changed, key=lambda preset: len(changed[preset]))
  return nearest, changed[nearest]


def _python() -> str:
  """Returns the command of this Python, relative to the current folder."""
  if shutil.which("python") == sys.executable:
    return "python"
  relative = os.path.relpath(sys.executable)
  return sys.executable if relative.startswith("..") else relative
