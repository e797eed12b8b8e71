"""The local server: TensorFlow Serving's protocol from the same SavedModels."""

import functools
import logging
import os
import sys
import time
from collections.abc import Callable
from collections.abc import Sequence
from concurrent import futures

import grpc
import tensorflow as tf

from realm_tf import errors
from realm_tf import interruption
from realm_tf.serving.server import admission_control
from realm_tf.serving.server import batch_settings
from realm_tf.serving.server import codes
from realm_tf.serving.server import config_files
from realm_tf.serving.server import grpc_server
from realm_tf.serving.server import grpc_services
from realm_tf.serving.server import http_server
from realm_tf.serving.server import model_config
from realm_tf.serving.server import request_answering
from realm_tf.serving.server import rest_api
from realm_tf.serving.server import served_models
from realm_tf.serving.server import server_metrics
from realm_tf.serving.server import server_options

_METRICS_PATH = "/monitoring/prometheus/metrics"
# Threads beside those that requests take: for status, health and refusals.
_SPARE_THREADS = 16


class Server:
  """Serves from `start` to `stop`.

  Example:
    server = Server(Options(model_name="realm", model_base_path="exports"))
    server.start()
    ...
    server.stop()

  Attributes:
    port: Of gRPC.
    rest_api_port: Of HTTP; None for none.
  """

  def __init__(self, options: server_options.Options):
    """Reads the files that the options name; loads nothing yet.

    Raises:
      errors.UserError: One of them is missing or damaged, or no model is named.
    """
    self._options = options
    self.port: int = 0
    self.rest_api_port: int | None = None
    self._configs = read_models(options)
    self._metrics = server_metrics.Metrics()
    self._models = served_models.Models(
      self._metrics,
      labels_for_unavailable=options.allow_version_labels_for_unavailable_models,
    )
    batches = (
      batch_settings.read(options.batching_parameters_file)
      if options.enable_batching
      else None
    )
    self._admission = admission_control.Admission(
      options.max_concurrent_runs, options.max_queued_requests
    )
    self._answering = request_answering.Answering(
      self._models,
      self._metrics,
      self._admission,
      batches,
      options.max_request_rows,
    )
    threads = self._admission.most + _SPARE_THREADS
    seconds = options.rest_api_timeout_in_ms / 1000
    self._grpc = grpc_server.GrpcServer(
      grpc_services.PredictionService(
        self._answering, options.max_request_bytes, seconds
      ),
      grpc_services.ModelService(self._answering),
      grpc_server.GrpcOptions(
        address=f"{options.host}:{options.port}",
        threads=threads,
        most_bytes=options.max_request_bytes,
        credentials=_credentials(options.ssl_config_file),
      ),
    )
    self._http = None
    if options.rest_api_port is not None:
      self._http = http_server.HttpServer(
        rest_api.RestApi(self._answering, seconds),
        self._metrics,
        http_server.HttpOptions(
          host=options.host,
          port=options.rest_api_port,
          threads=threads,
          most_bytes=options.max_request_bytes,
          most_seconds=seconds,
          cors=options.rest_api_enable_cors_support,
          metrics_path=_metrics_path(options.monitoring_config_file),
        ),
      )

  def start(self) -> None:
    """Loads the models, then listens.

    Raises:
      errors.UserError: A model has no version that can be loaded, or a port is
        taken.
    """
    options = self._options
    try:
      self._models.reload(self._configs)
    except codes.RequestError as e:
      raise errors.UserError(e.message) from e
    try:
      self.port = self._grpc.start()
    except OSError as e:
      raise errors.UserError(
        f"`port`: cannot listen on {options.host}:{options.port}: {e}"
      ) from e
    if self._http is not None:
      try:
        self.rest_api_port = self._http.start()
      except OSError as e:
        raise errors.UserError(
          f"`rest_api_port`: cannot listen on {options.host}:"
          f"{options.rest_api_port}: {e}"
        ) from e
    self._models.poll(
      options.file_system_poll_wait_seconds,
      options.model_config_file_poll_wait_seconds,
      functools.partial(read_models, options),
    )

  def stop(self) -> int:
    """Announces the end, answers what was accepted, and unloads the models.

    Returns:
      How many requests were cut because their answers took too long.
    """
    options = self._options
    self._grpc.announce_end()
    if self._http is not None:
      self._http.announce_end()
    time.sleep(options.lame_duck_seconds)
    ends = [self._grpc.stop]
    if self._http is not None:
      ends.append(self._http.stop)
    with futures.ThreadPoolExecutor(len(ends)) as pool:
      for ended in [pool.submit(end, options.grace_seconds) for end in ends]:
        ended.result()
    cut = self._admission.in_hand
    if not cut:  # Else threads still work on them, with the models.
      self._answering.close()
      self._models.close()
    return cut


