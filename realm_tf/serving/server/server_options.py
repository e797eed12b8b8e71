"""The options of a server."""

import dataclasses
import os


@dataclasses.dataclass(frozen=True)
class Options:
  """TensorFlow Serving's flags of the same names, and limits.

  Attributes:
    model_name: The model, if there is no model_config_file.
    model_base_path: Folder of its versions.
    model_config_file: ModelServerConfig as text.
    model_config_file_poll_wait_seconds: Between two looks at it; 0 for one
      look.
    file_system_poll_wait_seconds: Between two looks for new versions; 0 for
      one look.
    allow_version_labels_for_unavailable_models: Whether a new label may name a
      version that is not loaded yet.
    host: Where both ports listen.
    port: Of gRPC; 0 for any that is free.
    rest_api_port: Of HTTP; 0 for any that is free, None for no HTTP.
    rest_api_timeout_in_ms: How long a request may take that has no deadline of
      its own.
    rest_api_enable_cors_support: Whether pages of other servers may ask.
    enable_batching: Whether requests run together.
    batching_parameters_file: BatchingParameters as text.
    monitoring_config_file: MonitoringConfig as text.
    ssl_config_file: SSLConfig as text, for gRPC.
    max_request_bytes: Of a request, and of each tensor in it.
    max_request_rows: On axis 0 of its inputs.
    max_concurrent_runs: Graphs that run at the same time, without batching.
    max_queued_requests: Requests that may wait beside them.
    lame_duck_seconds: How long requests are taken after the end was announced.
    grace_seconds: How long the answers to these may take.
  """

  model_name: str = ""
  model_base_path: str = ""
  model_config_file: str = ""
  model_config_file_poll_wait_seconds: float = 0.0
  file_system_poll_wait_seconds: float = 1.0
  allow_version_labels_for_unavailable_models: bool = False
  host: str = "127.0.0.1"
  port: int = 8500
  rest_api_port: int | None = 8501
  rest_api_timeout_in_ms: int = 30_000
  rest_api_enable_cors_support: bool = False
  enable_batching: bool = False
  batching_parameters_file: str = ""
  monitoring_config_file: str = ""
  ssl_config_file: str = ""
  max_request_bytes: int = 64 << 20
  max_request_rows: int = 10_000
  max_concurrent_runs: int = len(os.sched_getaffinity(0))
  max_queued_requests: int = 256
  lame_duck_seconds: float = 1.0
  grace_seconds: float = 30.0
