"""Malformed requests: each gets its error, and the server goes on."""

import logging

from benchmarks import http_requests
from realm_tf.serving.server import model_server
from realm_tf.serving.server import server_options
from tests.serving import fuzz


def test_malformed_requests_leave_the_server_up(models_config, caplog):
  caplog.set_level(logging.ERROR)
  server = model_server.Server(
    server_options.Options(
      model_config_file=models_config,
      allow_version_labels_for_unavailable_models=True,
      port=0,
      rest_api_port=0,
      enable_batching=True,
      max_request_bytes=fuzz.MOST_BYTES,
      lame_duck_seconds=0.0,
    )
  )
  server.start()
  answers = fuzz.attack(300, 0, server.port, server.rest_api_port)
  reply = http_requests.send(
    server.rest_api_port, "/v1/models/realm:predict", {"instances": ["who"]}
  )
  assert reply.json["predictions"][0]["answer"] == ["who!", ""]
  assert server.stop() == 0
  assert len({kind for kind, _ in answers}) == 14
  # What could not be read as a message is gRPC's to report.
  assert [r for r in caplog.records if r.name.startswith("realm_tf")] == []