def run(
  options: server_options.Options, announce: Callable[[str], None]
) -> None:
  """Serves until a signal asks the process to end.

  A second signal ends it at once. The exit status is 1 if a request that was
  accepted took too long. What happens to models and requests meanwhile is
  logged to standard error.

  Args:
    options: The settings.
    announce: Takes lines on where it serves, and how it ends.

  Raises:
    errors.UserError: As `Server`.
  """
  _log_to_stderr()
  server = Server(options)
  server.start()
  try:
    announce(f"gRPC at {options.host}:{server.port}")
    if server.rest_api_port is not None:
      announce(
        f"REST and the page at http://{options.host}:{server.rest_api_port}"
      )
    # Short sleeps: a signal that the system hands to another thread does not
    # wake this one, whose turn it is to handle it.
    while True:
      time.sleep(1)
  except interruption.Interrupted as e:
    announce(f"{e} Answering what was accepted ...")
  cut = server.stop()
  if cut:
    announce(f"{cut} requests took too long and were cut.")
    os._exit(1)  # Python would wait for their threads.
  announce("Ended: every accepted request was answered.")


def read_models(
  options: server_options.Options,
) -> Sequence[model_config.ModelConfig]:
  """Returns the models that the options name.

  Raises:
    errors.UserError: There are none, or their file is missing or damaged.
  """
  if options.model_config_file:
    configs = model_config.read(options.model_config_file)
  elif options.model_name and options.model_base_path:
    configs = model_config.single(options.model_name, options.model_base_path)
  else:
    raise errors.UserError(
      "Name what to serve: `model_name` and `model_base_path`, or "
      "`model_config_file`."
    )
  return configs


def _metrics_path(config_file: str) -> str:
  if not config_file:
    return _METRICS_PATH
  config = config_files.read(
    config_file, "monitoring_config_file", config_files.MonitoringConfig()
  ).prometheus_config
  return (config.path or _METRICS_PATH) if config.enable else ""


def _credentials(config_file: str) -> grpc.ServerCredentials | None:
  if not config_file:
    return None
  config = config_files.read(
    config_file, "ssl_config_file", config_files.SSLConfig()
  )
  if not config.server_key or not config.server_cert:
    raise errors.UserError(
      f"`ssl_config_file`: {config_file} needs server_key and server_cert, the "
      "PEM files' contents."
    )
  if config.client_verify and not config.custom_ca:
    raise errors.UserError(
      f"`ssl_config_file`: {config_file} needs custom_ca to verify clients."
    )
  return grpc.ssl_server_credentials(
    [(config.server_key.encode(), config.server_cert.encode())],
    root_certificates=config.custom_ca.encode() or None,
    require_client_auth=config.client_verify,
  )


def _log_to_stderr() -> None:
  logger = logging.getLogger("realm_tf.serving.server")
  handler = logging.StreamHandler(sys.stderr)
  handler.setFormatter(
    logging.Formatter("%(asctime)s %(levelname)s %(message)s")
  )
  logger.addHandler(handler)
  logger.setLevel(logging.INFO)
  logger.propagate = False
  # Else anybody's undecodable message is a traceback.
  logging.getLogger("grpc").setLevel(logging.CRITICAL)
  # It warns of its own old functions, which a session needs.
  tf.get_logger().setLevel(logging.ERROR)
