"""Versions that come, go, are damaged and are mended, while requests arrive."""

import pathlib
import shutil

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_management_pb2
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis import model_service_pb2_grpc

from benchmarks import serving_clients
from benchmarks import serving_models
from realm_tf import errors
from realm_tf.serving.server import codes
from realm_tf.serving.server import model_config
from realm_tf.serving.server import model_server
from realm_tf.serving.server import served_models
from realm_tf.serving.server import served_versions
from realm_tf.serving.server import server_metrics
from realm_tf.serving.server import server_options
from realm_tf.serving.server import version_folders

_STATUS = get_model_status_pb2.ModelVersionStatus


@pytest.fixture
def base(tmp_path, model_folders) -> pathlib.Path:
  """A folder of versions with version 1 in it."""
  shutil.copytree(model_folders / "realm" / "1", tmp_path / "realm" / "1")
  return tmp_path / "realm"


def _versions(base: pathlib.Path) -> served_versions.Versions:
  (config,) = model_config.single("realm", str(base))
  return served_versions.Versions(config, server_metrics.Metrics())


def _states(found: served_versions.Versions) -> dict[int, str]:
  return {
    version: _STATUS.State.Name(status.state)
    for version, status in found.status().items()
  }


def _copy(
  base: pathlib.Path, model_folders: pathlib.Path, version: int
) -> None:
  shutil.copytree(model_folders / "realm" / "2", base / "tmp")
  (base / "tmp").rename(base / str(version))


def test_new_versions_under_load(tmp_path, caplog):
  base = tmp_path / "realm"
  ballast = 100_000
  serving_models.write_answering(base, 1, ballast=ballast)
  server = model_server.Server(
    server_options.Options(
      model_name="realm",
      model_base_path=str(base),
      port=0,
      rest_api_port=0,
      file_system_poll_wait_seconds=0.05,
      enable_batching=True,
      lame_duck_seconds=0.0,
    )
  )
  server.start()
  port = server.rest_api_port
  asked = serving_clients.Load()
  memory = []
  with asked.clients(16, server.port, port, pause=0.01):
    for version in (2, 3):
      serving_models.write_answering(base, version, ballast=ballast)
      serving_clients.wait_for_state(port, version - 1, "END")
      memory.append(serving_clients.resident_bytes(port))
    serving_models.write_corrupt(base, 4, base / "3")
    serving_clients.wait_for_state(port, 4, "END")
    found = serving_clients.states(port)
    count = asked.versions[3]
    serving_clients.wait_for(lambda: asked.versions[3] > count + 16)
  assert server.stop() == 0
  assert asked.errors == []
  assert set(asked.versions) == {1, 2, 3}
  assert found["3"]["state"] == "AVAILABLE"
  assert found["1"]["status"]["error_code"] == "OK"
  assert found["4"]["status"]["error_code"] != "OK"
  assert f"cannot load {base}/4" in found["4"]["status"]["error_message"]
  assert "realm version 4 is refused" in caplog.text
  # Version 3 took the place of version 2. (Before its first requests, a version
  # has not read all of its weights.)
  assert memory[1] - memory[0] < ballast * 1024 / 2


def test_a_damaged_version_is_served_when_its_files_are_mended(
  base, model_folders
):
  found = _versions(base)
  found.update()
  _copy(base, model_folders, 5)
  graph = base / "5" / "saved_model.pb"
  content = graph.read_bytes()
  graph.write_bytes(b"no graph")
  for _ in range(3):
    found.update()
  assert found.available() == {1}
  assert found.status()[5].state == _STATUS.END
  assert "cannot load" in found.status()[5].message
  graph.write_bytes(content)
  found.update()  # Seen to have changed, and may be changing still.
  assert found.available() == {1}
  found.update()
  assert found.available() == {5}
  found.close()
  assert _states(found) == {1: "END", 5: "END"}


def test_the_newest_that_loads_is_served_from_the_start(base):
  serving_models.write_corrupt(base, 3, base / "1")
  (base / "notes").mkdir()
  (base / "-7").mkdir()
  found = _versions(base)
  found.update()
  assert _states(found) == {1: "AVAILABLE", 3: "END"}
  found.close()


def test_a_deleted_version_makes_way_for_an_older_one(base, model_folders):
  _copy(base, model_folders, 2)
  found = _versions(base)
  found.update()
  assert found.available() == {2}
  shutil.rmtree(base / "2")
  found.update()
  assert found.available() == {1}
  shutil.rmtree(base)
  found.update()  # There is nothing better.
  assert found.available() == {1}
  found.close()


def test_a_version_in_use_is_kept_until_it_is_left(base, model_folders):
  found = _versions(base)
  found.update()
  with found.use(None) as used:
    _copy(base, model_folders, 2)
    found.update()
    assert _states(found) == {1: "UNLOADING", 2: "AVAILABLE"}
    with found.use(1) as refused:
      assert refused is None
    signature = used.signature("answer")
    answer = used.run(
      signature, {"question": tf.constant(["a"]).numpy()}, ["answer"]
    )
    assert answer["answer"][0, 0] == b"a!"
  serving_clients.wait_for(lambda: _states(found)[1] == "END")
  found.close()


