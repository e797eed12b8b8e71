r"""Serves SavedModels as TensorFlow Serving does: gRPC, REST, and a page.

python -m realm_tf.launch.serve --model_name=realm --model_base_path=EXPORTS \
  --port=8500 --rest_api_port=8501

SIGTERM or Ctrl-C ends it: health checks say so, accepted requests are answered,
and the exit status is 0; 1 if some took longer than --grace_seconds. A second
signal ends it at once.
"""

import functools

from absl import flags

from realm_tf.launch import command
from realm_tf.launch import dry_run
from realm_tf.launch import path_checks

_MODEL_NAME = flags.DEFINE_string(
  "model_name", "", "The model's name in requests."
)
_MODEL_BASE_PATH = flags.DEFINE_string(
  "model_base_path",
  "",
  "Folder whose sub-folders 1, 2, ... are the versions, as export writes them.",
)
_MODEL_CONFIG_FILE = flags.DEFINE_string(
  "model_config_file",
  "",
  "Instead of these two: several models, a ModelServerConfig as text.",
)
_MODEL_CONFIG_FILE_POLL = flags.DEFINE_float(
  "model_config_file_poll_wait_seconds",
  0.0,
  "Look for changes of that file so often; 0 to read it once.",
  lower_bound=0,
)
_FILE_SYSTEM_POLL = flags.DEFINE_float(
  "file_system_poll_wait_seconds",
  1.0,
  "Look for new versions so often; 0 to look once.",
  lower_bound=0,
)
_LABELS = flags.DEFINE_bool(
  "allow_version_labels_for_unavailable_models",
  False,
  "Let new labels name versions that are not loaded yet, as when the server "
  "starts.",
)
_HOST = flags.DEFINE_string(
  "host", "127.0.0.1", "Listen here; 0.0.0.0 for other machines, too."
)
_PORT = flags.DEFINE_integer(
  "port", 8500, "Of gRPC.", lower_bound=1, upper_bound=65535
)
_REST_API_PORT = flags.DEFINE_integer(
  "rest_api_port",
  8501,
  "Of REST, metrics and the page; 0 for none.",
  lower_bound=0,
  upper_bound=65535,
)
_REST_API_TIMEOUT = flags.DEFINE_integer(
  "rest_api_timeout_in_ms",
  30_000,
  "How long a request may take that has no deadline of its own.",
  lower_bound=1,
)
_CORS = flags.DEFINE_bool(
  "rest_api_enable_cors_support", False, "Let pages of other servers ask."
)
_ENABLE_BATCHING = flags.DEFINE_bool(
  "enable_batching", False, "Run requests together."
)
_BATCHING_PARAMETERS_FILE = flags.DEFINE_string(
  "batching_parameters_file", "", "How: BatchingParameters as text."
)
_MONITORING_CONFIG_FILE = flags.DEFINE_string(
  "monitoring_config_file",
  "",
  "Where Prometheus's metrics are, a MonitoringConfig as text; by default at "
  "/monitoring/prometheus/metrics.",
)
_SSL_CONFIG_FILE = flags.DEFINE_string(
  "ssl_config_file", "", "TLS for gRPC: SSLConfig as text."
)
_MAX_REQUEST_BYTES = flags.DEFINE_integer(
  "max_request_bytes", 64 << 20, "Refuse larger requests.", lower_bound=1
)
_MAX_REQUEST_ROWS = flags.DEFINE_integer(
  "max_request_rows", 10_000, "Refuse requests with more rows.", lower_bound=1
)
_MAX_CONCURRENT_RUNS = flags.DEFINE_integer(
  "max_concurrent_runs",
  None,
  "Graphs that run at the same time; by default one a core. With "
  "--enable_batching, num_batch_threads says it.",
  lower_bound=1,
)
_MAX_QUEUED_REQUESTS = flags.DEFINE_integer(
  "max_queued_requests",
  256,
  "Requests that may wait beside those that run; more are refused with "
  "RESOURCE_EXHAUSTED, status 429.",
  lower_bound=0,
)
_LAME_DUCK_SECONDS = flags.DEFINE_float(
  "lame_duck_seconds",
  1.0,
  "At the end, take requests for so long after health checks say NOT_SERVING.",
  lower_bound=0,
)
_GRACE_SECONDS = flags.DEFINE_float(
  "grace_seconds",
  30.0,
  "Then wait so long for the answers to accepted requests.",
  lower_bound=0,
)


def main() -> None:
  """Serves the models that the flags name."""
  path_checks.folder("model_base_path", _MODEL_BASE_PATH.value)
  for flag in (
    _MODEL_CONFIG_FILE,
    _BATCHING_PARAMETERS_FILE,
    _MONITORING_CONFIG_FILE,
    _SSL_CONFIG_FILE,
  ):
    path_checks.there(flag.name, [flag.value])
  if dry_run.shown():
    return
  from realm_tf.serving.server import model_server
  from realm_tf.serving.server import server_options

  runs = _MAX_CONCURRENT_RUNS.value
  model_server.run(
    server_options.Options(
      model_name=_MODEL_NAME.value,
      model_base_path=_MODEL_BASE_PATH.value,
      model_config_file=_MODEL_CONFIG_FILE.value,
      model_config_file_poll_wait_seconds=_MODEL_CONFIG_FILE_POLL.value,
      file_system_poll_wait_seconds=_FILE_SYSTEM_POLL.value,
      allow_version_labels_for_unavailable_models=_LABELS.value,
      host=_HOST.value,
      port=_PORT.value,
      rest_api_port=_REST_API_PORT.value or None,
      rest_api_timeout_in_ms=_REST_API_TIMEOUT.value,
      rest_api_enable_cors_support=_CORS.value,
      enable_batching=_ENABLE_BATCHING.value,
      batching_parameters_file=_BATCHING_PARAMETERS_FILE.value,
      monitoring_config_file=_MONITORING_CONFIG_FILE.value,
      ssl_config_file=_SSL_CONFIG_FILE.value,
      max_request_bytes=_MAX_REQUEST_BYTES.value,
      max_request_rows=_MAX_REQUEST_ROWS.value,
      **({"max_concurrent_runs": runs} if runs else {}),
      max_queued_requests=_MAX_QUEUED_REQUESTS.value,
      lame_duck_seconds=_LAME_DUCK_SECONDS.value,
      grace_seconds=_GRACE_SECONDS.value,
    ),
    announce=functools.partial(print, flush=True),
  )


if __name__ == "__main__":
  command.run(main)
