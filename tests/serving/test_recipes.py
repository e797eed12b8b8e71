"""The files in serving/, held against TensorFlow Serving 2.15.1.

What is written down here of TensorFlow Serving comes from its repository at
the tag 2.15.1: the flags from model_servers/main.cc, the messages from
config/monitoring_config.proto, config/ssl_config.proto and
servables/tensorflow/session_bundle_config.proto.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory
from google.protobuf import text_format
from google.protobuf import wrappers_pb2

from realm_tf.serving.client import stubs

_FOLDER = pathlib.Path(__file__).parents[2] / "serving"

_FLAGS = set(
  """
  port grpc_socket_path rest_api_port rest_api_num_threads
  rest_api_timeout_in_ms rest_api_enable_cors_support enable_batching
  allow_version_labels_for_unavailable_models batching_parameters_file
  enable_per_model_batching_parameters model_config_file
  model_config_file_poll_wait_seconds model_name model_base_path
  num_load_threads num_unload_threads max_num_load_retries
  load_retry_interval_micros file_system_poll_wait_seconds
  flush_filesystem_caches tensorflow_session_parallelism
  tensorflow_session_config_file tensorflow_intra_op_parallelism
  tensorflow_inter_op_parallelism use_alts_credentials ssl_config_file
  platform_config_file per_process_gpu_memory_fraction saved_model_tags
  grpc_channel_arguments grpc_max_threads enable_model_warmup
  num_request_iterations_for_warmup version monitoring_config_file
  remove_unused_fields_from_bundle_metagraph prefer_tflite_model
  num_tflite_pools num_tflite_interpreters_per_pool
  enable_signature_method_name_check xla_cpu_compilation_enabled
  enable_profiler thread_pool_factory_config_file mixed_precision
  skip_initialize_tpu enable_grpc_healthcheck_service
  """.split()
)

_INT = ".google.protobuf.Int64Value"
# Fields of each message, with their types: of those that the API has not.
_MESSAGES = {
  "BatchingParameters": {
    "max_batch_size": _INT,
    "batch_timeout_micros": _INT,
    "max_enqueued_batches": _INT,
    "num_batch_threads": _INT,
    "thread_pool_name": ".google.protobuf.StringValue",
    "enable_large_batch_splitting": ".google.protobuf.BoolValue",
    "max_execution_batch_size": _INT,
  },
  "PrometheusConfig": {"enable": "bool", "path": "string"},
  "MonitoringConfig": {"prometheus_config": ".PrometheusConfig"},
  "SSLConfig": {
    "server_key": "string",
    "server_cert": "string",
    "custom_ca": "string",
    "client_verify": "bool",
  },
}


def _message(name):
  """Returns an empty message of `_MESSAGES`."""
  file = descriptor_pb2.FileDescriptorProto(
    name="recipes.proto", syntax="proto3", dependency=["wrappers.proto"]
  )
  kinds = descriptor_pb2.FieldDescriptorProto
  for message, fields in _MESSAGES.items():
    described = file.message_type.add(name=message)
    for number, (field, kind) in enumerate(fields.items(), 1):
      one = described.field.add(
        name=field, number=number, label=kinds.LABEL_OPTIONAL
      )
      if kind.startswith("."):
        one.type, one.type_name = kinds.TYPE_MESSAGE, kind
      else:
        one.type = getattr(kinds, f"TYPE_{kind.upper()}")
  pool = descriptor_pool.DescriptorPool()
  wrappers = descriptor_pb2.FileDescriptorProto()
  wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
  wrappers.name = "wrappers.proto"
  pool.Add(wrappers)
  pool.Add(file)
  return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()


def _manifests():
  """The Kubernetes objects by kind and name."""
  objects = {}
  for path in sorted((_FOLDER / "kubernetes").glob("*.yaml")):
    for one in yaml.safe_load_all(path.read_text("utf-8")):
      objects[one["kind"], one["metadata"]["name"]] = one
  return objects


def _flags(arguments):
  pairs = [argument.removeprefix("--").split("=", 1) for argument in arguments]
  assert len(dict(pairs)) == len(pairs)
  return dict(pairs)


def _compose():
  return yaml.safe_load((_FOLDER / "compose.yaml").read_text("utf-8"))


def test_models_have_two_versions_and_their_labels():
  stubs.load()
  from tensorflow_serving.config import model_server_config_pb2

  config = text_format.Parse(
    (_FOLDER / "models.config").read_text("utf-8"),
    model_server_config_pb2.ModelServerConfig(),
  )
  (model,) = config.model_config_list.config
  assert (model.name, model.base_path) == ("realm", "/models/realm")
  assert model.model_platform == "tensorflow"
  versions = list(model.model_version_policy.specific.versions)
  assert len(versions) == 2
  assert set(model.version_labels) == {"stable", "canary"}
  assert set(model.version_labels.values()) <= set(versions)


def test_batching_and_monitoring():
  batching = text_format.Parse(
    (_FOLDER / "batching.config").read_text("utf-8"),
    _message("BatchingParameters"),
  )
  # What BatchingParameters asks of them, and what a client's parts need.
  assert batching.enable_large_batch_splitting.value
  largest = batching.max_batch_size.value
  assert largest >= batching.max_execution_batch_size.value > 0
  assert largest >= 64
  monitoring = text_format.Parse(
    (_FOLDER / "monitoring.config").read_text("utf-8"),
    _message("MonitoringConfig"),
  )
  assert monitoring.prometheus_config.enable
  pod = _manifests()["Deployment", "realm"]["spec"]["template"]
  annotations = pod["metadata"]["annotations"]
  assert annotations["prometheus.io/path"] == monitoring.prometheus_config.path


def test_certificates_become_an_ssl_config(tmp_path):
  paths = [tmp_path / name for name in ("key.pem", "cert.pem", "ca.pem")]
  for path in paths:
    path.write_text(f"-----BEGIN {path.stem}-----\nab+/=\n-----END-----\n")
  for count in (2, 3):
    written = subprocess.run(
      [sys.executable, _FOLDER / "make_ssl_config.py", *paths[:count]],
      check=True,
      capture_output=True,
      text=True,
    ).stdout
    config = text_format.Parse(written, _message("SSLConfig"))
    assert config.server_key == paths[0].read_text()
    assert config.server_cert == paths[1].read_text()
    assert config.client_verify == (count == 3)
  assert config.custom_ca == paths[2].read_text()


def test_compose_starts_the_stock_image():
  compose = _compose()
  assert set(compose) == {"name", "services"}
  service = compose["services"]["serving"]
  known = """
    image init entrypoint command ports volumes user read_only tmpfs cap_drop
    security_opt healthcheck deploy restart stop_grace_period
  """.split()  # of the Compose specification
  assert set(service) <= set(known)
  assert service["image"] == "tensorflow/serving:2.15.1"
  flags = _flags(service["command"])
  assert set(flags) <= _FLAGS
  for flag in ("model_config_file", "batching_parameters_file"):
    assert (_FOLDER / flags[flag].removeprefix("/config/")).is_file()
  assert all(port.startswith("127.0.0.1:") for port in service["ports"])
  assert all(volume.endswith(":ro") for volume in service["volumes"])
  assert service["healthcheck"]["test"][:3] == ["CMD", "bash", "-c"]


# What objects may hold: a dict names all fields ("!": must be there), a list
# has elements of one kind, `dict` has any keys, and a tuple is of types.
_LABELS = {"app!": str}
_META = {"name!": str, "labels": _LABELS, "annotations": dict}
_SELECTOR = {"matchLabels!": _LABELS}
_HTTP_PROBE = {
  "httpGet": {"path!": str, "port!": (int, str)},
  "grpc": {"port!": int},
  "periodSeconds": int,
  "timeoutSeconds": int,
  "failureThreshold": int,
}
_CONTAINER = {
  "name!": str,
  "image!": str,
  "command": [str],
  "args": [str],
  "ports": [{"name!": str, "containerPort!": int}],
  "startupProbe!": _HTTP_PROBE,
  "readinessProbe!": _HTTP_PROBE,
  "livenessProbe!": _HTTP_PROBE,
  "lifecycle": {"preStop": {"exec": {"command": [str]}}},
  "resources!": {
    "requests!": {"cpu!": str, "memory!": str},
    "limits!": {"memory!": str},
  },
  "securityContext": {
    "allowPrivilegeEscalation": bool,
    "readOnlyRootFilesystem": bool,
    "capabilities": {"drop": [str]},
  },
  "volumeMounts": [{"name!": str, "mountPath!": str, "readOnly": bool}],
}
_POD = {
  "automountServiceAccountToken": bool,
  "terminationGracePeriodSeconds": int,
  "securityContext": {
    "runAsNonRoot": bool,
    "runAsUser": int,
    "runAsGroup": int,
    "seccompProfile": {"type!": str},
  },
  "topologySpreadConstraints": [
    {
      "maxSkew!": int,
      "topologyKey!": str,
      "whenUnsatisfiable!": str,
      "labelSelector": _SELECTOR,
    }
  ],
  "containers!": [_CONTAINER],
  "volumes": [
    {
      "name!": str,
      "persistentVolumeClaim": {"claimName!": str, "readOnly": bool},
      "configMap": {"name!": str},
      "emptyDir": dict,
    }
  ],
}
_SPECS = {
  ("v1", "Namespace"): None,
  ("v1", "PersistentVolumeClaim"): {
    "accessModes!": [str],
    "resources!": {"requests!": {"storage!": str}},
    "storageClassName": str,
  },
  ("v1", "Service"): {
    "clusterIP": str,
    "selector!": _LABELS,
    "ports!": [{"name!": str, "port!": int, "targetPort!": str}],
  },
  ("apps/v1", "Deployment"): {
    "strategy": {
      "type!": str,
      "rollingUpdate": {"maxUnavailable": int, "maxSurge": int},
    },
    "selector!": _SELECTOR,
    "template!": {
      "metadata!": {"labels!": _LABELS, "annotations": dict},
      "spec!": _POD,
    },
  },
  ("autoscaling/v2", "HorizontalPodAutoscaler"): {
    "scaleTargetRef!": {"apiVersion!": str, "kind!": str, "name!": str},
    "minReplicas!": int,
    "maxReplicas!": int,
    "metrics!": [
      {
        "type!": str,
        "resource": {
          "name!": str,
          "target!": {"type!": str, "averageUtilization!": int},
        },
      }
    ],
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": int}},
  },
  ("policy/v1", "PodDisruptionBudget"): {
    "maxUnavailable": int,
    "selector!": _SELECTOR,
  },
}


def _check(value, schema, place):
  if isinstance(schema, dict):
    assert isinstance(value, dict), place
    allowed = {name.rstrip("!"): kind for name, kind in schema.items()}
    needed = {name[:-1] for name in schema if name.endswith("!")}
    assert set(value) <= set(allowed), place
    assert needed <= set(value), place
    for name, part in value.items():
      _check(part, allowed[name], f"{place}.{name}")
  elif isinstance(schema, list):
    assert isinstance(value, list), place
    for number, part in enumerate(value):
      _check(part, schema[0], f"{place}[{number}]")
  else:
    assert isinstance(value, schema), f"{place} is {value!r}"
    assert not (schema is int and isinstance(value, bool)), place


def test_manifests_have_known_fields():
  objects = _manifests()
  assert {kind for kind, _ in objects} == {kind for _, kind in _SPECS}
  for (kind, name), one in objects.items():
    spec = _SPECS[one["apiVersion"], kind]
    whole = {"apiVersion!": str, "kind!": str, "metadata!": _META}
    if spec is not None:
      whole["spec!"] = spec
    _check(one, whole, f"{kind}/{name}")


def test_manifests_fit_each_other():
  objects = _manifests()
  template = objects["Deployment", "realm"]["spec"]["template"]
  labels, pod = template["metadata"]["labels"], template["spec"]
  (container,) = pod["containers"]
  ports = {port["name"]: port["containerPort"] for port in container["ports"]}
  for (kind, _), one in objects.items():
    if kind == "Service":
      assert one["spec"]["selector"] == labels
      for port in one["spec"]["ports"]:
        assert ports[port["targetPort"]] == port["port"]
    elif kind in ("Deployment", "PodDisruptionBudget"):
      assert one["spec"]["selector"]["matchLabels"] == labels
    elif kind == "HorizontalPodAutoscaler":
      target = one["spec"]["scaleTargetRef"]
      assert (target["kind"], target["name"]) in objects
  assert container["image"] == "tensorflow/serving:2.15.1"
  flags = _flags(container["args"])
  assert set(flags) <= _FLAGS
  assert int(flags["port"]) == ports["grpc"]
  assert int(flags["rest_api_port"]) == ports["rest"]
  mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
  volumes = {volume["name"]: volume for volume in pod["volumes"]}
  assert set(mounts) == set(volumes)
  assert mounts["models"]["readOnly"]
  claim = volumes["models"]["persistentVolumeClaim"]
  assert claim["readOnly"]
  assert ("PersistentVolumeClaim", claim["claimName"]) in objects
  kustomization = yaml.safe_load(
    (_FOLDER / "kustomization.yaml").read_text("utf-8")
  )
  (generated,) = kustomization["configMapGenerator"]
  assert generated["name"] == volumes["config"]["configMap"]["name"]
  folder = mounts["config"]["mountPath"]
  files = {f"{folder}/{name}" for name in generated["files"]}
  assert {value for flag, value in flags.items() if flag.endswith("_file")} == (
    files
  )
  named = {f"kubernetes/{p.name}" for p in _FOLDER.glob("kubernetes/*.yaml")}
  assert set(kustomization["resources"]) == named
  # A pod must outlive the pause before its end by a request's longest time.
  (_, pause) = container["lifecycle"]["preStop"]["exec"]["command"]
  longest = int(flags["rest_api_timeout_in_ms"]) / 1000
  assert pod["terminationGracePeriodSeconds"] >= int(pause) + longest


def test_kustomize_builds():
  if shutil.which("kubectl") is None:
    pytest.skip("needs kubectl")
  built = subprocess.run(
    ["kubectl", "kustomize", _FOLDER],
    check=True,
    capture_output=True,
    text=True,
  ).stdout
  objects = list(yaml.safe_load_all(built))
  (config,) = [one for one in objects if one["kind"] == "ConfigMap"]
  assert config["metadata"]["name"] == "realm-serving"
  assert "version_labels" in config["data"]["models.config"]


def test_the_runbook_names_what_there_is():
  text = (_FOLDER / "README.md").read_text("utf-8")
  for flag in re.findall(r"`--([a-z_]+)", text):
    if flag in ("searcher", "kustomize"):
      continue  # of launch.export
    assert flag in _FLAGS, flag
  for name in re.findall(r"\]\(([^)#:]+)\)", text):
    assert (_FOLDER / name).exists(), name
  commands = re.findall(r"-d '(\{.*?\})'", text)
  assert commands
  for body in commands:
    json.loads(body)