@pytest.mark.parametrize(
  "policy, wanted",
  [
    ({}, {4}),
    ({"latest": {"num_versions": 2}}, {2, 4}),
    ({"all": {}}, {1, 2, 4}),
    ({"specific": {"versions": [1, 5, 9]}}, {1, 5}),
  ],
)
def test_policies(policy, wanted):
  assert wanted == version_folders.wanted(
    [1, 2, 4, 5], [5], model_config.Policy(**policy)
  )


def test_warm_up_comes_first_and_must_succeed(base, model_folders):
  serving_models.write_warm_up(base / "1", ["a", "b"])
  found = _versions(base)
  found.update()
  assert found.available() == {1}
  _copy(base, model_folders, 2)
  path = base / "2" / "assets.extra" / "tf_serving_warmup_requests"
  path.write_bytes(path.read_bytes()[:-3])
  _copy(base, model_folders, 3)
  with tf.io.TFRecordWriter(
    str(base / "3" / "assets.extra" / "tf_serving_warmup_requests")
  ) as writer:
    writer.write(b"")
  found.update()
  assert found.available() == {1}
  assert found.status()[2].code == grpc.StatusCode.DATA_LOSS
  assert "warm-up" in found.status()[3].message
  found.close()


def test_labels_and_a_new_config(model_folders, models_config, channel):
  server = model_server.Server(
    server_options.Options(
      model_name="realm",
      model_base_path=str(model_folders / "realm"),
      port=0,
      rest_api_port=None,
      lame_duck_seconds=0.0,
    )
  )
  server.start()
  stub = model_service_pb2_grpc.ModelServiceStub(channel(server.port))

  def reload(wanted: list[int], labels: dict[str, int]) -> None:
    request = model_management_pb2.ReloadConfigRequest()
    request.config.model_config_list.config.add(
      name="realm",
      base_path=str(model_folders / "realm"),
      model_platform="tensorflow",
      model_version_policy={"specific": {"versions": wanted}},
      version_labels=labels,
    )
    stub.HandleReloadConfigRequest(request)

  def available() -> list[int]:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "realm"
    return [
      s.version
      for s in stub.GetModelStatus(request).model_version_status
      if s.state == _STATUS.AVAILABLE
    ]

  assert available() == [2]
  with pytest.raises(grpc.RpcError, match="version 1, which is not") as raised:
    reload([1, 2], {"stable": 1})
  assert raised.value.code() == grpc.StatusCode.FAILED_PRECONDITION
  assert available() == [2]
  reload([1, 2], {"canary": 2})
  assert available() == [1, 2]
  reload([1, 2], {"canary": 2, "stable": 1})
  with pytest.raises(grpc.RpcError, match="model 'realm'"):
    reload([9], {})
  assert available() == [1, 2]
  assert server.stop() == 0


def test_a_config_file_is_followed(model_folders, tmp_path):
  path = tmp_path / "models.config"

  def write(model: str) -> None:
    path.write_text(f"""model_config_list {{ config {{
      name: "{model}" base_path: "{model_folders}/{model}"
      model_platform: "tensorflow" }} }}""")

  write("realm")
  found = served_models.Models(server_metrics.Metrics())
  found.reload(model_config.read(str(path)))
  found.poll(0.0, 0.02, lambda: model_config.read(str(path)))
  write("numbers")
  serving_clients.wait_for(lambda: not found.serves("realm"))
  with found.use(model_pb2.ModelSpec(name="numbers")) as servable:
    assert servable.version == 7
  with (
    pytest.raises(codes.RequestError, match=r"Latest\(realm\)"),
    found.use(model_pb2.ModelSpec(name="realm")),
  ):
    pass
  found.close()


_MODEL = 'name: "a" base_path: "/a" model_platform: "tensorflow"'


@pytest.mark.parametrize(
  "text, message",
  [
    ("model_config_list {", "is not a ModelServerConfig as text"),
    (f"model_config_list {{ config {{ {_MODEL} }} config {{ {_MODEL} }} }}",
     "two models have the name 'a'"),
    ('model_config_list { config { base_path: "/a" } }', "has no name"),
    ('model_config_list { config { name: "a" base_path: "b" } }',
     "absolute base_path, not 'b'"),
    ('model_config_list { config { name: "a" base_path: "/a" } }',
     "model_platform: 'tensorflow'"),
  ],
)  # fmt: skip
def test_mistakes_in_a_config_file(tmp_path, text, message):
  path = tmp_path / "models.config"
  path.write_text(text)
  with pytest.raises(errors.UserError, match=message) as raised:
    model_config.read(str(path))
  assert str(path) in str(raised.value)


def test_mistakes_at_the_start(tmp_path, base):
  def start(**flags) -> None:
    model_server.Server(server_options.Options(port=0, **flags)).start()

  with pytest.raises(errors.UserError, match="Name what to serve"):
    start(model_name="realm")
  with pytest.raises(errors.UserError, match="has no version to load"):
    start(model_name="realm", model_base_path=str(tmp_path))
  shutil.rmtree(base / "1" / "variables")
  with pytest.raises(errors.UserError, match=f"cannot load {base}/1"):
    start(model_name="realm", model_base_path=str(base))
