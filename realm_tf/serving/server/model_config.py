"""Which models are served, from which folders, under which labels."""

import dataclasses
import os
from collections.abc import Mapping
from typing import TypeAlias

from tensorflow_serving.config import file_system_storage_path_source_pb2
from tensorflow_serving.config import model_server_config_pb2

from realm_tf import errors
from realm_tf.serving.server import config_files

Policy: TypeAlias = (
  file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig
).ServableVersionPolicy

_PLATFORM = "tensorflow"


@dataclasses.dataclass(frozen=True)
class ModelConfig:
  """One model.

  Attributes:
    name: As requests name it.
    base_path: Folder whose sub-folders are the versions.
    policy: Which of its versions are served: by default the newest.
    labels: Other names of versions.
  """

  name: str
  base_path: str
  policy: Policy = dataclasses.field(default_factory=Policy)
  labels: Mapping[str, int] = dataclasses.field(default_factory=dict)


def single(name: str, base_path: str) -> list[ModelConfig]:
  """Returns the config of `model_name` and `model_base_path`."""
  if "://" not in base_path:
    base_path = os.path.abspath(base_path)
  return [ModelConfig(name=name, base_path=base_path)]


def read(path: str) -> list[ModelConfig]:
  """Reads a ModelServerConfig as text.

  Raises:
    errors.UserError: The file is not there, or is not such a message.
  """
  flag = "model_config_file"
  config = config_files.read(
    path, flag, model_server_config_pb2.ModelServerConfig()
  )
  try:
    return from_proto(config)
  except ValueError as e:
    raise errors.UserError(f"`{flag}`: {path}: {e}") from e


def from_proto(
  config: model_server_config_pb2.ModelServerConfig,
) -> list[ModelConfig]:
  """Checks a config of several models.

  Raises:
    ValueError: It has something that this server cannot serve, or something
      that TensorFlow Serving refuses.
  """
  if config.WhichOneof("config") == "custom_model_config":
    raise ValueError("only a model_config_list is supported")
  models = [_model(one) for one in config.model_config_list.config]
  names = [model.name for model in models]
  twice = sorted({name for name in names if names.count(name) > 1})
  if twice:
    raise ValueError(f"two models have the name {twice[0]!r}")
  return models


def _model(config: model_server_config_pb2.ModelConfig) -> ModelConfig:
  name, path = config.name, config.base_path
  if not name:
    raise ValueError("a model has no name")
  if not os.path.isabs(path) and "://" not in path:
    raise ValueError(
      f"model {name!r} needs an absolute base_path, not {path!r}"
    )
  if config.model_platform != _PLATFORM:
    raise ValueError(
      f"model {name!r} needs model_platform: {_PLATFORM!r}, not "
      f"{config.model_platform!r}"
    )
  if config.HasField("logging_config"):
    raise ValueError(
      f"model {name!r} has a logging_config: this server logs no requests"
    )
  return ModelConfig(
    name=name,
    base_path=path,
    policy=config.model_version_policy,
    labels=dict(config.version_labels),
  )
