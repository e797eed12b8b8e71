"""The command: it starts, serves, and ends without cutting a request."""

import re
import signal
import socket
import subprocess
import sys

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc

from benchmarks import serving_clients
from benchmarks import serving_models

# Of requests that the server never had: no connection, or none any longer.
_NOT_ACCEPTED = re.compile(
  "UNAVAILABLE|ConnectionRefusedError|ConnectionResetError|RemoteDisconnected"
)


def _free_ports(count: int) -> list[int]:
  sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
  ports = [one.getsockname()[1] for one in sockets]
  for one in sockets:
    one.close()
  return ports


def test_sigterm_under_load(tmp_path):
  serving_models.write_answering(tmp_path / "realm", 1, seconds=0.03)
  port, rest_api_port = _free_ports(2)
  process = subprocess.Popen(
    [
      sys.executable,
      "-m",
      "realm_tf.launch.serve",
      "--model_name=realm",
      f"--model_base_path={tmp_path}/realm",
      f"--port={port}",
      f"--rest_api_port={rest_api_port}",
      "--lame_duck_seconds=0.5",
      # Nothing, such as the watch below, may have it wait so long.
      "--grace_seconds=300",
    ],
    stdout=subprocess.PIPE,
    text=True,
  )
  asked = serving_clients.Load()
  try:
    assert process.stdout.readline() == f"gRPC at 127.0.0.1:{port}\n"
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
      watch = health_pb2_grpc.HealthStub(channel).Watch(
        health_pb2.HealthCheckRequest(), timeout=120
      )
      states = [next(watch).status]
      with asked.clients(12, port, rest_api_port):
        serving_clients.wait_for(lambda: len(asked.seconds) > 20)
        assert asked.errors == []
        process.send_signal(signal.SIGTERM)
        states.append(next(watch).status)
        before = len(asked.seconds)
        assert process.wait(timeout=60) == 0
        asked.end()
  finally:
    process.kill()
    rest = process.communicate()[0]
  assert states == [
    health_pb2.HealthCheckResponse.SERVING,
    health_pb2.HealthCheckResponse.NOT_SERVING,
  ]
  # Requests were taken after the end was announced, and all were answered.
  assert len(asked.seconds) >= before + 12
  assert [e for e in asked.errors if not _NOT_ACCEPTED.match(e)] == []
  assert rest.endswith("Ended: every accepted request was answered.\n")
