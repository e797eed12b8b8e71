"""From `--config=NAME_OR_FILE --config.FIELD=VALUE` to a checked config."""

import dataclasses
import importlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any

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


def load(
  task: str, source: str, overrides: Mapping[str, Any]
) -> schema.TaskConfig:
  """Returns the config of a task.

  A preset's warm-up and its limits of the index's age are for its own
  `train_steps` and `export_every_steps`: where those are overridden and these
  are not, these follow. A field that is given is taken as it is.

  Args:
    task: A key of `TASKS`.
    source: A preset's name, or a JSON file with the task's fields, such as
      the "config" part of a run's config.json.
    overrides: Fields to change, already of their types.

  Raises:
    errors.UserError: If the preset, the file, a field or a value is wrong.
  """
  if source in PRESETS:
    module = importlib.import_module(f"realm_tf.configs.{source}")
    preset = getattr(module, task)()
    followers = _followers(vars(preset), overrides)
    return dataclasses.replace(preset, **followers, **overrides)
  if not source.endswith(".json"):
    raise errors.UserError(
      f"--config={source} is neither a preset ({', '.join(PRESETS)}) nor a "
      "JSON file."
    )
  try:
    fields = json.loads(pathlib.Path(source).read_text(encoding="utf-8"))
  except OSError as e:
    raise errors.UserError(f"--config={source} cannot be read.") from e
  except ValueError as e:
    raise errors.UserError(f"--config={source} is not JSON: {e}") from e
  if isinstance(fields, dict) and isinstance(fields.get("config"), dict):
    fields = fields["config"]
  return from_fields(TASKS[task], fields, overrides, f"--config={source}")


def from_fields(
  kind: type[schema.TaskConfig],
  fields: Any,
  overrides: Mapping[str, Any],
  source: str,
) -> schema.TaskConfig:
  """Builds a config from a JSON object; unknown and missing fields fail.

  A field that has a default may be left out; limits of the index's age that
  are left out follow `export_every_steps`.

  Args:
    kind: The config's class.
    fields: The JSON object.
    overrides: Fields that take precedence.
    source: What an error message calls the object.

  Raises:
    errors.UserError: If a field is unknown, missing or of a wrong type.
  """
  if not isinstance(fields, dict):
    raise errors.UserError(f"{source} holds no JSON object.")
  known = {f.name: f for f in dataclasses.fields(kind)}
  for name, value in fields.items():
    if name not in known:
      raise errors.UserError(
        f"{source} has the unknown field {name!r}; the fields are "
        f"{', '.join(known)}."
      )
    wanted: Any = known[name].type
    if wanted is float and type(value) is int:
      continue
    if type(value) is not wanted:
      raise errors.UserError(
        f"{source}: {name} must be of type {wanted.__name__}, got {value!r}."
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
  return kind(**_followers(defaults, merged), **merged)


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
  steps = given.get("train_steps")
  if steps is not None and own["warmup_steps"] >= steps:
    followers["warmup_steps"] = steps // 2
  return {name: v for name, v in followers.items() if name not in given}
