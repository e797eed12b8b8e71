"""Loads a config from a preset or file, overrides fields, and checks it."""

import dataclasses
import importlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any
from typing import TypeVar

from realm_tf import errors
from realm_tf.configs import schema

PRESETS = ("tiny", "mini", "minilm", "base")
TASKS: Mapping[str, type[schema.TaskConfig]] = {
  "pretrain": schema.RealmConfig,
  "pretrain_ict": schema.IctConfig,
  "pretrain_mlm": schema.MlmConfig,
  "finetune": schema.OrqaConfig,
  "train_tagger": schema.TaggerConfig,
}
# What `import_checkpoint` writes of a sentence encoder: a run without training.
IMPORT = "import_checkpoint"
RUNS: Mapping[str, type[schema.ModelConfig]] = {
  **TASKS,
  IMPORT: schema.ImportedConfig,
}
RUN_FILE = "config.json"  # of a run's folder; see `run_config`

_Config = TypeVar("_Config", bound=schema.ModelConfig)

# What runs did before a field was there: their config.json lacks it.
_BEFORE: Mapping[str, Any] = {"passage_segments": False}
# What sentence-transformers, too, multiplies cosines with in training.
SCALE_OF_COSINES = 20.0
# Fields that did nothing in a task, and are no longer its own.
_GONE = {
  "pretrain_mlm": (
    "masking",
    "projection_size",
    "tied_embedders",
    "passage_segments",
    "export_precision",
  )
}


def load(
  task: str, source: str, overrides: Mapping[str, Any], model_dir: str = ""
) -> schema.TaskConfig:
  """Returns the config of a task.

  If only `train_steps` is overridden, a preset's warm-up follows it, and so do
  its limits of the index's age if only `export_every_steps` is. A given field
  keeps its value.

  Args:
    task: A key of `TASKS`.
    source: A preset's name, or a JSON file with the task's fields, such as
      the "config" part of a run's config.json.
    overrides: Fields to change, already of their types.
    model_dir: The run, on this machine's disk. A resumed run keeps its values
      of the fields of `RetrieverConfig`, some of which older runs lacked,
      unless the file or an override sets them.

  Raises:
    errors.UserError: If the preset, the file, a field or a value is wrong.
  """
  kind = TASKS[task]
  kept = _kept(kind, model_dir)
  if source in PRESETS:
    module = importlib.import_module(f"realm_tf.configs.{source}")
    preset = getattr(module, task)()
    followers = _followers(vars(preset), overrides)
    return dataclasses.replace(preset, **{**kept, **followers, **overrides})
  if not source.endswith(".json"):
    raise errors.UserError(
      f"config={source} is neither a preset ({', '.join(PRESETS)}) nor a "
      "JSON file."
    )
  try:
    fields = json.loads(_read_text(pathlib.Path(source)))
  except OSError as e:
    raise errors.UserError(f"config={source} cannot be read.") from e
  except (ValueError, RecursionError) as e:
    raise errors.UserError(f"config={source} is not JSON: {e}") from e
  named = f"config={source}"
  if isinstance(fields, dict) and isinstance(fields.get("config"), dict):
    return from_run(kind, fields["config"], overrides, named)
  if isinstance(fields, dict):
    fields = {**kept, **fields}
  return from_fields(kind, fields, overrides, named)


def _read_text(path: pathlib.Path) -> str:
  """Reads a file; an OSError for a pipe, which would be waited for."""
  if not path.is_file():
    raise OSError(f"{path} is no file")
  return path.read_text(encoding="utf-8")


def _kept(kind: type[schema.ModelConfig], model_dir: str) -> dict[str, Any]:
  """Returns the fields of `RetrieverConfig` as the run in a folder has them.

  A preset may have others since the run was started.

  Without TensorFlow, as the config is needed before that is imported. What is
  wrong with the run is reported when it is read next.
  """
  if not model_dir:
    return {}
  try:
    text = _read_text(pathlib.Path(model_dir) / RUN_FILE)
    fields = dict(json.loads(text)["config"])
  except (OSError, ValueError, RecursionError, KeyError, TypeError):
    return {}
  if not issubclass(kind, schema.RetrieverConfig):
    return {}
  before = vars(schema.RetrieverConfig()) | _before(kind)
  return {name: fields.get(name, old) for name, old in before.items()}


def from_run(
  kind: type[_Config],
  fields: Any,
  overrides: Mapping[str, Any],
  source: str,
) -> _Config:
  """Builds a config from the "config" part of a run's config.json.

  Fields that the run did not know yet have the value that it ran with.

  Args:
    kind: The config's class.
    fields: The JSON object.
    overrides: Fields that take precedence.
    source: The object's name in error messages.

  Raises:
    errors.UserError: If a field is unknown, missing or of a wrong type.
  """
  if isinstance(fields, dict):
    gone = {
      name for task in _GONE if TASKS[task] is kind for name in _GONE[task]
    }
    kept = {name: value for name, value in fields.items() if name not in gone}
    fields = {**_before(kind), **kept}
  return from_fields(kind, fields, overrides, source)


def _before(kind: type[schema.ModelConfig]) -> dict[str, Any]:
  known = {field.name for field in dataclasses.fields(kind)}
  return {name: value for name, value in _BEFORE.items() if name in known}


def from_fields(
  kind: type[_Config],
  fields: Any,
  overrides: Mapping[str, Any],
  source: str,
) -> _Config:
  """Builds a config from a JSON object; unknown and missing fields fail.

  A field that has a default may be left out; limits of the index's age that
  are left out follow `export_every_steps`.

  Args:
    kind: The config's class.
    fields: The JSON object.
    overrides: Fields that take precedence.
    source: The object's name in error messages.

  Raises:
    errors.UserError: If a field is unknown, missing or of a wrong type.
  """
  if not isinstance(fields, dict):
    raise errors.UserError(f"{source} holds no JSON object.")
  known = {f.name: f for f in dataclasses.fields(kind)}
  for name, value in fields.items():
    if name not in known:
      raise errors.UserError(
        f"{source} has the unknown field {name!r:.80}; the fields are "
        f"{', '.join(known)}."
      )
    wanted: Any = known[name].type
    if wanted is float and type(value) is int:
      continue
    if type(value) is not wanted:
      raise errors.UserError(
        f"{source}: {name} must be of type {wanted.__name__}, got "
        f"{value!r:.80}."
      )
  merged = {**fields, **overrides}
  missing = [
    name
    for name, field in known.items()
    if field.default is dataclasses.MISSING and name not in merged
  ]
  if missing:
    raise errors.UserError(f"{source} lacks the field {missing[0]!r}.")
  defaults = {name: field.default for name, field in known.items()}
  try:
    return kind(**_followers(defaults, merged), **merged)
  except errors.UserError as e:
    if any(f"config.{name}=" in str(e) for name in overrides):
      raise
    raise errors.UserError(f"{source}: {e}") from e


def _followers(
  own: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
  """Returns the fields that follow from given ones and are not given.

  Args:
    own: The fields of a preset, or the defaults of a config's class.
    given: The fields that take precedence.
  """
  followers = {}
  interval = given.get("export_every_steps")
  if interval is not None:
    for name in ("index_age_warning_steps", "index_age_limit_steps"):
      # As many exports old as before.
      followers[name] = own[name] * interval // own["export_every_steps"]
  if given.get("normalization") == "l2" != own["normalization"]:
    followers["score_scale"] = SCALE_OF_COSINES
  steps = given.get("train_steps")
  if steps is not None and own["warmup_steps"] >= steps:
    followers["warmup_steps"] = steps // 2
  return {name: v for name, v in followers.items() if name not in given}
