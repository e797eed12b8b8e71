import pathlib

import grpc
import pytest

from benchmarks import serving_models


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory) -> pathlib.Path:
  """Folders `realm`, with versions 1 and 2, and `numbers`, with version 7."""
  root = tmp_path_factory.mktemp("models")
  for version in (1, 2):
    serving_models.write_answering(root / "realm", version)
  serving_models.write_numbers(root / "numbers", 7)
  return root


@pytest.fixture(scope="session")
def models_config(model_folders) -> str:
  """A models.config of both, with the labels stable and canary."""
  path = model_folders / "models.config"
  path.write_text(f"""
    model_config_list {{
      config {{
        name: "realm" base_path: "{model_folders}/realm"
        model_platform: "tensorflow"
        model_version_policy {{ specific {{ versions: 1 versions: 2 }} }}
        version_labels {{ key: "stable" value: 1 }}
        version_labels {{ key: "canary" value: 2 }}
      }}
      config {{
        name: "numbers" base_path: "{model_folders}/numbers"
        model_platform: "tensorflow"
      }}
    }}""")
  return str(path)


@pytest.fixture
def channel():
  """Opens channels to ports of this machine, and closes them."""
  opened = []

  def connect(port: int) -> grpc.Channel:
    opened.append(grpc.insecure_channel(f"127.0.0.1:{port}"))
    return opened[-1]

  yield connect
  for one in opened:
    one.close()
